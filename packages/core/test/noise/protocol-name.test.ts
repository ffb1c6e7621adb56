import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TightbeamError } from "../../src/errors.js";
import { createHandshake } from "../../src/noise/index.js";
import { parseProtocolName } from "../../src/noise/protocol-name.js";

describe("parseProtocolName", () => {
  it("reads what there is", () => {
    expect(parseProtocolName("Noise_XXpsk0+psk3_25519_AESGCM_BLAKE2s")).toEqual({
      name: "Noise_XXpsk0+psk3_25519_AESGCM_BLAKE2s",
      pattern: {
        initiatorKnown: false,
        responderKnown: false,
        messages: [
          ["psk", "e"],
          ["e", "ee", "s", "es"],
          ["s", "se", "psk"],
        ],
        oneWay: false,
        psks: 2,
      },
      cipher: "AESGCM",
      hash: "BLAKE2s",
      hybrid: false,
    });
    expect(parseProtocolName("Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256")).toMatchObject({
      hybrid: true,
      pattern: {
        messages: [
          ["e", "e1"],
          ["e", "ee", "ekem1", "s", "es"],
          ["s", "se"],
        ],
      },
    });
    expect(parseProtocolName("Noise_K_25519_ChaChaPoly_SHA256").pattern).toMatchObject({ initiatorKnown: true, responderKnown: true, oneWay: true });
  });

  it.each([
    ["Noise_XN_25519_ChaChaPoly_SHA256", "XN"],
    ["Noise_KN_25519_ChaChaPoly_SHA256", "KN"],
    ["Noise_X1X_25519_ChaChaPoly_SHA256", "X1X"],
    ["Noise_XXfallback_25519_ChaChaPoly_SHA256", "XXfallback"],
    ["Noise_XXpsk4_25519_ChaChaPoly_SHA256", "XXpsk4"],
    ["Noise_Npsk2_25519_ChaChaPoly_SHA256", "Npsk2"],
    ["Noise_XXpsk3+psk0_25519_ChaChaPoly_SHA256", "XXpsk3+psk0"],
    ["Noise_XXpsk1+psk1_25519_ChaChaPoly_SHA256", "XXpsk1+psk1"],
    ["Noise_NNhfs_25519+MLKEM768_ChaChaPoly_SHA256", "NNhfs"],
    ["Noise_XXhfspsk3_25519+MLKEM768_ChaChaPoly_SHA256", "XXhfspsk3"],
    ["Noise_toString_25519_ChaChaPoly_SHA256", "toString"],
    ["Noise_constructor_25519_ChaChaPoly_SHA256", "constructor"],
    ["Noise_XX_448_ChaChaPoly_SHA256", "448"],
    ["Noise_XX_25519+MLKEM768_ChaChaPoly_SHA256", "25519+MLKEM768"],
    ["Noise_XXhfs_25519_ChaChaPoly_SHA256", "25519"],
    ["Noise_XXhfs_25519+ML-KEM-768_ChaChaPoly_SHA256", "25519+ML-KEM-768"],
    ["Noise_XX_25519_AESGCMSIV_SHA256", "AESGCMSIV"],
    ["Noise_XX_25519_ChaChaPoly_SHA512", "SHA512"],
    ["Noise_XX_25519_ChaChaPoly_BLAKE2b", "BLAKE2b"],
  ])("refuses %s, naming the part", async (name, part) => {
    const refusal = createHandshake({ protocol: name, role: "initiator" });
    await expect(refusal).rejects.toMatchObject({ code: "unsupported" });
    await expect(refusal).rejects.toThrowError(part);
  });

  it.each([
    "",
    "Noise",
    "XX_25519_ChaChaPoly_SHA256",
    "noise_XX_25519_ChaChaPoly_SHA256",
    "Noise_XX_25519_ChaChaPoly",
    "Noise___proto___25519_ChaChaPoly_SHA256",
    "Noise_XX_25519_ChaChaPoly_SHA256_",
    `Noise_XX_25519_ChaChaPoly_${"A".repeat(300)}`,
    undefined,
    1,
    {},
  ])("refuses %j as no name at all", (name) => {
    expect(() => parseProtocolName(name as string)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("gives a value or a typed error for any text", () => {
    const part = fc.constantFrom(
      "Noise",
      "XX",
      "NK",
      "hfs",
      "psk0",
      "+psk3",
      "25519",
      "+MLKEM768",
      "ChaChaPoly",
      "AESGCM",
      "SHA256",
      "BLAKE2s",
      "_",
      "_",
      "_",
      "_",
      "\n",
      "é",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part, { maxLength: 14 }).map((parts) => parts.join("")),
        ),
        (name) => {
          try {
            expect(parseProtocolName(name).name).toBe(name);
          } catch (error) {
            expect(error).toBeInstanceOf(TightbeamError);
          }
        },
      ),
    );
  });
});
