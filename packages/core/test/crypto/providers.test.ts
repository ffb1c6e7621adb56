import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, empty, fromHex, toHex } from "../../src/bytes.js";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { providers, seal } from "./providers.js";

const all = await providers();
const [native, noble] = all as [CryptoProvider, CryptoProvider];
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const nonce = fc.uint8Array({ minLength: 12, maxLength: 12 });
const data = fc.uint8Array({ maxLength: 300 });
const aeads = ["chachaPoly", "aesGcm"] as const;

/** McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13 to 16 (also in NIST's validation set). */
const gcmAnswers = [
  { key: "00".repeat(32), nonce: "00".repeat(12), aad: "", plaintext: "", sealed: "530f8afbc74536b9a963b4f1c4cb738b" },
  {
    key: "00".repeat(32),
    nonce: "00".repeat(12),
    aad: "",
    plaintext: "00".repeat(16),
    sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
  },
  {
    key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
    nonce: "cafebabefacedbaddecaf888",
    aad: "",
    plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
    sealed:
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015adb094dac5d93471bdec1a502270e3cc6c",
  },
  {
    key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
    nonce: "cafebabefacedbaddecaf888",
    aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    sealed:
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
  },
];

describe.each(all)("$name", (provider) => {
  it.each(gcmAnswers.map((answer, i) => [13 + i, answer] as const))("AES-GCM test case %i", (_case, answer) => {
    const [k, n, aad, plaintext] = [answer.key, answer.nonce, answer.aad, answer.plaintext].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    expect(toHex(seal(provider, "aesGcm", k, n, aad, plaintext))).toBe(answer.sealed);
    expect(toHex(provider.aesGcm.open(k, n, aad, fromHex(answer.sealed)) ?? empty)).toBe(answer.plaintext);
  });

  describe.each(aeads)("%s", (name) => {
    const aead = provider[name];

    it("opens what it sealed, at every size around its internal pieces, into the middle of a larger array", () => {
      for (const size of [0, 1, 15, 16, 17, 63, 64, 65, 32_767, 32_768, 32_769, 65_536, 100_000, 262_144, 262_145, 300_000]) {
        const plaintext = Uint8Array.from({ length: size }, (_, i) => i * 7);
        const k = new Uint8Array(32).fill(size);
        const n = new Uint8Array(12).fill(3);
        const aad = new Uint8Array(20).fill(5);
        const frame = new Uint8Array(size + 16 + 24).fill(0xee);
        aead.sealInto(frame.subarray(21, 21 + size + 16), k, n, aad, plaintext);
        expect(frame.subarray(0, 21).every((byte) => byte === 0xee) && frame.subarray(21 + size + 16).every((byte) => byte === 0xee)).toBe(true);
        const opened = aead.open(k, n, aad, frame.subarray(21, 21 + size + 16));
        expect(opened !== undefined && toHex(opened) === toHex(plaintext), `size ${size}`).toBe(true);
      }
    });

    it("refuses any changed bit of ciphertext, tag, associated data and nonce, and any other length", () => {
      const k = new Uint8Array(32).fill(1);
      const n = new Uint8Array(12).fill(2);
      const aad = new Uint8Array(5).fill(3);
      const sealed = seal(provider, name, k, n, aad, new Uint8Array(20).fill(4));
      const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
        const copy = bytes.slice();
        copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
        return copy;
      };
      for (let bit = 0; bit < sealed.length * 8; bit++) expect(aead.open(k, n, aad, flip(sealed, bit))).toBeUndefined();
      for (let bit = 0; bit < n.length * 8; bit++) expect(aead.open(k, flip(n, bit), aad, sealed)).toBeUndefined();
      for (let bit = 0; bit < aad.length * 8; bit++) expect(aead.open(k, n, flip(aad, bit), sealed)).toBeUndefined();
      for (let length = 0; length < sealed.length; length++) expect(aead.open(k, n, aad, sealed.subarray(0, length))).toBeUndefined();
      expect(aead.open(k, n, aad, concat(sealed, Uint8Array.of(0)))).toBeUndefined();
      expect(aead.open(k, n, aad, sealed)).toEqual(new Uint8Array(20).fill(4));
    });

    it("refuses keys, nonces and outputs of wrong lengths", () => {
      const ok = { out: 26, key: 32, nonce: 12 };
      for (const wrong of [{ out: 25 }, { out: 27 }, { key: 31 }, { key: 16 }, { key: 0 }, { nonce: 11 }, { nonce: 8 }, { nonce: 0 }, { nonce: 24 }]) {
        const size = { ...ok, ...wrong };
        const run = () => aead.sealInto(new Uint8Array(size.out), new Uint8Array(size.key), new Uint8Array(size.nonce), empty, new Uint8Array(10));
        expect(run, JSON.stringify(wrong)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
        if (!("out" in wrong)) {
          const open = () => aead.open(new Uint8Array(size.key), new Uint8Array(size.nonce), empty, new Uint8Array(26));
          expect(open, JSON.stringify(wrong)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
        }
      }
    });

    it("follows a key array that is overwritten in place", () => {
      const k = new Uint8Array(32).fill(1);
      const n = new Uint8Array(12);
      const first = seal(provider, name, k, n, empty, Uint8Array.of(1));
      k.fill(0);
      const second = seal(provider, name, k, n, empty, Uint8Array.of(1));
      expect(toHex(second)).toBe(toHex(seal(provider, name, new Uint8Array(32), n, empty, Uint8Array.of(1))));
      expect(toHex(second)).not.toBe(toHex(first));
      k.fill(1);
      expect(provider[name].open(k, n, empty, first)).toEqual(Uint8Array.of(1));
      expect(provider[name].open(k, n, empty, second)).toBeUndefined();
    });

    it("gives plaintext that the caller owns: a plain array that shares nothing with the input", () => {
      const sealed = seal(provider, name, new Uint8Array(32), new Uint8Array(12), empty, new Uint8Array(40).fill(9));
      const opened = aead.open(new Uint8Array(32), new Uint8Array(12), empty, sealed) as Uint8Array;
      sealed.fill(0);
      expect(Object.getPrototypeOf(opened)).toBe(Uint8Array.prototype);
      expect(opened.every((byte) => byte === 9)).toBe(true);
    });
  });

  it("hashes and MACs like OpenSSL, in any division into parts", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 150 }), fc.array(data, { maxLength: 4 }), (secret, parts) => {
        const whole = concat(...parts);
        expect(toHex(provider.sha256.digest(...parts))).toBe(createHash("sha256").update(whole).digest("hex"));
        expect(toHex(provider.sha256.hmac(secret, ...parts))).toBe(createHmac("sha256", secret).update(whole).digest("hex"));
        expect(toHex(provider.blake2s.digest(...parts))).toBe(createHash("blake2s256").update(whole).digest("hex"));
        expect(toHex(provider.blake2s.hmac(secret, ...parts))).toBe(createHmac("blake2s256", secret).update(whole).digest("hex"));
      }),
    );
    expect([provider.sha256.name, provider.blake2s.name, provider.sha256.blockBytes]).toEqual(["SHA256", "BLAKE2s", 64]);
  });

  it("refuses X25519 keys of wrong lengths", () => {
    const { x25519 } = provider;
    for (const length of [0, 31, 33, 64]) {
      expect(() => x25519.keyPair(new Uint8Array(length))).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
      expect(() => x25519.shared(new Uint8Array(length), new Uint8Array(32).fill(9))).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
      expect(() => x25519.shared(new Uint8Array(32).fill(1), new Uint8Array(length))).toThrowError(expect.objectContaining({ code: "invalid_key" }));
    }
  });

  // The seven encodings of points of order 1, 2, 4 and 8, canonical and not, and with the ignored top bit set.
  const smallOrder = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ];
  it.each(smallOrder)("refuses the small-order point %s", (point) => {
    const bytes = fromHex(point);
    const topBit = bytes.slice();
    topBit[31] = (topBit[31] as number) | 0x80;
    for (const publicKey of [bytes, topBit]) {
      expect(() => provider.x25519.shared(new Uint8Array(32).fill(7), publicKey)).toThrowError(expect.objectContaining({ code: "invalid_key" }));
    }
  });

  it("agrees on a secret from both sides, and keeps its own copy of the secret key", () => {
    const secret = new Uint8Array(32).fill(5);
    const a = provider.x25519.keyPair(secret);
    secret.fill(0);
    const b = provider.x25519.keyPair(new Uint8Array(32).fill(6));
    expect(toHex(a.secretKey)).toBe("05".repeat(32));
    expect(toHex(provider.x25519.shared(a.secretKey, b.publicKey))).toBe(toHex(provider.x25519.shared(b.secretKey, a.publicKey)));
  });
});

describe("native and noble", () => {
  it.each(aeads)("%s: the same bytes, and each opens the other's", (name) => {
    fc.assert(
      fc.property(key, nonce, data, data, (k, n, aad, plaintext) => {
        const sealed = seal(native, name, k, n, aad, plaintext);
        expect(toHex(seal(noble, name, k, n, aad, plaintext))).toBe(toHex(sealed));
        for (const provider of all) expect(toHex(provider[name].open(k, n, aad, sealed) ?? empty)).toBe(toHex(plaintext));
      }),
    );
  });

  it("X25519: the same keys and secrets, the same refusals", () => {
    fc.assert(
      fc.property(key, key, (secret, point) => {
        const run = (provider: CryptoProvider): string => {
          try {
            return toHex(provider.x25519.shared(secret, point));
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        expect(toHex(native.x25519.keyPair(secret).publicKey)).toBe(toHex(noble.x25519.keyPair(secret).publicKey));
        expect(run(native)).toBe(run(noble));
      }),
      { numRuns: 50 },
    );
  });
});
