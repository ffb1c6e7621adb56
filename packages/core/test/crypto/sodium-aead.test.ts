import { describe, expect, it } from "vitest";
import { empty } from "../../src/bytes.js";
import { nobleChachaPoly } from "../../src/crypto/noble.js";
import type { Aead } from "../../src/crypto/provider.js";
import { sodiumAead } from "../../src/crypto/sodium-aead.js";
import type { Sodium } from "../../src/crypto/sodium-library.js";

// What it computes is held against vectors in wycheproof.test.ts.

// The package has no types.
const name: string = "libsodium";
const { default: create } = (await import(name)) as { default: (options: { getRandomValue: () => number }) => Promise<Sodium> };

const key = Uint8Array.from({ length: 32 }, (_, i) => 101 + i);
const nonce = new Uint8Array(12).fill(5);
const text = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) % 251);

async function watched(): Promise<{ aead: Aead; sodium: Sodium; holds: (bytes: Uint8Array) => boolean }> {
  const sodium = await create({ getRandomValue: () => 4 });
  const aead = (await sodiumAead(async () => sodium)) as Aead;
  return { aead, sodium, holds: (bytes) => Buffer.from(sodium.HEAPU8).includes(Buffer.from(bytes)) };
}

function sealed(aead: Aead, plaintext: Uint8Array, aad: Uint8Array = empty): Uint8Array {
  const out = new Uint8Array(plaintext.length + 16);
  aead.sealInto(out, key, nonce, aad, plaintext);
  return out;
}

describe("ChaCha20-Poly1305 of libsodium", () => {
  it("leaves neither key nor plaintext in the memory of WebAssembly, whether it opens or not", async () => {
    const { aead, holds } = await watched();
    const plaintext = text(400);
    const ciphertext = sealed(aead, plaintext);
    const left = (): boolean => holds(key.subarray(0, 16)) || holds(plaintext.subarray(0, 16));
    expect(left()).toBe(false);
    expect(aead.open(key, nonce, empty, ciphertext)).toEqual(plaintext);
    expect(left()).toBe(false);
    ciphertext[3] = (ciphertext[3] as number) ^ 1;
    expect(aead.open(key, nonce, empty, ciphertext)).toBeUndefined();
    expect(left()).toBe(false);
  });

  it("takes any size, and goes on when its memory has grown and moved", async () => {
    const { aead, sodium } = await watched();
    for (const length of [0, 1, 64 * 1024, 8 * 1024 * 1024, 300]) {
      const plaintext = text(length);
      const ciphertext = sealed(aead, plaintext, text(20));
      expect(Buffer.compare(ciphertext, sealed(nobleChachaPoly, plaintext, text(20)))).toBe(0);
      expect(Buffer.compare(aead.open(key, nonce, text(20), ciphertext) as Uint8Array, plaintext)).toBe(0);
      sodium._malloc(length);
    }
  });

  it("gives a plaintext that is all of its buffer", async () => {
    const { aead } = await watched();
    const opened = aead.open(key, nonce, empty, sealed(aead, text(300))) as Uint8Array;
    expect([opened.byteOffset, opened.buffer.byteLength]).toEqual([0, 300]);
  });

  it("says when there is no memory", async () => {
    const sodium = await create({ getRandomValue: () => 4 });
    const { aead, exhaust } = await (async () => {
      let full = false;
      const limited = new Proxy(sodium, { get: (target, property) => (property === "_malloc" && full ? () => 0 : Reflect.get(target, property)) });
      return { aead: (await sodiumAead(async () => limited)) as Aead, exhaust: () => (full = true) };
    })();
    exhaust();
    expect(() => sealed(aead, text(100_000))).toThrow(RangeError);
    expect(() => sealed(aead, text(10))).toThrow(RangeError);
  });

  it("is undefined where the package is missing, is another, does not start or gives wrong answers", async () => {
    expect(await sodiumAead(() => Promise.reject(new Error("not installed")))).toBeUndefined();
    expect(await sodiumAead(async () => ({}) as Sodium)).toBeUndefined();
    expect(await sodiumAead(async () => ({ _sodium_init: () => -1 }) as Sodium)).toBeUndefined();
    const sodium = await create({ getRandomValue: () => 4 });
    const wrong = { ...sodium, HEAPU8: sodium.HEAPU8, _crypto_aead_chacha20poly1305_ietf_encrypt: () => 0 };
    expect(await sodiumAead(async () => wrong)).toBeUndefined();
    const accepting = { ...sodium, HEAPU8: sodium.HEAPU8, _crypto_aead_chacha20poly1305_ietf_decrypt: () => 0 };
    expect(await sodiumAead(async () => accepting)).toBeUndefined();
  });
});
