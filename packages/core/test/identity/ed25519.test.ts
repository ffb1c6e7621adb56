import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { nodeVerify } from "../../src/crypto/node-crypto.js";
import { isStrictEd25519Point, isStrictEd25519Signature } from "../../src/crypto/points.js";
import { importVerify, passesKnownAnswer, signatureBackends } from "../../src/crypto/signatures.js";
import { importVerifyKey } from "../../src/identity/index.js";
import { b64, expectCode } from "./fixtures.js";
import { vectors } from "./vectors.js";

const jwkOf = (point: Uint8Array) => ({ kty: "OKP", crv: "Ed25519", x: b64(point) });
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const littleEndian = (value: bigint): Uint8Array => hex(value.toString(16).padStart(64, "0")).reverse();

/** All eight points of small order, computed, not listed: multiples of one of order 8. */
const torsion = (() => {
  const eighth = ed25519.Point.fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
  const points = [ed25519.Point.ZERO];
  for (let i = 1; i < 8; i++) points.push((points.at(-1) as typeof eighth).add(eighth));
  return points.map((point) => point.toBytes());
})();

const p = 2n ** 255n - 19n;
const withSign = (bytes: Uint8Array): Uint8Array => {
  const copy = bytes.slice();
  copy[31] = (copy[31] as number) | 0x80;
  return copy;
};
/** Every y from p to 2^255 - 1, with both signs, and the two spellings of x = 0 with a sign. */
const nonCanonical = [...Array.from({ length: 19 }, (_, i) => littleEndian(p + BigInt(i))), littleEndian(1n), littleEndian(p - 1n)];

describe("Ed25519 keys", () => {
  it("TM-06 of small order are eight, and every one is refused", async () => {
    expect(new Set(torsion.map((point) => Buffer.from(point).toString("hex"))).size).toBe(8);
    for (const point of torsion) await expectCode(importVerifyKey(jwkOf(point)), "invalid_key");
  });

  it("in another than the canonical spelling are refused", async () => {
    for (const point of nonCanonical) {
      for (const spelling of [point, withSign(point)]) await expect(importVerifyKey(jwkOf(spelling))).rejects.toMatchObject({ code: "invalid_key" });
    }
  });

  it("that are no point of the curve verify nothing", async () => {
    const off = littleEndian(2n);
    expect(() => ed25519.Point.fromBytes(off)).toThrow();
    const key = await importVerifyKey(jwkOf(off)).catch(() => undefined);
    if (key !== undefined) expect(await key.verify(new Uint8Array(64), new Uint8Array(3))).toBe(false);
  });
});

describe("Ed25519 signatures", () => {
  it("with S = 0 verify nothing, even if a small-order key had got past the import", async () => {
    for (const point of torsion) {
      const verify = await importVerify("EdDSA", jwkOf(point)).catch(() => undefined);
      for (const r of torsion) {
        // A runtime that refuses the key itself is as good.
        const accepted = verify !== undefined && (await verify(Uint8Array.from([...r, ...new Uint8Array(32)]), hex("00")));
        expect(accepted).toBe(false);
      }
    }
  });

  it("with S of L or more, or another spelling of R, are refused before the curve is touched", () => {
    const { secretKey } = ed25519.keygen();
    const good = ed25519.sign(hex("aa"), secretKey);
    expect(isStrictEd25519Signature(good)).toBe(true);
    const S = BigInt(`0x${Buffer.from(good.slice(32)).reverse().toString("hex")}`);
    for (const s of [S + L, L, L + 1n, 2n ** 256n - 1n]) {
      const forged = good.slice();
      forged.set(littleEndian(s), 32);
      expect(isStrictEd25519Signature(forged)).toBe(false);
    }
    expect(isStrictEd25519Signature(Uint8Array.from([...good.slice(0, 32), ...littleEndian(L - 1n)]))).toBe(true);
    for (const r of [...torsion, ...nonCanonical]) {
      const forged = good.slice();
      forged.set(r);
      expect(isStrictEd25519Signature(forged)).toBe(false);
    }
  });

  it("made by a holder of a key with R of small order are refused", async () => {
    // S = k * a satisfies the equation for R = identity: true in lenient verifiers.
    const { secretKey, publicKey } = ed25519.keygen();
    const { scalar } = ed25519.utils.getExtendedPublicKey(secretKey);
    const message = hex("0102");
    const R = ed25519.Point.ZERO.toBytes();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", Uint8Array.from([...R, ...publicKey, ...message])));
    const k = BigInt(`0x${Buffer.from(digest).reverse().toString("hex")}`) % L;
    const signature = Uint8Array.from([...R, ...littleEndian((k * scalar) % L)]);
    expect(ed25519.verify(signature, message, publicKey)).toBe(true);
    expect(await (await importVerifyKey(jwkOf(publicKey))).verify(signature, message)).toBe(false);
  });

  it("points have 32 bytes", () => {
    for (const length of [0, 31, 33]) expect(isStrictEd25519Point(new Uint8Array(length).fill(7))).toBe(false);
    expect(isStrictEd25519Point(ed25519.keygen().publicKey)).toBe(true);
  });
});

interface Wycheproof {
  testGroups: { publicKeyJwk: { x: string }; tests: { tcId: number; msg: string; sig: string; result: string }[] }[];
}
const suite = vectors<Wycheproof>("wycheproof/ed25519_test.json");

describe.skipIf(suite === undefined)("Wycheproof Ed25519 (skipped without the third-party vectors: set TIGHTBEAM_VECTORS)", () => {
  it("every case, as the key is imported", async () => {
    let count = 0;
    for (const { publicKeyJwk, tests } of suite?.testGroups ?? []) {
      const key = await importVerifyKey({ kty: "OKP", crv: "Ed25519", x: publicKeyJwk.x });
      for (const { tcId, msg, sig, result } of tests) {
        expect(await key.verify(hex(sig), hex(msg)), `tcId ${tcId}`).toBe(result === "valid");
        count++;
      }
    }
    expect(count).toBe(151);
  });

  it.each(Object.entries({ node: nodeVerify, ...signatureBackends }))("every case of 64 bytes, in the backend %s", async (_, backend) => {
    for (const { publicKeyJwk, tests } of suite?.testGroups ?? []) {
      const verify = await backend("EdDSA", { kty: "OKP", crv: "Ed25519", x: publicKeyJwk.x });
      for (const { tcId, msg, sig, result } of tests.filter((test) => test.sig.length === 128))
        expect(isStrictEd25519Signature(hex(sig)) && (await verify(hex(sig), hex(msg))), `tcId ${tcId}`).toBe(result === "valid");
    }
  });
});

describe("the choice of a verifier", () => {
  it("rests on known answers", async () => {
    for (const alg of ["EdDSA", "ES256"] as const) {
      expect(await passesKnownAnswer(nodeVerify, alg)).toBe(true);
      expect(await passesKnownAnswer(signatureBackends.webCrypto, alg)).toBe(true);
      expect(await passesKnownAnswer(async () => async () => true, alg)).toBe(false);
      expect(await passesKnownAnswer(async () => async () => false, alg)).toBe(false);
      expect(await passesKnownAnswer(() => Promise.reject(new Error("no")), alg)).toBe(false);
    }
    expect(await passesKnownAnswer(signatureBackends.noble, "EdDSA")).toBe(true);
    expect(await passesKnownAnswer(signatureBackends.noble, "ES256")).toBe(false);
  });
});
