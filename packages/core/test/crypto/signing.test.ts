import { afterEach, describe, expect, it, vi } from "vitest";
import { encodeUtf8 } from "../../src/bytes.js";
import { nodeCrypto } from "../../src/crypto/node-crypto.js";
import { importVerify, signatureParameters } from "../../src/crypto/signatures.js";
import { generateSigner, pairSigner } from "../../src/crypto/signing.js";

afterEach(() => vi.restoreAllMocks());

const data = encodeUtf8("what is signed");
const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
const parameters = { EdDSA: { name: "Ed25519" }, ES256: { name: "ECDSA", namedCurve: "P-256" } } as const;

describe.each(["EdDSA", "ES256"] as const)("%s", (alg) => {
  it("signs with a key that cannot be read, and without WebCrypto where node:crypto is", async () => {
    const pair = (await crypto.subtle.generateKey(parameters[alg], false, ["sign", "verify"])) as CryptoKeyPair;
    const signer = await pairSigner(alg, pair);
    expect(signer.exportJwk).toBeUndefined();
    const subtleSign = vi.spyOn(crypto.subtle, "sign");
    const signature = await signer.sign(data);
    expect(subtleSign).toHaveBeenCalledTimes(nodeCrypto() === undefined ? 1 : 0);
    expect(signature.length).toBe(64);
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
      const verify = await importVerify(alg, signer.publicJwk);
      expect(await verify(await signer.sign(data), data)).toBe(true);
    }
  });
});
