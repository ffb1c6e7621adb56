import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { empty, fromHex, toHex } from "../../src/bytes.js";
import { deriveKey, xchacha } from "../../src/crypto/xchacha.js";

const seal = (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array => {
  const out = new Uint8Array(plaintext.length + 16);
  xchacha(key).sealInto(out, nonce, aad, plaintext);
  return out;
};

describe("XChaCha20-Poly1305", () => {
  // draft-irtf-cfrg-xchacha-03, appendix A.3.1
  const key = fromHex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const nonce = fromHex("404142434445464748494a4b4c4d4e4f5051525354555657");
  const aad = fromHex("50515253c0c1c2c3c4c5c6c7");
  const plaintext = new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const answer =
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49";

  it("gives the published answer, and takes it back", () => {
    expect(toHex(seal(key, nonce, aad, plaintext))).toBe(answer);
    expect(xchacha(key).open(nonce, aad, fromHex(answer))).toEqual(plaintext);
  });

  it("refuses another nonce, other data beside it, any flipped bit and anything too short", () => {
    const cipher = xchacha(key);
    const sealed = fromHex(answer);
    for (let i = 0; i < sealed.length; i++) {
      const bad = sealed.slice();
      bad[i] = (bad[i] as number) ^ (1 << (i % 8));
      expect(cipher.open(nonce, aad, bad)).toBeUndefined();
    }
    for (let i = 0; i < nonce.length; i++) {
      const bad = nonce.slice();
      bad[i] = (bad[i] as number) ^ 0x80;
      expect(cipher.open(bad, aad, sealed)).toBeUndefined();
    }
    expect(cipher.open(nonce, empty, sealed)).toBeUndefined();
    expect(cipher.open(nonce, aad, sealed.subarray(0, 15))).toBeUndefined();
    expect(() => xchacha(key.subarray(1))).toThrow("32 bytes");
    expect(() => cipher.open(nonce.subarray(1), aad, sealed)).toThrow("24 bytes");
  });

  it("goes from nonce to nonce, whether they share their first 16 bytes or not, and keeps sealing and opening apart", () => {
    const cipher = xchacha(key);
    const sealedAt = [0, 1, 20, 20, 1, 0, 23, 16].map((at) => {
      const own = nonce.slice();
      own[at] = (own[at] as number) ^ 0x55;
      const out = new Uint8Array(plaintext.length + 16);
      cipher.sealInto(out, own, aad, plaintext);
      expect(out).toEqual(xchacha20poly1305(key, own, aad).encrypt(plaintext));
      expect(cipher.open(nonce, aad, fromHex(answer))).toEqual(plaintext);
      return [own, out] as const;
    });
    for (const [own, out] of sealedAt.toReversed()) expect(cipher.open(own, aad, out)).toEqual(plaintext);
  });

  it("agrees with the library's own construction at every size", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ minLength: 24, maxLength: 24 }),
        fc.uint8Array({ maxLength: 80 }),
        fc.uint8Array({ maxLength: 3_000 }),
        (k, n, data, text) => {
          const sealed = xchacha20poly1305(k, n, data).encrypt(text);
          expect(seal(k, n, data, text)).toEqual(sealed);
          expect(xchacha(k).open(n, data, sealed)).toEqual(text);
        },
      ),
      { numRuns: 60 },
    );
  });
});

it("HKDF-SHA256 without salt gives the published answer", () => {
  // RFC 5869, appendix A.3: no salt, no info.
  expect(toHex(deriveKey(new Uint8Array(22).fill(0x0b), "", 42))).toBe("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
});
