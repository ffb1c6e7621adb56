import fc from "fast-check";
import { compactVerify, importJWK } from "jose";
import { describe, expect, it } from "vitest";
import { generateKey, importVerifyKey, signProof, verifyProof } from "../../src/identity/index.js";
import { b64 } from "./fixtures.js";

const payload = new Uint8Array(Buffer.from("tightbeam/1 pop\0 and a hash"));

describe.each(["EdDSA", "ES256"] as const)("TM-10 a proof with %s", async (alg) => {
  const key = await generateKey({ alg });
  const verifier = await importVerifyKey(key.publicJwk);
  const proof = await signProof(key, "tightbeam-pop+jws", payload);
  const [header, body, signature] = proof.split(".") as [string, string, string];

  it("is a compact JWS with exactly alg and typ, as another implementation sees it", async () => {
    expect(Buffer.from(header, "base64url").toString()).toBe(`{"alg":"${alg}","typ":"tightbeam-pop+jws"}`);
    const seen = await compactVerify(proof, await importJWK({ ...key.publicJwk, alg }, alg));
    expect(new Uint8Array(seen.payload)).toEqual(payload);
    expect(await verifyProof(verifier, "tightbeam-pop+jws", payload, proof)).toBe(true);
  });

  it("counts for one purpose, one payload, one key", async () => {
    expect(await verifyProof(verifier, "tightbeam-relay+jws", payload, proof)).toBe(false);
    expect(await verifyProof(verifier, "tightbeam-pop+jws", payload.subarray(1), proof)).toBe(false);
    expect(await verifyProof(verifier, "tightbeam-pop+jws", Uint8Array.from([...payload, 0]), proof)).toBe(false);
    for (const other of [await generateKey({ alg }), await generateKey({ alg: alg === "EdDSA" ? "ES256" : "EdDSA" })])
      expect(await verifyProof(await importVerifyKey(other.publicJwk), "tightbeam-pop+jws", payload, proof)).toBe(false);
  });

  it("has one spelling", async () => {
    const sign = async (text: string, content = body): Promise<string> =>
      `${b64(text)}.${content}.${b64(await key.sign(Buffer.from(`${b64(text)}.${content}`)))}`;
    const last = signature.at(-1) as string;
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const spellings = [
      `${proof} `,
      ` ${proof}`,
      `${proof}=`,
      `${proof}.`,
      `${header}.${body}.`,
      `${header}..${signature}`,
      `${header}.${body}`,
      "",
      `${header}.${body}.${signature.slice(0, -1)}${alphabet[alphabet.indexOf(last) + 1]}`,
      `${header}.${body}.${signature.slice(0, -1)}`,
      `${header}.${body}.${b64(new Uint8Array(64))}`,
      await sign(`{"typ":"tightbeam-pop+jws","alg":"${alg}"}`),
      await sign(`{"alg":"${alg}","typ":"tightbeam-pop+jws","jwk":{}}`),
      await sign(`{"alg": "${alg}","typ":"tightbeam-pop+jws"}`),
      await sign(`{"alg":"none","typ":"tightbeam-pop+jws"}`),
      await sign(`{"alg":"${alg}"}`),
    ];
    for (const spelling of spellings) expect(await verifyProof(verifier, "tightbeam-pop+jws", payload, spelling), spelling).toBe(false);
  });

  it("refuses any other text without throwing", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string({ unit: "binary" }),
          fc.string().map((tail) => `${header}.${body}.${tail}`),
          fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => `${header}.${body}.${b64(bytes)}`),
        ),
        async (text) => {
          expect(await verifyProof(verifier, "tightbeam-pop+jws", payload, text)).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
    for (const junk of [undefined, null, 1, {}, []]) expect(await verifyProof(verifier, "tightbeam-pop+jws", payload, junk as unknown as string)).toBe(false);
  });

  it("is refused for every flipped bit", async () => {
    for (let at = 0; at < proof.length; at++) {
      const flipped = `${proof.slice(0, at)}${String.fromCharCode(proof.charCodeAt(at) ^ 1)}${proof.slice(at + 1)}`;
      expect(await verifyProof(verifier, "tightbeam-pop+jws", payload, flipped)).toBe(false);
    }
  });
});
