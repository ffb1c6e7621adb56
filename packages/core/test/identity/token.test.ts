import { createHmac } from "node:crypto";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type ErrorCode, isTightbeamError } from "../../src/errors.js";
import { generateKey, type IssuerProfile, type RevocationCheck, type VerifyKey, type VerifyTokenOptions } from "../../src/identity/index.js";
import {
  agentKey,
  b64,
  expectCode,
  type Forged,
  forge,
  goodClaims,
  ISSUER,
  issuerKey,
  json,
  NOW,
  otherKey,
  printed,
  profileTrust,
  publish,
  SECONDS,
} from "./fixtures.js";

afterEach(() => vi.unstubAllGlobals());

const verify = async (token: string | Promise<string>, options: Partial<VerifyTokenOptions> = {}, profile: Partial<IssuerProfile> = {}) =>
  profileTrust(profile).verify(await token, { now: NOW, ...options });

describe("a good token", () => {
  it("is verified", async () => {
    expect(await verify(forge(), { expectedId: "alice" })).toMatchObject({
      id: "alice",
      issuer: ISSUER,
      jti: "token-1",
      permissions: ["call:summarize"],
      issuedAt: NOW,
      expiresAt: NOW + 3_600_000,
      key: { thumbprint: agentKey.thumbprint, alg: "EdDSA" },
    });
  });

  it("may come without permissions or kid, from EdDSA or ES256, with the typ spelled in full", async () => {
    expect((await verify(forge({ claims: { permissions: undefined }, header: { kid: undefined } }))).permissions).toEqual([]);
    expect((await verify(forge({ header: { typ: "application/wit+jwt" } }))).id).toBe("alice");
    expect((await verify(forge({ header: { alg: "Ed25519" } }))).id).toBe("alice");
    const es = await generateKey({ alg: "ES256" });
    expect((await profileTrust({}, [publish(es)]).verify(await forge({ key: es }), { now: NOW })).id).toBe("alice");
  });
});

describe("the key is told while the token is being checked", () => {
  it("and is the object that the verified token has", async () => {
    const told: VerifyKey[] = [];
    const { key } = await verify(forge(), { onKey: (one) => void told.push(one) });
    expect(told).toHaveLength(1);
    expect(told[0]).toBe(key);
  });

  it("before the signature is known: a wrong one is still refused", async () => {
    const told: string[] = [];
    const token = await forge({ key: otherKey });
    await expectCode(verify(token, { onKey: (key) => void told.push(key.thumbprint) }), "invalid_token");
    expect(told).toEqual([agentKey.thumbprint]);
  });

  it("whatever the listener throws changes nothing", async () => {
    const onKey = (): void => {
      throw new Error("listener");
    };
    expect((await verify(forge(), { onKey })).id).toBe("alice");
  });
});

interface Row {
  readonly name: string;
  readonly make: () => Promise<string> | string;
  readonly expect?: ErrorCode;
  readonly options?: Partial<VerifyTokenOptions>;
  readonly profile?: Partial<IssuerProfile>;
}

const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.from(`302a300506032b6570032100${Buffer.from(issuerKey.publicJwk.x, "base64url").toString("hex")}`, "hex").toString("base64")}\n-----END PUBLIC KEY-----\n`;
const hs256 = (secret: string | Uint8Array): string => {
  const input = `${json({ alg: "HS256", typ: "wit+jwt", kid: issuerKey.thumbprint })}.${json(goodClaims())}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
};
const good = await forge();
const [goodHeader, goodBody, goodSignature] = good.split(".") as [string, string, string];
const bump = (text: string): string => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return `${text.slice(0, -1)}${alphabet[alphabet.indexOf(text.at(-1) as string) + 1]}`;
};
const claims = (name: string, members: Record<string, unknown>, code: ErrorCode = "invalid_token", more: Partial<Row> = {}): Row => ({
  name,
  make: () => forge({ claims: members }),
  expect: code,
  ...more,
});
const header = (name: string, members: Record<string, unknown>): Row => ({ name, make: () => forge({ header: members }) });
const cnf = (name: string, value: unknown): Row => claims(name, { cnf: value });
const ecKey = (await generateKey({ alg: "ES256" })).publicJwk;

const rows: readonly Row[] = [
  // Algorithms and keys.
  { name: "alg none, no signature", make: () => `${json({ alg: "none", typ: "wit+jwt" })}.${json(goodClaims())}.` },
  { name: "alg none with some signature", make: () => `${json({ alg: "none", typ: "wit+jwt" })}.${json(goodClaims())}.AAAA` },
  { name: "alg None", make: () => forge({ header: { alg: "None" } }) },
  { name: "HS256 with the issuer's public PEM as secret", make: () => hs256(pem) },
  { name: "HS256 with the issuer's raw public key as secret", make: () => hs256(Buffer.from(issuerKey.publicJwk.x, "base64url")) },
  { name: "HS256 with the issuer's JWK text as secret", make: () => hs256(JSON.stringify(publish(issuerKey))) },
  header("RS256 named for an Ed25519 key", { alg: "RS256" }),
  header("ES256 named for an Ed25519 key", { alg: "ES256" }),
  header("alg missing", { alg: undefined }),
  header("alg as an array", { alg: ["EdDSA"] }),
  header("alg __proto__", { alg: "__proto__" }),
  {
    name: "an algorithm the profile does not list",
    make: () => forge({ header: { alg: "Ed25519" } }),
    profile: { algorithms: ["EdDSA", "ES256"] },
  },
  { name: "signed by another key under the issuer's kid", make: () => forge({ key: { ...otherKey, thumbprint: issuerKey.thumbprint } }) },
  { name: "signed by the agent itself", make: () => forge({ key: agentKey }) },
  ...["../../x", "__proto__", "constructor", "' OR 1=1 --", "x".repeat(5_000)].map((kid) => header(`kid ${kid.slice(0, 12)}`, { kid })),
  header("kid as a number", { kid: 1 }),
  header("kid as an object", { kid: { toString: 1 } }),
  ...(
    [
      ["jwk", { jwk: otherKey.publicJwk }],
      ["jku", { jku: "https://attacker.example/jwks" }],
      ["x5u", { x5u: "https://attacker.example/x5u" }],
      ["x5c", { x5c: ["MIIB"] }],
    ] as [string, object][]
  ).map(
    ([name, members]): Row => ({
      name: `signed by an embedded ${name}`,
      make: () => forge({ header: { ...members, kid: otherKey.thumbprint }, key: otherKey }),
    }),
  ),
  header("crit with an unknown extension", { crit: ["exp"], exp: 1 }),
  header("crit empty", { crit: [] }),
  header("crit b64 true", { crit: ["b64"], b64: true }),
  header("crit b64 false", { crit: ["b64"], b64: false }),
  header("b64 false alone", { b64: false }),
  header("typ JWT", { typ: "JWT" }),
  header("typ at+jwt", { typ: "at+jwt" }),
  header("typ missing", { typ: undefined }),
  header("typ of a proof", { typ: "tightbeam-pop+jws" }),

  // Times.
  claims("no exp", { exp: undefined }),
  claims("exp as a string", { exp: String(SECONDS + 60) }),
  claims("exp null", { exp: null }),
  claims("expired beyond the tolerance", { iat: SECONDS - 3600, exp: SECONDS - 60 }, "expired_token"),
  claims("exp in year 9999, too old", { iat: SECONDS - 86_400 - 61, exp: 253_402_300_799 }, "expired_token"),
  claims("too old for the profile", { iat: SECONDS - 400, exp: SECONDS + 400 }, "expired_token", { profile: { maxTokenAge: 300_000 } }),
  claims("no iat", { iat: undefined }),
  claims("iat as a string", { iat: String(SECONDS) }),
  claims("iat in the future", { iat: SECONDS + 61 }),
  claims("nbf in the future", { nbf: SECONDS + 61 }),
  claims("nbf as a string", { nbf: "0" }),
  { name: "exp 1e999", make: () => forge({ claimsText: JSON.stringify({ ...goodClaims() }).replace(/"exp":\d+/, '"exp":1e999') }) },

  // Claims.
  claims("no iss", { iss: undefined }, "unknown_issuer"),
  claims("another issuer", { iss: "https://auth.example.attacker" }, "unknown_issuer"),
  claims("iss as an array", { iss: [ISSUER] }, "unknown_issuer"),
  claims("no sub", { sub: undefined }),
  claims("sub as a number", { sub: 1 }),
  claims("sub no agent id", { sub: "alice@example" }),
  claims("sub with a look-alike", { sub: "аlice" }),
  claims("sub with NUL", { sub: "alice\0" }),
  claims("sub with a newline", { sub: "alice\n" }),
  claims("sub of three parts", { sub: "a/b/c" }),
  claims("sub __proto__ as realm with a dot", { sub: "__proto__/." }),
  claims("no jti", { jti: undefined }),
  claims("jti empty", { jti: "" }),
  claims("jti as a number", { jti: 7 }),
  claims("jti of 513 characters", { jti: "x".repeat(513) }),
  claims("another agent than dialled", { sub: "mallory" }, "wrong_peer", { options: { expectedId: "alice" } }),
  claims("an id outside the prefixes", {}, "invalid_token", { profile: { prefixes: ["acme/"] } }),
  claims("an id that only begins like an exact prefix", { sub: "alice2" }, "invalid_token", { profile: { prefixes: ["alice"] } }),
  claims("permissions as text", { permissions: "call:*" }),
  claims("a permission outside the grammar", { permissions: ["call:*", "*"] }),
  claims("a permission that is no string", { permissions: [{}] }),
  claims("257 permissions", { permissions: Array.from({ length: 257 }, (_, i) => `a:${i}`) }),

  // Audiences.
  claims("an aud where none is configured", { aud: "https://relay.example" }),
  claims("no aud where the profile wants one", {}, "invalid_token", { profile: { audience: "agents" } }),
  claims("a relay's aud where the profile wants another", { aud: "https://relay.example" }, "invalid_token", { profile: { audience: "agents" } }),
  claims("an aud array without ours", { aud: ["a", "b"] }, "invalid_token", { profile: { audience: "agents" } }),
  claims("an aud array holding a non-string", { aud: ["agents", 1] }, "invalid_token", { profile: { audience: "agents" } }),
  claims("aud as an object", { aud: { 0: "agents" } }, "invalid_token", { profile: { audience: "agents" } }),
  claims("a peer token at a relay", {}, "invalid_token", { options: { audience: "https://relay.example" } }),
  claims("the token of another relay", { aud: "https://other.example" }, "invalid_token", { options: { audience: "https://relay.example" } }),
  claims("a peer token of a profile with an audience at a relay", { aud: "agents" }, "invalid_token", {
    profile: { audience: "agents" },
    options: { audience: "https://relay.example" },
  }),

  // The key it is bound to.
  claims("no cnf", { cnf: undefined }),
  cnf("cnf null", null),
  cnf("cnf empty", {}),
  cnf("cnf as an array", [{ jwk: agentKey.publicJwk }]),
  cnf("cnf with both ways", { jwk: agentKey.publicJwk, jkt: agentKey.thumbprint }),
  cnf("cnf with kid only", { kid: agentKey.thumbprint }),
  cnf("a private key in cnf", { jwk: { ...agentKey.publicJwk, d: agentKey.publicJwk.x } }),
  cnf("a symmetric key in cnf", { jwk: { kty: "oct", k: "AAAA" } }),
  cnf("RSA in cnf", { jwk: { kty: "RSA", n: "AQAB", e: "AQAB" } }),
  cnf("an alg that does not fit", { jwk: { ...agentKey.publicJwk, alg: "ES256" } }),
  cnf("a small-order key", { jwk: { kty: "OKP", crv: "Ed25519", x: `AQ${"A".repeat(41)}` } }),
  cnf("a point off the curve", { jwk: { ...ecKey, y: ecKey.x } }),
  cnf("jkt without the key", { jkt: agentKey.thumbprint }),
  ...[
    ["another key beside", JSON.stringify(otherKey.publicJwk)],
    ["a private key beside", JSON.stringify({ ...agentKey.publicJwk, d: "AAAA" })],
    ["no JSON beside", "{"],
    ["a duplicated member beside", `{"kty":"OKP","crv":"Ed25519","x":"${otherKey.publicJwk.x}","x":"${agentKey.publicJwk.x}"}`],
    ["1 MB beside", `{"kty":"${"x".repeat(1_000_000)}"}`],
  ].map(([name, jwk]): Row => ({ ...cnf(`jkt with ${name}`, { jkt: agentKey.thumbprint }), options: { jwk: jwk as string } })),
  { name: "a key beside a token that holds its key", make: () => forge(), options: { jwk: JSON.stringify(agentKey.publicJwk) } },
  { name: "cnf.jwk where the profile says jkt", make: () => forge(), profile: { cnf: "jkt" } },
  { ...cnf("cnf.jkt where the profile says jwk", { jkt: agentKey.thumbprint }), options: { jwk: JSON.stringify(agentKey.publicJwk) }, profile: { cnf: "jwk" } },

  // Spellings and structure.
  { name: "a space behind", make: () => `${good} ` },
  { name: "a newline behind", make: () => `${good}\n` },
  { name: "a space before", make: () => ` ${good}` },
  { name: "padding", make: () => `${good}==` },
  { name: "a non-canonical last character", make: () => `${goodHeader}.${goodBody}.${bump(goodSignature)}` },
  { name: "standard base64", make: () => good.replace(/[-_]/, "+") + (/[-_]/.test(good) ? "" : "+") },
  { name: "two parts", make: () => `${goodHeader}.${goodBody}` },
  { name: "four parts", make: () => `${good}.AAAA` },
  { name: "five parts (JWE)", make: () => `${good}.AAAA.AAAA` },
  { name: "an empty part", make: () => `${goodHeader}..${goodSignature}` },
  { name: "only dots", make: () => ".." },
  { name: "nothing", make: () => "" },
  { name: "JSON serialization", make: () => JSON.stringify({ protected: goodHeader, payload: goodBody, signature: goodSignature }) },
  { name: "8 KiB and one byte", make: () => `${good}${"A".repeat(8_193 - good.length)}` },
  { name: "alg twice", make: () => forge({ headerText: `{"alg":"none","typ":"wit+jwt","alg":"EdDSA","kid":"${issuerKey.thumbprint}"}` }) },
  { name: "alg twice, one escaped", make: () => forge({ headerText: `{"\\u0061lg":"none","typ":"wit+jwt","alg":"EdDSA","kid":"${issuerKey.thumbprint}"}` }) },
  { name: "sub twice", make: () => forge({ claimsText: JSON.stringify(goodClaims()).replace('"sub"', '"sub":"bob","sub"') }) },
  {
    name: "cnf.jwk twice",
    make: () => forge({ claimsText: JSON.stringify(goodClaims()).replace('"jwk"', `"jwk":${JSON.stringify(otherKey.publicJwk)},"jwk"`) }),
  },
  { name: "__proto__ in the claims", make: () => forge({ claimsText: JSON.stringify(goodClaims()).replace("{", '{"__proto__":{"sub":"bob"},') }) },
  { name: "claims that are an array", make: () => forge({ claimsText: "[]" }) },
  { name: "claims that are no JSON", make: () => forge({ claimsText: "{'a':1}" }) },
  { name: "claims nested 1,000 deep", make: () => forge({ claimsText: `{"a":${"[".repeat(1_000)}${"]".repeat(1_000)}}` }) },
  { name: "a byte order mark", make: () => forge({ claimsText: `\ufeff${JSON.stringify(goodClaims())}` }) },
  { name: "claims that are not UTF-8", make: async () => `${goodHeader}.${b64(Uint8Array.from([0x7b, 0xff, 0x7d]))}.${goodSignature}` },
  { name: "a changed claim", make: () => `${goodHeader}.${json({ ...goodClaims(), sub: "bob" })}.${goodSignature}` },
  { name: "a changed header", make: () => `${json({ alg: "EdDSA", typ: "wit+jwt", kid: issuerKey.thumbprint, x: 1 })}.${goodBody}.${goodSignature}` },
  { name: "a signature of zeros", make: () => `${goodHeader}.${goodBody}.${b64(new Uint8Array(64))}` },
  { name: "a signature one byte short", make: () => `${goodHeader}.${goodBody}.${b64(Buffer.from(goodSignature, "base64url").subarray(1))}` },
];

describe("TM-03 a token is refused with", () => {
  it.each(rows)("$name", async ({ make, expect: code = "invalid_token", options = {}, profile = {} }) => {
    const fetch = vi.fn<typeof globalThis.fetch>(() => Promise.reject(new Error("nothing may be fetched")));
    vi.stubGlobal("fetch", fetch);
    const token = await make();
    const error = await expectCode(verify(token, options, profile), code);
    expect(fetch).not.toHaveBeenCalled();
    // Nothing of the token, its claims or its key in what may be logged, but who another one says to be.
    const text = printed(error);
    for (const secret of [goodBody, goodSignature, agentKey.publicJwk.x, otherKey.publicJwk.x, "token-1"]) expect(text).not.toContain(secret);
    expect(text.includes("mallory")).toBe(code === "wrong_peer");
    // The next honest token is fine.
    expect((await verify(good)).id).toBe("alice");
  });

  it("every bit flipped somewhere", async () => {
    const trust = profileTrust();
    for (let at = 0; at < good.length; at += 3) {
      const flipped = `${good.slice(0, at)}${String.fromCharCode(good.charCodeAt(at) ^ (1 << (at % 6)))}${good.slice(at + 1)}`;
      expect(isTightbeamError(await trust.verify(flipped, { now: NOW }).catch((error: unknown) => error))).toBe(true);
    }
  });
});

describe("clocks", () => {
  it.each<[string, Record<string, unknown>]>([
    ["expired 59 s ago", { iat: SECONDS - 3600, exp: SECONDS - 59 }],
    ["issued in 60 s", { iat: SECONDS + 60 }],
    ["valid in 60 s", { nbf: SECONDS + 60 }],
    ["a fraction of a second", { iat: SECONDS - 0.5, exp: SECONDS + 10.25 }],
  ])("may differ by 60 s: %s", async (_, members) => {
    expect((await verify(forge({ claims: members }))).id).toBe("alice");
  });

  it("a token for year 9999 ends when its age does", async () => {
    const verified = await verify(forge({ claims: { exp: 253_402_300_799 } }));
    expect(verified.expiresAt).toBe(NOW + 24 * 3_600_000);
  });

  it("time is the caller's, never the machine's", async () => {
    await expectCode(verify(forge(), { now: NOW + 2 * 3_600_000 }), "expired_token");
    for (const now of [Number.NaN, Number.POSITIVE_INFINITY, undefined]) await expectCode(verify(forge(), { now: now as number }), "invalid_argument");
  });
});

describe("TM-14 a huge token", () => {
  it("costs nothing: it is refused before it is split, parsed or verified", async () => {
    const huge = "A".repeat(8 * 1024 * 1024);
    const importing = vi.spyOn(globalThis.crypto.subtle, "verify");
    const started = performance.now();
    for (let i = 0; i < 100; i++) await expectCode(verify(huge), "invalid_token");
    expect(performance.now() - started).toBeLessThan(500);
    expect(importing).not.toHaveBeenCalled();
    importing.mockRestore();
  });
});

describe("profiles", () => {
  it("turn claims into an id by their own rule", async () => {
    const profile = { agentId: (seen: Readonly<Record<string, unknown>>) => `acme/${String(seen.sub).split("@")[0]}`, prefixes: ["acme/"] };
    expect((await verify(forge({ claims: { sub: "bob@acme.example" } }), { expectedId: "acme/bob" }, profile)).id).toBe("acme/bob");
    const broken = (): string => {
      throw new Error("no such claim");
    };
    await expectCode(verify(forge(), {}, { agentId: broken }), "invalid_token");
    await expectCode(verify(forge(), {}, { agentId: () => undefined as unknown as string }), "invalid_token");
    await expectCode(verify(forge(), {}, { permissions: broken as unknown as () => string[] }), "invalid_token");
  });

  it("read DPoP-bound access tokens: typ, audience, scope, and the key beside", async () => {
    const profile: Partial<IssuerProfile> = { typ: "at+jwt", cnf: "jkt", audience: "agents", permissions: (seen) => String(seen.scope).split(" ") };
    const token = forge({ header: { typ: "at+jwt" }, claims: { aud: ["agents", "other"], cnf: { jkt: agentKey.thumbprint }, scope: "call:a call:b" } });
    const verified = await verify(token, { jwk: JSON.stringify({ ...agentKey.publicJwk, alg: "EdDSA" }) }, profile);
    expect(verified).toMatchObject({ id: "alice", permissions: ["call:a", "call:b"], key: { thumbprint: agentKey.thumbprint } });
  });

  it("let a relay ask for its own audience", async () => {
    const token = forge({ claims: { aud: "https://relay.example" } });
    expect((await verify(token, { audience: "https://relay.example" })).id).toBe("alice");
    expect((await verify(token, { audience: "https://relay.example" }, { audience: "agents" })).id).toBe("alice");
  });
});

describe("TM-07 revocation", () => {
  it("is asked with jti, thumbprint and id, after everything else", async () => {
    const revoked = vi.fn<RevocationCheck>(() => false);
    await verify(forge(), {}, { revoked });
    expect(revoked).toHaveBeenCalledExactlyOnceWith({ jti: "token-1", thumbprint: agentKey.thumbprint, id: "alice" });
    await expectCode(verify(forge({ claims: { cnf: {} } }), {}, { revoked }), "invalid_token");
    expect(revoked).toHaveBeenCalledOnce();
  });

  it("refuses what is revoked, and, for now, what cannot be judged", async () => {
    await expectCode(verify(forge(), {}, { revoked: () => true }), "revoked_token");
    await expectCode(verify(forge(), {}, { revoked: async () => true }), "revoked_token");
    await expectCode(verify(forge(), {}, { revoked: (() => undefined) as unknown as () => boolean }), "revoked_token");
    await expectCode(verify(forge(), {}, { revoked: () => Promise.reject(new Error("database down")) }), "issuer_unavailable");
  });

  it("is asked again by recheck, which also knows the end of the token and its issuer", async () => {
    let gone = false;
    const trust = profileTrust({ revoked: () => gone });
    const token = await trust.verify(good, { now: NOW });
    await trust.recheck(token, { now: NOW });
    await trust.recheck(token, { now: token.expiresAt + 60_000 });
    await expectCode(trust.recheck(token, { now: token.expiresAt + 60_001 }), "expired_token");
    await expectCode(trust.recheck(token, { now: Number.NaN }), "expired_token");
    await expectCode(trust.recheck({ ...token, issuer: "other" }, { now: NOW }), "unknown_issuer");
    await expectCode(trust.recheck({ ...token, issuerKey: undefined }, { now: NOW }), "revoked_token");
    await expectCode(profileTrust({}, [publish(otherKey)]).recheck(token, { now: NOW }), "revoked_token");
    gone = true;
    await expectCode(trust.recheck(token, { now: NOW }), "revoked_token");
  });
});

describe("any token", () => {
  const trust = profileTrust();
  const anyJson = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value));
  const forged: fc.Arbitrary<Forged> = fc.oneof(
    fc.record({ headerText: anyJson }),
    fc.record({ claimsText: anyJson }),
    fc.record({
      claims: fc.dictionary(fc.constantFrom("iss", "sub", "iat", "exp", "jti", "cnf", "aud", "nbf", "permissions"), fc.jsonValue({ maxDepth: 2 }), {
        minKeys: 1,
      }),
    }),
    fc.record({ header: fc.dictionary(fc.constantFrom("alg", "typ", "kid", "crit", "jwk"), fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 }) }),
  );

  it("gives a verified token or a typed error", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string({ unit: "binary", maxLength: 200 }),
          fc.array(anyJson.map(b64), { minLength: 3, maxLength: 3 }).map((parts) => parts.join(".")),
        ),
        async (token) => {
          expect(isTightbeamError(await trust.verify(token, { now: NOW }).catch((error: unknown) => error))).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
    for (const junk of [undefined, null, 1, {}, [], new Uint8Array(3)])
      await expectCode(trust.verify(junk as unknown as string, { now: NOW }), "invalid_token");
  });

  it("also when the issuer itself signs nonsense", async () => {
    await fc.assert(
      fc.asyncProperty(forged, fc.option(fc.string(), { nil: undefined }), async (parts, jwk) => {
        const outcome = await trust.verify(await forge(parts), jwk === undefined ? { now: NOW } : { now: NOW, jwk }).catch((error: unknown) => error);
        expect(isTightbeamError(outcome) || (outcome as { issuer?: string }).issuer === ISSUER).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
