import { KeyObject } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { encodeUtf8 } from "../../src/bytes.js";
import { nodeCrypto } from "../../src/crypto/node-crypto.js";
import { importVerify, signatureParameters } from "../../src/crypto/signatures.js";
import { generateSigner, importSigner, pairSigner } from "../../src/crypto/signing.js";

afterEach(() => vi.restoreAllMocks());

const data = encodeUtf8("what is signed");
const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
const parameters = { EdDSA: { name: "Ed25519" }, ES256: { name: "ECDSA", namedCurve: "P-256" } } as const;

describe.each(["EdDSA", "ES256"] as const)("%s", (alg) => {
  it("signs with a key of its own that cannot be read, and without WebCrypto where node:crypto is", async () => {
    const jwk = await (await generateSigner(alg, true, random)).exportJwk?.();
    if (jwk === undefined) throw new Error("An extractable key can be exported.");
    const { kty, crv, x, y, d } = jwk;
    const imported = await importSigner(alg, { kty, crv, x, d, ...(y === undefined ? {} : { y }) } as JsonWebKey, false);
    for (const signer of [await generateSigner(alg, false, random), imported]) {
      expect(signer.exportJwk).toBeUndefined();
      const subtleSign = vi.spyOn(crypto.subtle, "sign");
      const signature = await signer.sign(data);
      expect(subtleSign).toHaveBeenCalledTimes(nodeCrypto() === undefined ? 1 : 0);
      subtleSign.mockRestore();
      expect(signature.length).toBe(64);
      expect(await (await importVerify(alg, signer.publicJwk))(signature, data)).toBe(true);
    }
  });

  it("leaves a pair that WebCrypto may not export to WebCrypto: node:crypto never sees it (DEP0204)", async () => {
    const handedOver = vi.spyOn(KeyObject, "from");
    const pair = (await crypto.subtle.generateKey(parameters[alg], false, ["sign", "verify"])) as CryptoKeyPair;
    const signer = await pairSigner(alg, pair);
    await generateSigner(alg, false, random);
    expect(handedOver.mock.calls.filter(([key]) => !key.extractable)).toEqual([]);
    expect(handedOver).toHaveBeenCalled();
    expect(signer.exportJwk).toBeUndefined();
    const signature = await signer.sign(data);
    expect(await crypto.subtle.verify(signatureParameters[alg], pair.publicKey, signature as BufferSource, data as BufferSource)).toBe(true);
  });

  it("signs through WebCrypto where node:crypto takes no WebCrypto key, or signs wrongly", async () => {
    const node = nodeCrypto();
    if (node === undefined) throw new Error("This test is for Node.");
    const fakes = [
      { ...node, KeyObject: {} },
      { ...node, KeyObject: node.KeyObject, createPublicKey: node.createPublicKey, sign: () => new Uint8Array(64).fill(1) },
    ];
    for (const fake of fakes) {
      const builtin = vi.spyOn(process, "getBuiltinModule").mockReturnValue(fake as never);
      const signer = await generateSigner(alg, false, random);
      builtin.mockRestore();
      expect(signer.exportJwk).toBeUndefined();
      const verify = await importVerify(alg, signer.publicJwk);
      expect(await verify(await signer.sign(data), data)).toBe(true);
    }
  });
});
