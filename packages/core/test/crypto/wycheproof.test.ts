import { describe, expect, it } from "vitest";
import { concat, fromHex, toHex } from "../../src/bytes.js";
import { kemPasses, loadNobleKem, nativeKem } from "../../src/crypto/kem.js";
import { sodiumKem } from "../../src/crypto/sodium.js";
import { TightbeamError } from "../../src/errors.js";
import { describeVectors } from "../vectors.js";
import { providers, seal } from "./providers.js";

interface File<Test> {
  readonly numberOfTests: number;
  readonly testGroups: readonly {
    readonly ivSize?: number;
    readonly tests: readonly (Test & { readonly tcId: number; readonly result: "valid" | "invalid" | "acceptable"; readonly flags: readonly string[] })[];
  }[];
}

const all = await providers();

describeVectors<File<{ key: string; iv: string; aad: string; msg: string; ct: string; tag: string }>>(
  "Wycheproof ChaCha20-Poly1305",
  "wycheproof/chacha20_poly1305_test.json",
  (file) => {
    describe.each(all)("$name", (provider) => {
      it("gives every answer and every refusal", () => {
        let judged = 0;
        for (const group of file.testGroups) {
          for (const test of group.tests) {
            const [key, nonce, aad, plaintext] = [test.key, test.iv, test.aad, test.msg].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
            const sealed = concat(fromHex(test.ct), fromHex(test.tag));
            const name = `tcId ${test.tcId}`;
            judged++;
            if (group.ivSize !== 96) {
              expect(test.result, name).toBe("invalid");
              for (const run of [() => seal(provider, "chachaPoly", key, nonce, aad, plaintext), () => provider.chachaPoly.open(key, nonce, aad, sealed)]) {
                expect(run, name).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
              }
              continue;
            }
            const opened = provider.chachaPoly.open(key, nonce, aad, sealed);
            if (test.result === "valid") {
              expect(toHex(seal(provider, "chachaPoly", key, nonce, aad, plaintext)), name).toBe(toHex(sealed));
              expect(opened === undefined ? undefined : toHex(opened), name).toBe(test.msg);
            } else {
              expect(opened, name).toBeUndefined();
            }
          }
        }
        expect(judged).toBe(file.numberOfTests);
      });
    });
  },
);

describeVectors<File<{ public: string; private: string; shared: string }>>("Wycheproof X25519", "wycheproof/x25519_test.json", (file) => {
  describe.each(all)("$name", (provider) => {
    it("gives every secret and refuses every zero secret", () => {
      let judged = 0;
      let refused = 0;
      for (const test of file.testGroups.flatMap((group) => group.tests)) {
        const run = () => toHex(provider.x25519.shared(fromHex(test.private), fromHex(test.public)));
        judged++;
        if (/^0*$/.test(test.shared) || test.flags.includes("ZeroSharedSecret")) {
          expect(run, `tcId ${test.tcId}`).toThrowError(expect.objectContaining({ code: "invalid_key" }));
          refused++;
        } else {
          expect(run(), `tcId ${test.tcId}`).toBe(test.shared);
        }
      }
      expect(judged).toBe(file.numberOfTests);
      expect(refused).toBeGreaterThan(5);
    });
  });
});

describeVectors<File<{ ikm: string; salt: string; info: string; size: number; okm: string }>>(
  "Wycheproof HKDF-SHA256, through our HMAC",
  "wycheproof/hkdf_sha256_test.json",
  (file) => {
    describe.each(all)("$name", (provider) => {
      it("gives every output", () => {
        let judged = 0;
        for (const test of file.testGroups.flatMap((group) => group.tests)) {
          judged++;
          // RFC 5869: more than 255 blocks is impossible; the vectors' only invalid case.
          if (test.size > 255 * 32) {
            expect(test.result).toBe("invalid");
            continue;
          }
          const { hmac } = provider.sha256;
          const prk = hmac(test.salt === "" ? new Uint8Array(32) : fromHex(test.salt), fromHex(test.ikm));
          let block: Uint8Array = new Uint8Array(0);
          let okm: Uint8Array = new Uint8Array(0);
          for (let i = 1; okm.length < test.size; i++) {
            block = hmac(prk, block, fromHex(test.info), Uint8Array.of(i));
            okm = concat(okm, block);
          }
          expect(toHex(okm.subarray(0, test.size)), `tcId ${test.tcId}`).toBe(test.okm);
        }
        expect(judged).toBe(file.numberOfTests);
      });
    });
  },
);

const kems = [await loadNobleKem(), nativeKem(), await sodiumKem()].filter((kem) => kem !== undefined);

describeVectors<File<{ seed: string; ek: string; c: string; K: string }>>(
  "Wycheproof ML-KEM-768: key generation and decapsulation",
  "wycheproof/mlkem_768_test.json",
  (file) => {
    describe.each(kems)("$name", (kem) => {
      it("gives every key and secret, and refuses every invalid input with a typed error", () => {
        let judged = 0;
        for (const test of file.testGroups.flatMap((group) => group.tests)) {
          judged++;
          const name = `tcId ${test.tcId}`;
          const run = () => {
            const { publicKey, secretKey } = kem.keyPair(fromHex(test.seed));
            expect(toHex(publicKey), name).toBe(test.ek);
            return toHex(kem.decapsulate(secretKey, fromHex(test.c)));
          };
          if (test.result === "valid") expect(run(), name).toBe(test.K);
          else expect(run, name).toThrowError(TightbeamError);
        }
        expect(judged).toBe(file.numberOfTests);
      });

      it("passes its known answers", () => {
        expect(kemPasses(kem, (all[0] as (typeof all)[number]).sha256, kem.name !== "native")).toBe(true);
      });
    });
  },
);
