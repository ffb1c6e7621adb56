import { describe, expect, it } from "vitest";
import { ciphersAhead } from "../../src/crypto/cipher-ahead.js";
import { keyCacheFromSecondUse } from "../../src/crypto/key-cache.js";
import { nativeProvider } from "../../src/crypto/native.js";
import type { NodeKey } from "../../src/crypto/node-crypto.js";
import type { Aead } from "../../src/crypto/provider.js";

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

function setUp() {
  let made = 0;
  const imported = keyCacheFromSecondUse((key) => ({ of: key.slice() }) as unknown as NodeKey);
  const ciphers = ciphersAhead(imported, () => ({ number: ++made }));
  const key = bytes(32, 1);
  imported(key);
  return { ciphers, key, made: () => made };
}

describe("ciphers ahead", () => {
  it("hands out the expected one, once", () => {
    const { ciphers, key, made } = setUp();
    ciphers.expect(key, bytes(12, 2), bytes(20, 3));
    ciphers.expect(key, bytes(12, 2), bytes(20, 3));
    expect(made()).toBe(1);
    expect(ciphers.take(key, bytes(12, 2), bytes(20, 3))).toEqual({ number: 1 });
    expect(ciphers.take(key, bytes(12, 2), bytes(20, 3))).toEqual({ number: 2 });
  });

  it.each([
    ["another nonce", bytes(12, 9), bytes(20, 3)],
    ["other associated data", bytes(12, 2), bytes(20, 9)],
    ["longer associated data", bytes(12, 2), bytes(21, 3)],
  ])("makes a new one for %s, and drops the expected one", (_what, nonce, aad) => {
    const { ciphers, key } = setUp();
    ciphers.expect(key, bytes(12, 2), bytes(20, 3));
    expect(ciphers.take(key, nonce, aad)).toEqual({ number: 2 });
    expect(ciphers.take(key, bytes(12, 2), bytes(20, 3))).toEqual({ number: 3 });
  });

  it("keeps what it expects when the caller writes over nonce and associated data", () => {
    const { ciphers, key } = setUp();
    const [nonce, aad] = [bytes(12, 2), bytes(20, 3)];
    ciphers.expect(key, nonce, aad);
    nonce.fill(7);
    aad.fill(7);
    expect(ciphers.take(key, nonce, aad)).toEqual({ number: 2 });
  });

  it("forgets it when the key was erased or overwritten in place", () => {
    const aead = nativeProvider().chachaPoly as Aead;
    const [key, nonce, aad, plaintext] = [bytes(32, 1), bytes(12, 2), bytes(20, 3), bytes(10, 4)];
    const seal = (with_: Uint8Array): Uint8Array => {
      const out = new Uint8Array(26);
      aead.sealInto(out, with_, nonce, aad, plaintext);
      return out;
    };
    seal(key);
    aead.expect?.(true, key, nonce, aad);
    key.fill(5);
    expect(seal(key)).toEqual(seal(bytes(32, 5)));
  });

  it("native: what was expected seals and opens as what was not", () => {
    const aead = nativeProvider().chachaPoly as Aead;
    const [key, nonce, aad] = [bytes(32, 1), bytes(12, 2), bytes(20, 3)];
    for (const size of [0, 1, 300, 70_000]) {
      const [plaintext, plain, ahead] = [bytes(size, size), new Uint8Array(size + 16), new Uint8Array(size + 16)];
      aead.sealInto(plain, key, nonce, aad, plaintext);
      aead.expect?.(true, key, nonce, aad);
      aead.sealInto(ahead, key, nonce, aad, plaintext);
      expect(ahead).toEqual(plain);
      aead.expect?.(false, key, nonce, aad);
      ahead[0] = (ahead[0] as number) ^ 1;
      expect(aead.open(key, nonce, aad, ahead)).toBeUndefined();
      aead.expect?.(false, key, nonce, aad);
      expect(aead.open(key, nonce, aad, plain)).toEqual(plaintext);
    }
  });
});
