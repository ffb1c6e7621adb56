import { describe, expect, it } from "vitest";
import { createAuthority, credential, type EnrollOptions, generateKey, trust } from "../../src/identity/index.js";
import { readToken } from "../../src/identity/shape.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";
import { agentKey, expectCode, issuerKey, otherKey } from "./fixtures.js";

const hour = 3_600_000;
async function setUp(options: { lifetime?: number } = {}) {
  const runtime = createVirtualRuntime({ seed: 7 });
  const authority = await createAuthority({ issuer: "https://auth.example", runtime, ...options });
  return { runtime, authority, trust: authority.trust(), now: () => runtime.clock.wall() };
}

describe("an authority", () => {
  it("issues workload identity tokens", async () => {
    const { authority, trust, now } = await setUp();
    const token = await authority.issue({ id: "acme/alice", publicKey: agentKey.publicJwk, permissions: ["call:*"] });
    const { header, claims } = readToken(token);
    expect(header).toEqual({ alg: "EdDSA", typ: "wit+jwt", kid: authority.jwks().keys[0]?.kid });
    expect(claims).toEqual({
      iss: "https://auth.example",
      sub: "acme/alice",
      iat: Math.floor(now() / 1000),
      exp: Math.floor(now() / 1000) + 3600,
      jti: expect.stringMatching(/^[\w-]{22}$/),
      cnf: { jwk: { ...agentKey.publicJwk, alg: "EdDSA" } },
      permissions: ["call:*"],
    });
    expect(await trust.verify(token, { now: now(), expectedId: "acme/alice" })).toMatchObject({
      id: "acme/alice",
      permissions: ["call:*"],
      key: { thumbprint: agentKey.thumbprint },
    });
  });

  it("is trusted in another process through its published set, which holds no private member", async () => {
    const { authority, now } = await setUp();
    const published = JSON.parse(JSON.stringify(authority.jwks()));
    expect(Object.keys(published.keys[0]).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
    const elsewhere = trust.jwks(published, { issuer: authority.issuer });
    const token = await authority.issue({ id: "alice", publicKey: agentKey.publicJwk });
    expect((await elsewhere.verify(token, { now: now() })).id).toBe("alice");
    await expectCode(trust.jwks({ keys: (await setUp()).authority.jwks().keys }, { issuer: authority.issuer }).verify(token, { now: now() }), "invalid_token");
  });

  it("refuses what it should not sign", async () => {
    const { authority } = await setUp();
    const base = { id: "alice", publicKey: agentKey.publicJwk };
    for (const id of ["", "a b", "a/b/c", "alice\n", "../x", 1]) await expectCode(authority.issue({ ...base, id: id as string }), "invalid_argument");
    for (const permissions of [["*"], ["call: x"], "call:*", [1]])
      await expectCode(authority.issue({ ...base, permissions: permissions as string[] }), "invalid_argument");
    for (const lifetime of [0, 999, -1, Number.NaN, 24 * hour + 1, Number.POSITIVE_INFINITY, "1h"])
      await expectCode(authority.issue({ ...base, lifetime: lifetime as number }), "invalid_argument");
    for (const publicKey of [{ ...agentKey.publicJwk, d: "AAAA" }, { kty: "oct", k: "AAAA" }, {}, null])
      await expectCode(authority.issue({ ...base, publicKey: publicKey as object }), "invalid_key");
    await expectCode(authority.issue({ ...base, audience: "" }), "invalid_argument");
    await expectCode(authority.issue({ ...base, permissions: Array.from({ length: 200 }, (_, i) => `call:${i}${"x".repeat(200)}`) }), "too_large");
    for (const lifetime of [0, 25 * hour]) await expectCode(createAuthority({ lifetime }), "invalid_argument");
    await expectCode(createAuthority({ issuer: "" }), "invalid_argument");
  });

  it("keeps a rotated key published until the last token it signed has expired", async () => {
    const { runtime, authority, trust, now } = await setUp();
    const before = await authority.issue({ id: "alice", publicKey: agentKey.publicJwk });
    const [first] = authority.jwks().keys;
    await authority.rotateKey();
    expect(authority.jwks().keys.map(({ kid }) => kid)).toEqual([expect.not.stringMatching(first?.kid as string), first?.kid]);
    const verified = await trust.verify(before, { now: now() });
    const after = await authority.issue({ id: "alice", publicKey: agentKey.publicJwk });
    expect(readToken(after).header.kid).not.toBe(first?.kid);
    await trust.verify(after, { now: now() });
    await runtime.advance(hour + 59_000);
    await trust.verify(before, { now: now() });
    await trust.recheck(verified, { now: now() });
    await runtime.advance(2_000);
    expect(authority.jwks().keys).toHaveLength(1);
    await expectCode(trust.verify(before, { now: now() }), "invalid_token");
  });

  it("removes a key at once when told", async () => {
    const { authority, trust, now } = await setUp();
    const token = await authority.issue({ id: "alice", publicKey: agentKey.publicJwk });
    const verified = await trust.verify(token, { now: now() });
    const kid = verified.issuerKey === undefined ? "" : (authority.jwks().keys[0]?.kid as string);
    expect(() => authority.removeKey(kid)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    await authority.rotateKey();
    authority.removeKey(kid);
    await expectCode(trust.verify(token, { now: now() }), "invalid_token");
    await expectCode(trust.recheck(verified, { now: now() }), "revoked_token");
    expect(() => authority.removeKey("__proto__")).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("drops a rotated key that signed nothing, takes a given one, never the same twice, and never more than a set may hold", async () => {
    const { authority, now } = await setUp();
    await authority.rotateKey(issuerKey);
    expect(authority.jwks().keys.map(({ kid }) => kid)).toEqual([issuerKey.thumbprint]);
    await expectCode(authority.rotateKey(issuerKey), "invalid_argument");
    for (let i = 0; i < 63; i++) {
      await authority.issue({ id: "alice", publicKey: agentKey.publicJwk });
      await authority.rotateKey();
    }
    expect(authority.jwks().keys).toHaveLength(64);
    await authority.issue({ id: "alice", publicKey: agentKey.publicJwk });
    await expectCode(authority.rotateKey(), "overloaded");
    expect(now()).toBeGreaterThan(0);
  });
});

describe("revocation by the authority", () => {
  it.each(["jti", "thumbprint", "id"] as const)("by %s is seen at once, and can be taken back", async (kind) => {
    const { authority, trust, now } = await setUp();
    const alice = await authority.enroll("alice");
    const bob = await authority.enroll("bob");
    const token = await alice.token();
    const verified = await trust.verify(token, { now: now() });
    const revocation = { jti: { jti: verified.jti }, thumbprint: { thumbprint: verified.key.thumbprint }, id: { id: "alice" } }[kind];
    authority.revoke(revocation);
    await expectCode(trust.verify(token, { now: now() }), "revoked_token");
    await expectCode(trust.recheck(verified, { now: now() }), "revoked_token");
    await trust.verify(await bob.token(), { now: now() });
    if (kind !== "jti") await expectCode(authority.issue({ id: "alice", publicKey: alice.key.publicJwk }), "revoked_token");
    authority.reinstate(revocation);
    await trust.recheck(verified, { now: now() });
  });

  it("joins the application's own hook, and takes one thing at a time", async () => {
    const { authority, now } = await setUp();
    const token = await (await authority.enroll("alice")).token();
    await expectCode(authority.trust({ revoked: ({ id }) => id === "alice" }).verify(token, { now: now() }), "revoked_token");
    await authority.trust({ revoked: async () => false }).verify(token, { now: now() });
    for (const bad of [{}, { jti: "" }, { jti: 1 }, { jti: "a", id: "b" }, { kid: "x" }, { id: "x".repeat(513) }])
      expect(() => authority.revoke(bad as { jti: string })).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("is bounded: jtis are forgotten when no token can carry them any more", async () => {
    const { authority, runtime } = await setUp();
    for (let i = 0; i < 100_000; i++) authority.revoke({ jti: `token-${i}` });
    expect(() => authority.revoke({ jti: "one more" })).toThrow(expect.objectContaining({ code: "overloaded" }));
    await runtime.advance(24 * hour + 61_000);
    authority.revoke({ jti: "one more" });
  });
});

describe("enroll", () => {
  it("gives an identity whose tokens are its own", async () => {
    const { authority, trust, now } = await setUp();
    const alice = await authority.enroll("alice", { permissions: ["call:*", "transport:presence"], alg: "ES256", lifetime: 600_000 });
    expect(alice.key.alg).toBe("ES256");
    const { token, key, jwk } = await credential(alice);
    expect(jwk).toBeUndefined();
    expect(await trust.verify(token, { now: now() })).toMatchObject({
      id: "alice",
      permissions: ["call:*", "transport:presence"],
      key: { thumbprint: key.thumbprint },
      expiresAt: now() + 600_000,
    });
  });

  it("TM-12 gives a relay a token of its own, with transport permissions only, good for that relay alone", async () => {
    const { authority, trust, now } = await setUp();
    const relay = "https://relay.example";
    const alice = await authority.enroll("alice", { permissions: ["call:*", "transport:presence"], audiences: [relay] });
    const token = await alice.token(relay);
    expect((await trust.verify(token, { now: now(), audience: relay })).permissions).toEqual(["transport:presence"]);
    await expectCode(trust.verify(token, { now: now() }), "invalid_token");
    await expectCode(trust.verify(token, { now: now(), audience: "https://other.example" }), "invalid_token");
    await expectCode(trust.verify(await alice.token(), { now: now(), audience: relay }), "invalid_token");
    await expectCode(alice.token("https://other.example"), "denied");
  });

  it("TM-136 lets an agent take part in presence in its own realm at a relay, and in no other, unless told otherwise", async () => {
    const { authority, trust, now } = await setUp();
    const audience = "https://relay.example";
    const granted = async (id: string, options: EnrollOptions = {}): Promise<readonly string[]> => {
      const alice = await authority.enroll(id, options);
      return (await trust.verify(await alice.token(audience), { now: now(), audience })).permissions;
    };
    expect(await granted("alice")).toEqual(["transport:presence:_"]);
    expect(await granted("acme/alice", { permissions: ["call:*"] })).toEqual(["transport:presence:acme"]);
    expect(await granted("acme/alice", { permissions: ["transport:presence:other"] })).toEqual(["transport:presence:other", "transport:presence:acme"]);
    for (const wider of ["transport:presence", "transport:presence:*", "transport:*"])
      expect(await granted("alice", { permissions: [wider] })).toEqual([wider]);
    expect(await granted("alice", { presence: false })).toEqual([]);
    const alice = await authority.enroll("alice");
    expect((await trust.verify(await alice.token(), { now: now() })).permissions).toEqual([]);
  });

  it("refuses a bad id, audience or permission", async () => {
    const { authority } = await setUp();
    await expectCode(authority.enroll("a b"), "invalid_argument");
    await expectCode(authority.enroll("alice", { permissions: ["*"] }), "invalid_argument");
    const alice = await authority.enroll("alice", { key: otherKey });
    expect(alice.key.thumbprint).toBe(otherKey.thumbprint);
    for (const audience of ["", "a b", "a\nb", "x".repeat(257)]) await expectCode(alice.token(audience), "invalid_argument");
  });
});

it("two authorities with keys of both kinds", async () => {
  for (const alg of ["EdDSA", "ES256"] as const) {
    const authority = await createAuthority({ key: await generateKey({ alg }) });
    const token = await (await authority.enroll("alice")).token();
    expect((await authority.trust().verify(token, { now: Date.now() })).id).toBe("alice");
    await authority.rotateKey();
    expect(authority.jwks().keys[0]?.alg).toBe(alg);
  }
});
