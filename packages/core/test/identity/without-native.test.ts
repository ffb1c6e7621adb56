import { afterEach, describe, expect, it, vi } from "vitest";

const native = globalThis.crypto;

/** A runtime such as an older browser: WebCrypto without Ed25519, and no node:crypto. */
async function withoutEd25519() {
  vi.resetModules();
  const refuse = (algorithm: unknown): boolean => (algorithm as { name?: string }).name === "Ed25519";
  const subtle = new Proxy(native.subtle, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return (...args: unknown[]) =>
        args.some((arg) => arg !== null && typeof arg === "object" && refuse(arg))
          ? Promise.reject(new DOMException("no", "NotSupportedError"))
          : Reflect.apply(member, target, args);
    },
  });
  vi.stubGlobal("crypto", { subtle, getRandomValues: native.getRandomValues.bind(native) });
  vi.stubGlobal("process", { ...process, getBuiltinModule: undefined });
  return await import("../../src/identity/index.js");
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe("a runtime without native Ed25519", () => {
  it("makes, exports and imports keys that everyone else understands", async () => {
    const { exportKey, generateKey, importKey, importVerifyKey, signProof, verifyProof } = await withoutEd25519();
    const key = await generateKey({ extractable: true });
    const secret = await generateKey();
    await expect(exportKey(secret)).rejects.toMatchObject({ code: "denied" });
    const copy = await importKey(await exportKey(key));
    expect(copy.thumbprint).toBe(key.thumbprint);
    const payload = new Uint8Array([1, 2, 3]);
    const proof = await signProof(copy, "tightbeam-pop+jws", payload);
    expect(await verifyProof(await importVerifyKey(key.publicJwk), "tightbeam-pop+jws", payload, proof)).toBe(true);

    vi.unstubAllGlobals();
    const publicKey = await native.subtle.importKey("jwk", { ...key.publicJwk }, { name: "Ed25519" }, false, ["verify"]);
    const [header, body, signature] = proof.split(".") as [string, string, string];
    expect(await native.subtle.verify({ name: "Ed25519" }, publicKey, Buffer.from(signature, "base64url"), Buffer.from(`${header}.${body}`))).toBe(true);
  });

  it("refuses small-order keys all the same", async () => {
    const { importVerifyKey } = await withoutEd25519();
    await expect(importVerifyKey({ kty: "OKP", crv: "Ed25519", x: `AQ${"A".repeat(41)}` })).rejects.toMatchObject({ code: "invalid_key" });
  });

  it("runs ES256 through WebCrypto", async () => {
    const { generateKey, importVerifyKey } = await withoutEd25519();
    const key = await generateKey({ alg: "ES256" });
    const data = new Uint8Array([9]);
    expect(await (await importVerifyKey(key.publicJwk)).verify(await key.sign(data), data)).toBe(true);
  });
});
