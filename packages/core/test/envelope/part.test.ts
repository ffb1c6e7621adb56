import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeSaid, type PartVectors, partVectors } from "../../../../scripts/vectors/part.js";
import { fromHex, toHex } from "../../src/bytes.js";
import { decodePayload } from "../../src/codec/index.js";
import { encodePayloadPart, readPartBody } from "../../src/envelope/part.js";
import { createPart, type Part, partKind, readPartHead } from "../../src/envelope/part-head.js";
import { TightbeamError } from "../../src/errors.js";

const frozen = JSON.parse(readFileSync(new URL("../../../../vectors/part.json", import.meta.url), "utf8")) as PartVectors;

function read(bytes: Uint8Array): Part {
  const part = createPart();
  expect(readPartHead(bytes, part)).toBe(true);
  readPartBody(bytes, part);
  return part;
}

describe("vectors/part.json", () => {
  test("is what the script makes: a change is a change of protocol", () => {
    expect(JSON.parse(JSON.stringify(partVectors()))).toEqual(frozen);
    expect(frozen.parts.length).toBeGreaterThanOrEqual(14);
    expect(frozen.refused.length).toBeGreaterThanOrEqual(14);
  });

  test.each(frozen.parts)("$description", (said) => {
    const part = read(fromHex(said.wire));
    expect([part.kind, part.number, part.byOpener, part.error]).toEqual([partKind[said.kind], said.number, said.byOpener, said.error]);
    if (said.kind === "credit") expect(part.total).toBe(said.total);
    const { payload } = said;
    expect(decodePayload(part.payload)).toEqual(payload === undefined ? undefined : "hex" in payload ? fromHex(payload.hex) : payload.json);
    expect(toHex(encodeSaid(said))).toBe(said.wire);
  });

  test.each(frozen.refused)("refused: $description", ({ wire, path }) => {
    expect(() => read(fromHex(wire))).toThrow(
      expect.objectContaining({ code: "invalid_envelope", message: expect.stringContaining(`invalid at ${path}:`) as string }) as Error,
    );
  });
});

describe("parts", () => {
  test("fewer than six bytes are no part", () => {
    for (let length = 0; length < 6; length++) expect(readPartHead(fromHex("170100000007").subarray(0, length), createPart())).toBe(false);
  });

  test("any bytes are a part or invalid_envelope, and every part is written as it was read", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 5, maxLength: 60 }), fc.integer({ min: 0, max: 255 }), (rest, bits) => {
        const bytes = Uint8Array.of(0x17, bits, ...rest);
        try {
          const { kind, number, byOpener, payload } = read(bytes);
          if (kind === partKind.chunk || kind === partKind.end) expect(toHex(encodePayloadPart(kind, { number, byOpener }, payload))).toBe(toHex(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(TightbeamError);
          expect((error as TightbeamError).code).toBe("invalid_envelope");
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("an error as long as its grammar lets it be", () => {
    const error = { code: "unsupported_version", message: "x".repeat(1_024), id: "i".repeat(64), retryAfter: 2 ** 32 - 1 } as const;
    expect(read(encodeSaid({ description: "", kind: "error", number: 1, byOpener: false, error })).error).toEqual(error);
  });
});
