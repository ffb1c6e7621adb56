import { describe, expect, it } from "vitest";
import type { Kem } from "../../src/crypto/provider.js";
import { sodiumKem } from "../../src/crypto/sodium.js";
import type { Sodium } from "../../src/crypto/sodium-library.js";

// What it computes is held against noble, vectors and known answers in kem.test.ts and wycheproof.test.ts.

const seed = new Uint8Array(64).fill(7);
// The package has no types.
const name: string = "libsodium";
const { default: create } = (await import(name)) as { default: (options: { getRandomValue: () => number }) => Promise<Sodium> };

async function watched(): Promise<{ kem: Kem; holds: (bytes: Uint8Array) => boolean; sodium: Sodium }> {
  const sodium = await create({ getRandomValue: () => 4 });
  const kem = (await sodiumKem(async () => sodium)) as Kem;
  return { kem, sodium, holds: (bytes) => Buffer.from(sodium.HEAPU8).includes(Buffer.from(bytes)) };
}

describe("ML-KEM of libsodium", () => {
  it("leaves nothing secret in the memory of WebAssembly", async () => {
    const { kem, holds } = await watched();
    const { publicKey, secretKey } = kem.keyPair(seed);
    const m = new Uint8Array(32).fill(9);
    const { ciphertext, sharedSecret } = kem.encapsulate(publicKey, m);
    expect(kem.decapsulate(secretKey, ciphertext)).toEqual(sharedSecret);
    // 16 bytes of each: the vector of small numbers in the key, its z, the secret, and what they were made from.
    for (const secret of [seed, m, sharedSecret, secretKey, secretKey.subarray(-32)]) expect(holds(secret.subarray(0, 16))).toBe(false);
  });

  it("wipes what a refused call was given, too", async () => {
    const { kem, holds } = await watched();
    const m = new Uint8Array(32).fill(9);
    expect(() => kem.encapsulate(new Uint8Array(1184).fill(0xff), m)).toThrowError(expect.objectContaining({ code: "invalid_key" }));
    expect(holds(m)).toBe(false);
  });

  it("draws from our generator, a fresh m each time", async () => {
    const { kem } = await watched();
    const { publicKey } = kem.keyPair(seed);
    expect(kem.encapsulate(publicKey).ciphertext).not.toEqual(kem.encapsulate(publicKey).ciphertext);
  });

  it("refuses a decapsulation key of another length", async () => {
    const { kem } = await watched();
    for (const length of [0, 64, 2_399, 2_401])
      expect(() => kem.decapsulate(new Uint8Array(length), new Uint8Array(1_088))).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("goes on when the memory has grown", async () => {
    const { kem, sodium } = await watched();
    const { publicKey, secretKey } = kem.keyPair(seed);
    const before = sodium.HEAPU8.length;
    sodium._malloc(64 * 1024 * 1024);
    expect(sodium.HEAPU8.length).toBeGreaterThan(before);
    const { ciphertext, sharedSecret } = kem.encapsulate(publicKey);
    expect(kem.decapsulate(secretKey, ciphertext)).toEqual(sharedSecret);
  });

  it("is undefined where the package is missing, or is an older one, or does not start", async () => {
    expect(await sodiumKem(() => Promise.reject(new Error("not installed")))).toBeUndefined();
    expect(await sodiumKem(async () => ({}) as Sodium)).toBeUndefined();
    expect(await sodiumKem(async () => ({ _sodium_init: () => -1 }) as Sodium)).toBeUndefined();
    expect(await sodiumKem(async () => ({ _sodium_init: () => 0, _malloc: () => 0 }) as unknown as Sodium)).toBeUndefined();
  });
});
