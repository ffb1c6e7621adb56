import { generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { compactVerify, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { isPublicAlgorithm, type PublicTokenAlgorithm } from "../../src/identity/algorithms.js";
import { generateKey, trust } from "../../src/identity/index.js";
import { findKey, readKeySet } from "../../src/identity/key-set.js";
import { readToken } from "../../src/identity/shape.js";
import { expectCode, forge, goodClaims, ISSUER, issuerKey, NOW, otherKey, publish } from "./fixtures.js";
import { vectors } from "./vectors.js";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
const jwkOf = (pair: KeyPairKeyObjectResult, extra: object): object => ({ ...pair.publicKey.export({ format: "jwk" }), ...extra });
const sign = (pair: KeyPairKeyObjectResult, alg: string, kid = "k") =>
  new SignJWT(goodClaims()).setProtectedHeader({ alg, typ: "wit+jwt", kid }).sign(pair.privateKey);

describe("tokens of issuers with other keys", () => {
  it.each<[string, KeyPairKeyObjectResult]>([
    ["RS256", rsa],
    ["RS384", rsa],
    ["RS512", rsa],
    ["PS256", rsa],
    ["PS384", rsa],
    ["PS512", rsa],
    ["ES384", p384],
    ["ES512", p521],
  ])("%s, where the key says so", async (alg, pair) => {
    const verified = await trust
      .jwks({ keys: [jwkOf(pair, { kid: "k", alg, use: "sig", x5c: ["ignored"], x5t: "ignored" })] }, { issuer: ISSUER })
      .verify(await sign(pair, alg), { now: NOW });
    expect(verified.id).toBe("alice");
  });

  it("an RSA key serves the one algorithm it names, or those of the profile", async () => {
    await expectCode(
      trust.jwks({ keys: [jwkOf(rsa, { kid: "k", alg: "PS256" })] }, { issuer: ISSUER }).verify(await sign(rsa, "RS256"), { now: NOW }),
      "invalid_token",
    );
    expect(() => trust.jwks({ keys: [jwkOf(rsa, { kid: "k" })] }, { issuer: ISSUER })).toThrow(/needs 'alg'/);
    const named = trust.jwks({ keys: [jwkOf(rsa, { kid: "k" })] }, { issuer: ISSUER, algorithms: ["RS256"] });
    expect((await named.verify(await sign(rsa, "RS256"), { now: NOW })).id).toBe("alice");
    await expectCode(named.verify(await sign(rsa, "RS512"), { now: NOW }), "invalid_token");
  });
});

describe("a JWK Set", () => {
  const ed = publish(issuerKey);
  it.each<[string, unknown]>([
    ["null", null],
    ["text", "{}"],
    ["no keys", {}],
    ["keys as an object", { keys: { 0: ed } }],
    ["an empty set", { keys: [] }],
    ["a member that is null", { keys: [ed, null] }],
    ["65 keys", { keys: Array.from({ length: 65 }, (_, i) => ({ ...ed, kid: String(i) })) }],
    ["a private key", { keys: [ed, { ...publish(otherKey), d: "AAAA" }] }],
    ["a symmetric key", { keys: [ed, { kty: "oct", k: "AAAA", alg: "HS256", kid: "s" }] }],
    ["two keys of one kid", { keys: [ed, publish(otherKey, { kid: issuerKey.thumbprint })] }],
    ["only encryption keys", { keys: [{ ...ed, use: "enc" }] }],
    ["only key_ops encrypt", { keys: [{ ...ed, key_ops: ["encrypt"] }] }],
    ["only unknown types", { keys: [{ kty: "AKP", alg: "ML-DSA-65", pub: "AAAA" }] }],
    ["only a small-order key", { keys: [{ kty: "OKP", crv: "Ed25519", x: `AQ${"A".repeat(41)}` }] }],
    ["only a point off the curve", { keys: [{ kty: "EC", crv: "P-256", x: "A".repeat(43), y: "A".repeat(43) }] }],
    ["only RSA of 1,024 bits", { keys: [jwkOf(generateKeyPairSync("rsa", { modulusLength: 1024 }), { alg: "RS256" })] }],
    ["only RSA with exponent 1", { keys: [jwkOf(rsa, { alg: "RS256", e: "AQ" })] }],
    ["only RSA with a huge exponent", { keys: [jwkOf(rsa, { alg: "RS256", e: "AQABAQAB" })] }],
    ["only RSA with a modulus of 100 KB", { keys: [jwkOf(rsa, { alg: "RS256", n: "f".repeat(100_000) })] }],
    ["only a kid of 1 MB", { keys: [{ ...ed, kid: "x".repeat(1_000_000) }] }],
    ["only alg none", { keys: [{ ...ed, alg: "none" }] }],
    ["only an alg of another kind", { keys: [{ ...ed, alg: "RS256" }] }],
  ])("is refused: %s", (_, set) => {
    expect(() => trust.jwks(set as { keys: object[] }, { issuer: ISSUER })).toThrow(expect.objectContaining({ code: "invalid_key" }));
  });

  it("may hold keys of no use beside a good one, and is copied", async () => {
    const keys = [{ kty: "AKP", alg: "ML-DSA-65", pub: "AAAA" }, { ...publish(otherKey), use: "enc" }, ed] as object[];
    const local = trust.jwks({ keys }, { issuer: ISSUER });
    keys.length = 0;
    expect((await local.verify(await forge(), { now: NOW })).id).toBe("alice");
  });

  it("without a kid in the token only a single fitting key counts", async () => {
    const token = await forge({ header: { kid: undefined } });
    const es = await generateKey({ alg: "ES256" });
    expect((await trust.jwks({ keys: [ed, publish(es)] }, { issuer: ISSUER }).verify(token, { now: NOW })).id).toBe("alice");
    await expectCode(trust.jwks({ keys: [ed, publish(otherKey)] }, { issuer: ISSUER }).verify(token, { now: NOW }), "invalid_token");
  });
});

interface Group {
  readonly comment: string;
  readonly public?: Record<string, unknown>;
  readonly private?: Record<string, unknown>;
  readonly tests: readonly { readonly tcId: number; readonly comment: string; readonly jws: unknown; readonly result: string }[];
}
interface Suite {
  readonly testGroups: readonly Group[];
}
const jws = vectors<Suite>("wycheproof/json_web_signature_test.json");
const jwk = vectors<Suite>("wycheproof/json_web_key_test.json");

/** Selects the key as a token's verification does, and verifies with it. Wycheproof signs no JWTs, so the claims are left out. */
async function accepts(set: unknown, text: unknown): Promise<boolean> {
  try {
    if (typeof text !== "string" || !/^[\w-]*\.[\w-]*\.[\w-]*$/.test(text)) return false;
    const keys = readKeySet(set);
    const header = JSON.parse(Buffer.from(text.split(".")[0] as string, "base64url").toString()) as { alg?: string; kid?: string; crit?: unknown };
    if (!isPublicAlgorithm(header.alg) || header.crit !== undefined) return false;
    const key = findKey(keys, header.alg as PublicTokenAlgorithm, header.kid);
    if (key === undefined) return false;
    await compactVerify(text, await key.cryptoKey(header.alg), { algorithms: [header.alg] });
    return true;
  } catch {
    return false;
  }
}

/** Where we differ from the vectors, on purpose. */
const deviations: Record<string, string> = {
  "jws:346": "the key says PS256 and the header PS384: a key serves the algorithm it names",
  "jws:350": "as 346",
  "jws:347": "the key says ES521, which is no registered algorithm (ES512 is)",
  "jws:351": "as 347",
  "jwk:7": "a ROCA key: the fingerprint of one maker's broken generator is for the issuer to look at",
};

describe.skipIf(jws === undefined || jwk === undefined)("Wycheproof JWS and JWK (skipped without the third-party vectors: set TIGHTBEAM_VECTORS)", () => {
  it.each([
    ["jws", jws, 401],
    ["jwk", jwk, 26],
  ] as const)("%s: every public-key case; symmetric sets are refused whole", async (name, suite, total) => {
    let count = 0;
    const stale = new Set(Object.keys(deviations).filter((id) => id.startsWith(`${name}:`)));
    for (const group of suite?.testGroups ?? []) {
      const published = group.public ?? group.private;
      const set = name === "jwk" ? published : { keys: [published] };
      for (const { tcId, result, jws: text } of group.tests) {
        count++;
        const id = `${name}:${tcId}`;
        const expected = group.public === undefined ? false : result === "valid";
        const actual = await accepts(set, text);
        if (deviations[id] === undefined) expect(actual, `${id} ${group.comment}`).toBe(expected);
        else if (actual !== expected) stale.delete(id);
      }
    }
    expect(count).toBe(total);
    expect([...stale], "deviations that are none").toEqual([]);
  });

  it("none of them is a token", () => {
    for (const group of jws?.testGroups ?? [])
      for (const { jws: text } of group.tests) expect(() => readToken(text as string)).toThrow(expect.objectContaining({ code: "invalid_token" }));
  });
});
