import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes.js";
import { crypto, loadKem } from "../../src/crypto/index.js";
import { kemPasses, loadNobleKem, nativeKem } from "../../src/crypto/kem.js";
import * as kemBytes from "../../src/crypto/kem-bytes.js";
import type { Kem } from "../../src/crypto/provider.js";
import { sodiumKem } from "../../src/crypto/sodium.js";

const noble = await loadNobleKem();
const sodium = (await sodiumKem()) as Kem;
const kems = [noble, nativeKem(), sodium].filter((kem) => kem !== undefined);
const seed = new Uint8Array(kemBytes.seed).fill(3);

describe.each(kems)("ML-KEM-768, $name", (kem) => {
  it("agrees with noble in both roles", () => {
    const own = kem.keyPair(seed);
    const other = noble.keyPair(seed);
    expect(toHex(own.publicKey)).toBe(toHex(other.publicKey));
    const byOwn = kem.encapsulate(other.publicKey);
    expect(toHex(noble.decapsulate(other.secretKey, byOwn.ciphertext))).toBe(toHex(byOwn.sharedSecret));
    const byNoble = noble.encapsulate(own.publicKey);
    expect(toHex(kem.decapsulate(own.secretKey, byNoble.ciphertext))).toBe(toHex(byNoble.sharedSecret));
    expect([byOwn.ciphertext.length, byOwn.sharedSecret.length]).toEqual([kemBytes.ciphertext, kemBytes.sharedSecret]);
    expect(toHex(kem.encapsulate(own.publicKey).sharedSecret)).not.toBe(toHex(byOwn.sharedSecret));
  });

  it("rejects implicitly: another ciphertext gives another secret, the same one each time", () => {
    const { publicKey, secretKey } = kem.keyPair(seed);
    const { ciphertext, sharedSecret } = kem.encapsulate(publicKey);
    ciphertext[5] = (ciphertext[5] as number) ^ 1;
    const rejected = toHex(kem.decapsulate(secretKey, ciphertext));
    expect(rejected).not.toBe(toHex(sharedSecret));
    expect(toHex(kem.decapsulate(secretKey, ciphertext))).toBe(rejected);
  });

  it("refuses wrong lengths and keys that are not canonical", () => {
    const { publicKey, secretKey } = kem.keyPair(seed);
    for (const length of [0, 32, 63, 65]) expect(() => kem.keyPair(new Uint8Array(length))).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
    for (const length of [0, 1183, 1185]) expect(() => kem.encapsulate(new Uint8Array(length))).toThrowError(expect.objectContaining({ code: "invalid_key" }));
    for (const length of [0, 1087, 1089])
      expect(() => kem.decapsulate(secretKey, new Uint8Array(length))).toThrowError(expect.objectContaining({ code: "malformed" }));
    // FIPS 203, 7.2: a coefficient of q (3329 = 0xd01) or more. The first takes the low 12 bits.
    const atModulus = publicKey.slice();
    atModulus[0] = 0x01;
    atModulus[1] = ((atModulus[1] as number) & 0xf0) | 0x0d;
    expect(() => kem.encapsulate(atModulus)).toThrowError(expect.objectContaining({ code: "invalid_key" }));
    atModulus[0] = 0x00;
    expect(kem.encapsulate(atModulus).sharedSecret).toHaveLength(32);
  });

  it("takes injected randomness or refuses it by name", () => {
    const { publicKey } = kem.keyPair(seed);
    const m = new Uint8Array(kemBytes.m).fill(1);
    if (kem.name !== "native") {
      expect(toHex(kem.encapsulate(publicKey, m).ciphertext)).toBe(toHex(noble.encapsulate(publicKey, m).ciphertext));
      expect(() => kem.encapsulate(publicKey, m.subarray(1))).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
    } else {
      expect(() => kem.encapsulate(publicKey, m)).toThrowError(expect.objectContaining({ code: "unsupported" }));
    }
  });

  it("is caught by its known answers when wrong", () => {
    const sha256 = crypto().sha256;
    const deterministic = kem.name !== "native";
    expect(kemPasses(kem, sha256, deterministic)).toBe(true);
    const changes: Partial<Kem>[] = [
      { keyPair: () => kem.keyPair(seed) },
      { decapsulate: () => new Uint8Array(32) },
      { encapsulate: () => kem.encapsulate(kem.keyPair(seed).publicKey) },
      { encapsulate: (key) => kem.encapsulate(key.every((byte, i) => i >= 1152 || byte === 0xff) ? kem.keyPair(seed).publicKey : key) },
    ];
    for (const change of changes) expect(kemPasses({ ...kem, ...change }, sha256, deterministic)).toBe(false);
  });
});

describe("loadKem", () => {
  it("gives one object of each kind; the deterministic one takes m", async () => {
    expect(await loadKem()).toBe(await loadKem());
    const kem = await loadKem({ deterministic: true });
    expect(kem.encapsulate(kem.keyPair(seed).publicKey, new Uint8Array(32)).ciphertext).toHaveLength(1_088);
    expect((await loadKem()).name).toBe(nativeKem() === undefined ? "libsodium" : "native");
  });

  it("finds nothing native in a node:crypto without ML-KEM, or none at all", () => {
    expect(nativeKem({} as Parameters<typeof nativeKem>[0])).toBeUndefined();
  });
});
