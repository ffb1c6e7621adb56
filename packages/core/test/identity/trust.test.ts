import { describe, expect, it } from "vitest";
import { createAuthority, generateSecret, type IssuerProfile, identityFromSecret, trust } from "../../src/identity/index.js";
import { b64, expectCode, forge, ISSUER, issuerKey, NOW, otherKey, publish } from "./fixtures.js";

const other = "https://other.example";
const at = (profile: Partial<IssuerProfile>, key = issuerKey) => trust.jwks({ keys: [publish(key)] }, { issuer: ISSUER, ...profile });

describe("TM-04 trust in several issuers", () => {
  it("goes by iss, and each speaks for its own agents only", async () => {
    const both = trust.issuers([at({ prefixes: ["acme/"] }), at({ issuer: other, prefixes: ["umbrella/", "bob"] }, otherKey)]);
    const one = await both.verify(await forge({ claims: { sub: "acme/alice" } }), { now: NOW });
    expect(one.id).toBe("acme/alice");
    const two = await both.verify(await forge({ claims: { iss: other, sub: "bob" }, key: otherKey }), { now: NOW });
    expect(two.issuer).toBe(other);
    await both.recheck(one, { now: NOW });
    await both.recheck(two, { now: NOW });
    await expectCode(both.recheck({ ...one, issuer: other }, { now: NOW }), "revoked_token");
    await expectCode(both.recheck({ ...one, issuer: "third" }, { now: NOW }), "unknown_issuer");
    await expectCode(both.verify(await forge({ claims: { sub: "umbrella/alice" } }), { now: NOW }), "invalid_token");
    // Signed by one issuer in the name of the other.
    await expectCode(both.verify(await forge({ claims: { iss: other, sub: "umbrella/alice" } }), { now: NOW }), "invalid_token");
    await expectCode(both.verify(await forge({ claims: { iss: "https://third.example" } }), { now: NOW }), "unknown_issuer");
    for (const iss of ["__proto__", "constructor", 1, null, {}])
      await expectCode(both.verify(await forge({ claims: { iss } }), { now: NOW }), "unknown_issuer");
    const named = await expectCode(both.verify(await forge({ claims: { iss: "https://third.example" } }), { now: NOW }), "unknown_issuer");
    expect(named.message).toContain("issuer, 'https://third.example' as it says, is not trusted here");
    for (const iss of ["https://third.example/\u001b[31m", "third example", "x".repeat(129), "\u202eelpmaxe"]) {
      const { message } = await expectCode(both.verify(await forge({ claims: { iss } }), { now: NOW }), "unknown_issuer");
      expect(message).toMatch(/^The token's issuer is not trusted here/);
    }
    await expectCode(both.verify("junk", { now: NOW }), "invalid_token");
  });

  it.each([
    ["both speak for everyone", [""], [""]],
    ["one speaks for everyone", [""], ["acme/"]],
    ["the same realm", ["acme/"], ["umbrella/", "acme/"]],
    ["an agent of the other's realm", ["acme/"], ["acme/bob"]],
    ["the same agent", ["bob"], ["bob"]],
  ])("is refused when %s", (_, a, b) => {
    expect(() => trust.issuers([at({ prefixes: a }), at({ issuer: other, prefixes: b })])).toThrow(/overlap/);
  });

  it("is refused when two have the same issuer, or there is none", () => {
    expect(() => trust.issuers([at({ prefixes: ["a/"] }), at({ prefixes: ["b/"] })])).toThrow(/same `issuer`/);
    expect(() => trust.issuers([])).toThrow(/at least one/);
    expect(() => trust.issuers([at({ prefixes: ["acme/"] }), at({ issuer: other, prefixes: ["acme2/", "acme"] })])).not.toThrow();
  });
});

describe("a profile is refused with", () => {
  it.each<[string, Partial<Record<keyof IssuerProfile, unknown>>]>([
    ["no issuer", { issuer: "" }],
    ["an issuer that is no string", { issuer: 1 }],
    ["alg none", { algorithms: ["none"] }],
    ["HS256 beside public keys", { algorithms: ["EdDSA", "HS256"] }],
    ["no algorithm", { algorithms: [] }],
    ["an unknown cnf", { cnf: "x5t" }],
    ["an empty audience", { audience: "" }],
    ["an empty typ", { typ: "" }],
    ["a token age of 0", { maxTokenAge: 0 }],
    ["a token age that is no number", { maxTokenAge: "1h" }],
    ["no prefix", { prefixes: [] }],
    ["a prefix that is half a name with a dot", { prefixes: ["acme."] }],
    ["a prefix of two realms", { prefixes: ["a/b/"] }],
    ["a prefix of a slash", { prefixes: ["/"] }],
  ])("%s", (_, profile) => {
    expect(() => at(profile as Partial<IssuerProfile>)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});

describe("TM-09 trust.everyoneWithSecret", () => {
  it("accepts whoever holds the secret, bound to their key, and nobody else", async () => {
    const secret = generateSecret();
    const everyone = trust.everyoneWithSecret(secret);
    const alice = await identityFromSecret({ id: "alice", secret, permissions: ["call:*"] });
    const now = Date.now();
    const token = await alice.token();
    expect(await everyone.verify(token, { now, expectedId: "alice" })).toMatchObject({
      id: "alice",
      permissions: ["call:*"],
      key: { thumbprint: alice.key.thumbprint },
    });
    await everyone.recheck(await everyone.verify(token, { now }), { now });
    await expectCode(trust.everyoneWithSecret(generateSecret()).verify(token, { now }), "invalid_token");
    await expectCode(trust.everyoneWithSecret(secret, { revoked: ({ id }) => id === "alice" }).verify(token, { now }), "revoked_token");
    await expectCode(trust.everyoneWithSecret(secret, { prefixes: ["acme/"] }).verify(token, { now }), "invalid_token");
  });

  it("keeps its own copy: changing the array afterwards changes nothing", async () => {
    const secret = generateSecret();
    const everyone = trust.everyoneWithSecret(secret);
    const alice = await identityFromSecret({ id: "alice", secret: secret.slice() });
    secret.fill(0);
    expect((await everyone.verify(await alice.token(), { now: Date.now() })).id).toBe("alice");
  });

  it("signs with a key derived from the secret, not the secret, and takes no public-key token", async () => {
    const secret = generateSecret();
    const token = await (await identityFromSecret({ id: "alice", secret })).token();
    const [header, body, signature] = token.split(".") as [string, string, string];
    const raw = await crypto.subtle.importKey("raw", secret as BufferSource, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    expect(await crypto.subtle.verify("HMAC", raw, Buffer.from(signature, "base64url"), Buffer.from(`${header}.${body}`))).toBe(false);
    await expectCode(trust.everyoneWithSecret(secret).verify(await forge({ claims: { iss: "tightbeam:shared-secret" } }), { now: NOW }), "invalid_token");
    await expectCode(trust.everyoneWithSecret(secret).verify(token, { now: Date.now() + 3 * 3_600_000 }), "expired_token");
  });

  const bytes = (make: (i: number) => number, length = 32): Uint8Array => Uint8Array.from({ length }, (_, i) => make(i));
  it.each<[string, unknown]>([
    ["31 bytes", generateSecret().subarray(1)],
    ["nothing", new Uint8Array(0)],
    ["text instead of bytes", "correct horse battery staple correct horse"],
    ["a password as bytes", Buffer.from("correct horse battery staple, really!")],
    ["a hex text as bytes", Buffer.from("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")],
    ["a base64 text as bytes", Buffer.from(b64(generateSecret()))],
    ["zeros", new Uint8Array(32)],
    ["one byte repeated", bytes(() => 0xab)],
    ["four bytes repeated", bytes((i) => [0xde, 0xad, 0xbe, 0xef][i % 4] as number)],
    ["a block of 16 repeated", bytes((i) => (i % 16) * 37 + 3, 64)],
    ["counting up", bytes((i) => i)],
    ["counting in steps", bytes((i) => (200 - 3 * i) & 255)],
    ["more than 1,024 bytes", bytes((i) => (i * i) % 251, 1_025)],
    ["an array of numbers", Array.from(generateSecret())],
  ])("refuses %s", async (_, secret) => {
    expect(() => trust.everyoneWithSecret(secret as Uint8Array)).toThrow(expect.objectContaining({ code: "invalid_key" }));
    await expectCode(identityFromSecret({ id: "alice", secret: secret as Uint8Array }), "invalid_key").catch((error) => {
      // An array of numbers has no slice that gives bytes, but it must fail as well.
      if (!(error instanceof TypeError)) throw error;
    });
  });

  it("takes what generateSecret makes", () => {
    for (let i = 0; i < 2_000; i++) expect(() => trust.everyoneWithSecret(generateSecret())).not.toThrow();
  });
});

describe("an authority with a shared secret", () => {
  it("publishes nothing, rotates nothing, and trusts its own tokens", async () => {
    const authority = await createAuthority({ hmac: generateSecret() });
    expect(authority.jwks()).toEqual({ keys: [] });
    await expectCode(authority.rotateKey(), "unsupported");
    const alice = await authority.enroll("alice");
    const verified = await authority.trust().verify(await alice.token(), { now: Date.now() });
    authority.revoke({ jti: verified.jti });
    await expectCode(authority.trust().recheck(verified, { now: Date.now() }), "revoked_token");
    await expectCode(createAuthority({ hmac: generateSecret(), key: issuerKey }), "invalid_argument");
    await expectCode(createAuthority({ hmac: new Uint8Array(32) }), "invalid_key");
  });
});
