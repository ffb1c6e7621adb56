import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { enrolmentIssuer, signEnrolment } from "../../../src/identity/exchange/enrolment.js";
import { createAuthority, generateSecret, type TokenRefused, trust } from "../../../src/identity/index.js";
import { readToken } from "../../../src/identity/shape.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";
import { agentKey, b64, expectCode, issuerKey, otherKey, printed, publish } from "../fixtures.js";
import { type Asked, bundle, enrolment, exchange, OIDC, oidc, secret, setUp, sign, spiffe, svidKey, URL_, x509Key } from "./fixture.js";

type Endpoint = Awaited<ReturnType<typeof setUp>>;
const refused = (endpoint: Endpoint): TokenRefused => endpoint.events.at(-1) as TokenRefused;
const enrol = (endpoint: Endpoint, id: string, options: { secret?: Uint8Array; url?: string; key?: typeof agentKey } = {}): Promise<string> =>
  signEnrolment({ id, secret, key: agentKey, url: URL_, runtime: endpoint.runtime, ...options });

describe("POST /token", () => {
  it("gives a token for an OIDC token, bound to the proved key, that peers accept", async () => {
    const endpoint = await setUp();
    const { status, body, headers } = await endpoint.ask();
    expect(status).toBe(200);
    expect(body).toEqual({
      access_token: expect.any(String),
      issued_token_type: "urn:ietf:params:oauth:token-type:jwt",
      token_type: "N_A",
      expires_in: 3_600,
      scope: "call:* transport:connect",
    });
    expect(headers.get("cache-control")).toBe("no-store");
    const token = body.access_token as string;
    const verified = await endpoint.authority.trust().verify(token, { now: endpoint.runtime.clock.wall() });
    expect(verified).toMatchObject({ id: "acme/bob", permissions: ["call:*", "transport:connect"] });
    expect(verified.key.thumbprint).toBe(agentKey.thumbprint);
    expect(endpoint.events).toEqual([
      {
        type: "issued",
        id: "acme/bob",
        credential: OIDC,
        thumbprint: agentKey.thumbprint,
        jti: verified.jti,
        audience: undefined,
        permissions: ["call:*", "transport:connect"],
        expiresAt: verified.expiresAt,
        source: undefined,
      },
    ]);
  });

  it("gives one for a JWT-SVID of SPIRE's shape, with the trust bundle as it is published", async () => {
    const endpoint = await setUp();
    const { status, body } = await endpoint.ask({ credential: await endpoint.svid() });
    expect(status).toBe(200);
    expect(readToken(body.access_token as string).claims).toMatchObject({ sub: "mesh/finder", permissions: ["call:find"] });
    // `iat` and `typ` may be missing.
    const bare = await endpoint.svid({ claims: { iat: undefined }, header: { typ: undefined } });
    expect((await endpoint.ask({ credential: bare })).status).toBe(200);
    expect(endpoint.events.map((event) => event.credential)).toEqual(["spiffe://acme.example", "spiffe://acme.example"]);
  });

  it("gives one to who holds the enrolment secret, which never travels", async () => {
    const endpoint = await setUp();
    const credential = await enrol(endpoint, "edge/sensor");
    expect(credential).not.toContain(b64(secret));
    const { status, body } = await endpoint.ask({ credential });
    expect(status).toBe(200);
    expect(readToken(body.access_token as string).claims).toMatchObject({ sub: "edge/sensor", permissions: ["call:measure"] });
    // It is no token among those who trust the same secret, and the other way round.
    await expectCode(trust.everyoneWithSecret(secret).verify(credential, { now: endpoint.runtime.clock.wall() }), "unknown_issuer");
  });

  it("gives a relay's token only permissions of the transport, and fewer permissions on request", async () => {
    const endpoint = await setUp({ endpoint: { audiences: ["https://relay.example"] } });
    const relay = await endpoint.ask({ form: { audience: "https://relay.example" } });
    expect(readToken(relay.body.access_token as string).claims).toMatchObject({ aud: "https://relay.example", permissions: ["transport:connect"] });
    const fewer = await endpoint.ask({ form: { scope: "call:find call:* call:find" } });
    expect(fewer.body.scope).toBe("call:find call:*");
    const more = await endpoint.ask({ form: { scope: "call:find admin:all" } });
    expect([more.status, more.body.error]).toEqual([400, "invalid_scope"]);
    for (const audience of ["https://bank.example", "with space", "\u{1f600}"]) {
      const elsewhere = await endpoint.ask({ form: { audience } });
      expect([elsewhere.status, elsewhere.body.error]).toEqual([400, "invalid_target"]);
    }
  });

  it("takes rules for ids, permissions and lifetimes from the profile of each", async () => {
    const endpoint = await setUp({
      credentials: [
        {
          ...oidc,
          agentId: ({ azp }) => `acme/${String(azp)}`,
          permissions: ({ roles }) => (roles as string[]).map((role) => `call:${role}`),
          lifetime: 60_000,
        } as typeof oidc,
      ],
    });
    const { body } = await endpoint.ask({ claims: { sub: "8d1f-uuid", azp: "reporter", roles: ["summarize"] } });
    expect(body).toMatchObject({ expires_in: 60, scope: "call:summarize" });
    expect(readToken(body.access_token as string).claims.sub).toBe("acme/reporter");
    // A rule that throws, or gives what is none, refuses.
    for (const claims of [
      { azp: "reporter", roles: 7 },
      { azp: "reporter", roles: ["\n"] },
      { azp: "re porter", roles: [] },
    ])
      expect((await endpoint.ask({ claims })).body.error).toBe("invalid_grant");
  });

  it("takes credentials that are bound to the proved key, and no other", async () => {
    const endpoint = await setUp();
    const mine = [{ jkt: agentKey.thumbprint }, { jwk: agentKey.publicJwk }];
    const not = [
      { jkt: otherKey.thumbprint },
      { jwk: otherKey.publicJwk },
      { jkt: agentKey.thumbprint, jwk: agentKey.publicJwk },
      { "x5t#S256": "abc" },
      {},
      null,
      "x",
      { jwk: 7 },
    ];
    for (const cnf of mine) expect((await endpoint.ask({ claims: { cnf } })).status).toBe(200);
    for (const cnf of not) expect((await endpoint.ask({ claims: { cnf } })).body.error).toBe("invalid_grant");
  });

  it("takes no bearer tokens where it is told so", async () => {
    const endpoint = await setUp({ credentials: [{ ...oidc, bound: true } as typeof oidc] });
    expect((await endpoint.ask()).body.error).toBe("invalid_grant");
    expect((await endpoint.ask({ claims: { cnf: { jkt: otherKey.thumbprint } } })).body.error).toBe("invalid_grant");
    expect((await endpoint.ask({ claims: { cnf: { jkt: agentKey.thumbprint } } })).status).toBe(200);
  });

  it("publishes the authority's keys", async () => {
    const endpoint = await setUp();
    const { status, body, headers } = await endpoint.ask({ url: "https://agents.example/jwks", method: "GET" });
    expect(status).toBe(200);
    expect(body).toEqual({ keys: [expect.objectContaining({ kid: expect.any(String), use: "sig" })] });
    expect(JSON.stringify(body)).not.toContain('"d"');
    expect(headers.get("content-type")).toBe("application/jwk-set+json");
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect((await endpoint.ask()).headers.has("access-control-allow-origin")).toBe(false);
  });

  it("answers by the path alone, and to the right method only", async () => {
    const endpoint = await setUp();
    expect((await endpoint.ask({ url: "http://internal:8080/token" })).status).toBe(200);
    expect((await endpoint.ask({ url: "https://agents.example/" })).status).toBe(404);
    expect((await endpoint.ask({ url: "https://agents.example/token/" })).status).toBe(404);
    const get = await endpoint.ask({ method: "GET" });
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await endpoint.ask({ url: "https://agents.example/jwks" })).status).toBe(405);
  });
});

/** Bytes of a public key as an HMAC secret. */
const confused = async (header: object, claims: object): Promise<string> => {
  const input = `${b64(JSON.stringify(header))}.${b64(JSON.stringify(claims))}`;
  return `${input}.${createHmac("sha256", JSON.stringify(publish(issuerKey)))
    .update(input)
    .digest("base64url")}`;
};

describe("TM-140 a credential counts only as its issuer's profile says, and a refusal says only that it does not", () => {
  const cases: [string, (endpoint: Endpoint) => Promise<Asked> | Asked, string][] = [
    ["another audience", () => ({ claims: { aud: "https://other.example" } }), "invalid_token"],
    ["no audience", () => ({ claims: { aud: undefined } }), "invalid_token"],
    ["an audience that is no text", () => ({ claims: { aud: [URL_, 7] } }), "invalid_token"],
    ["expired", ({ seconds }) => ({ claims: { iat: seconds() - 600, exp: seconds() - 61 } }), "expired_token"],
    ["no expiry", () => ({ claims: { exp: undefined } }), "invalid_token"],
    ["an expiry that is text", ({ seconds }) => ({ claims: { exp: String(seconds() + 60) } }), "invalid_token"],
    ["older than a day, expiring in the year 9999", ({ seconds }) => ({ claims: { iat: seconds() - 86_500, exp: 253_402_300_799 } }), "expired_token"],
    ["not valid yet", ({ seconds }) => ({ claims: { nbf: seconds() + 120 } }), "invalid_token"],
    ["issued in the future", ({ seconds }) => ({ claims: { iat: seconds() + 120 } }), "invalid_token"],
    ["signed with another key", async () => ({ signer: otherKey, header: { kid: issuerKey.thumbprint } }), "invalid_token"],
    ["signed with a key nobody knows", () => ({ signer: otherKey }), "invalid_token"],
    ["an embedded key", () => ({ signer: otherKey, header: { jwk: otherKey.publicJwk, kid: undefined } }), "invalid_token"],
    ["alg none", () => ({ header: { alg: "none" } }), "invalid_token"],
    [
      "HS256 with the public key as the secret",
      async ({ seconds }) => ({
        credential: await confused({ alg: "HS256", typ: "JWT" }, { iss: OIDC, sub: "acme/bob", aud: URL_, iat: seconds(), exp: seconds() + 60 }),
      }),
      "invalid_token",
    ],
    ["another issuer", () => ({ claims: { iss: "https://evil.example" } }), "unknown_issuer"],
    ["an issuer named __proto__", () => ({ claims: { iss: "__proto__" } }), "unknown_issuer"],
    ["no issuer", () => ({ claims: { iss: undefined } }), "unknown_issuer"],
    ["a subject that is no agent id", () => ({ claims: { sub: "service account" } }), "invalid_token"],
    ["a subject outside of the prefixes", () => ({ claims: { sub: "edge/bob" } }), "invalid_token"],
    ["no subject", () => ({ claims: { sub: undefined } }), "invalid_token"],
    ["another type of JWT", () => ({ header: { typ: "logout+jwt" } }), "invalid_token"],
    ["a type that is no text", () => ({ header: { typ: 7 } }), "invalid_token"],
    ["a logout token", () => ({ claims: { events: { "http://schemas.openid.net/event/backchannel-logout": {} } } }), "invalid_token"],
    ["crit", () => ({ header: { crit: ["exp"] } }), "invalid_token"],
    ["larger than 8 KiB", () => ({ claims: { padding: "x".repeat(8_192) } }), "invalid_token"],
    ["padded base64url", async ({ credential }) => ({ credential: `${await credential()}==` }), "invalid_token"],
    ["no JWT at all", () => ({ credential: "hunter2" }), "invalid_token"],
    [
      "a token of this authority",
      async ({ authority }) => ({ credential: await authority.issue({ id: "acme/bob", publicKey: agentKey.publicJwk, audience: URL_ }) }),
      "unknown_issuer",
    ],
    ["the proof itself as the credential", async () => ({ header: { typ: "dpop+jwt" } }), "invalid_token"],
    [
      "a JWT-SVID of another trust domain",
      async ({ svid }) => ({ credential: await svid({ claims: { sub: "spiffe://evil.example/mesh/finder" } }) }),
      "unknown_issuer",
    ],
    [
      "a JWT-SVID signed by the OIDC issuer",
      async ({ svid }) => ({ credential: await svid({ signer: issuerKey, header: { alg: "EdDSA", kid: issuerKey.thumbprint }, claims: { iss: OIDC } }) }),
      "invalid_token",
    ],
    [
      "a JWT-SVID signed with a key for X.509",
      async ({ svid }) => ({ credential: await svid({ signer: x509Key, header: { kid: undefined } }) }),
      "invalid_token",
    ],
    ["a JWT-SVID for another audience", async ({ svid }) => ({ credential: await svid({ claims: { aud: ["https://other.example"] } }) }), "invalid_token"],
    ["an expired JWT-SVID", async ({ svid, seconds }) => ({ credential: await svid({ claims: { iat: undefined, exp: seconds() - 61 } }) }), "expired_token"],
    ["a JWT-SVID that lasts for ever", async ({ svid }) => ({ credential: await svid({ claims: { iat: undefined, exp: 253_402_300_799 } }) }), "invalid_token"],
    [
      "a JWT-SVID whose path leaves it",
      async ({ svid }) => ({ credential: await svid({ claims: { sub: "spiffe://acme.example/mesh/../edge/x" } }) }),
      "invalid_token",
    ],
    ["a JWT-SVID of the trust domain itself", async ({ svid }) => ({ credential: await svid({ claims: { sub: "spiffe://acme.example" } }) }), "invalid_token"],
    [
      "a JWT-SVID whose path is no id",
      async ({ svid }) => ({ credential: await svid({ claims: { sub: "spiffe://acme.example/ns/mesh/sa/finder" } }) }),
      "invalid_token",
    ],
    [
      "a JWT-SVID outside of the prefixes",
      async ({ svid }) => ({ credential: await svid({ claims: { sub: "spiffe://acme.example/acme/bob" } }) }),
      "invalid_token",
    ],
    [
      "an enrolment with another secret",
      async (endpoint) => ({ credential: await enrol(endpoint, "edge/sensor", { secret: generateSecret() }) }),
      "unknown_issuer",
    ],
    ["an enrolment outside of the prefixes", async (endpoint) => ({ credential: await enrol(endpoint, "acme/bob") }), "invalid_token"],
    [
      "an enrolment for another endpoint",
      async (endpoint) => ({ credential: await enrol(endpoint, "edge/sensor", { url: "https://other.example/token" }) }),
      "invalid_token",
    ],
    ["an enrolment for another key", async (endpoint) => ({ credential: await enrol(endpoint, "edge/sensor", { key: otherKey }) }), "invalid_token"],
    [
      "an enrolment signed with the issuer's public key",
      async ({ seconds }) => ({
        credential: await sign(
          { alg: "EdDSA", typ: "tightbeam-enrolment+jwt" },
          { iss: await enrolmentIssuer(secret), sub: "edge/x", aud: URL_, iat: seconds(), exp: seconds() + 60, jti: "1", cnf: { jwk: agentKey.publicJwk } },
          issuerKey,
        ),
      }),
      "invalid_token",
    ],
  ];
  it.each(cases)("%s", async (_, make, code) => {
    const endpoint = await setUp();
    const asked = await make(endpoint);
    const { status, body } = await endpoint.ask(asked);
    expect({ status, body }).toEqual({ status: 400, body: { error: "invalid_grant", error_description: "The credential does not count here." } });
    const event = refused(endpoint);
    expect(event).toMatchObject({ type: "refused", status: 400, error: "invalid_grant", thumbprint: agentKey.thumbprint, id: undefined });
    expect(event.cause, event.reason).toMatchObject({ code });
    for (const secretPart of [asked.credential?.split(".")[2], "padding"])
      if (secretPart) expect(printed(event.cause) + event.reason).not.toContain(secretPart);
    expect((await endpoint.ask()).status).toBe(200);
  });

  it("an enrolment that was kept for longer than its minute", async () => {
    const endpoint = await setUp();
    const credential = await enrol(endpoint, "edge/sensor");
    await endpoint.runtime.advance(60_000 + 61_000);
    expect((await endpoint.ask({ credential })).body.error).toBe("invalid_grant");
    expect(refused(endpoint).cause).toMatchObject({ code: "expired_token" });
  });

  it("revoked agents and keys get nothing", async () => {
    const endpoint = await setUp();
    endpoint.authority.revoke({ id: "acme/bob" });
    expect((await endpoint.ask()).body).toEqual({ error: "invalid_grant", error_description: "The credential does not count here." });
    expect(refused(endpoint)).toMatchObject({ id: "acme/bob", credential: OIDC, cause: { code: "revoked_token" } });
    expect((await endpoint.ask({ claims: { sub: "acme/carol" } })).status).toBe(200);
    endpoint.authority.revoke({ thumbprint: agentKey.thumbprint });
    expect((await endpoint.ask({ claims: { sub: "acme/carol" } })).body.error).toBe("invalid_grant");
  });
});

describe("a request that is none", () => {
  const cases: [string, Asked, number, string][] = [
    ["no content type", { headers: { "content-type": "" } }, 400, "invalid_request"],
    ["JSON", { headers: { "content-type": "application/json" }, body: "{}" }, 400, "invalid_request"],
    ["an encoded body", { headers: { "content-encoding": "gzip" } }, 400, "invalid_request"],
    ["an empty body", { body: "" }, 400, "unsupported_grant_type"],
    ["another grant", { form: { grant_type: "client_credentials" } }, 400, "unsupported_grant_type"],
    ["a field twice", { body: `grant_type=${exchange}&grant_type=${exchange}` }, 400, "invalid_request"],
    ["33 fields", { body: Array.from({ length: 33 }, (_, i) => `f${i}=`).join("&") }, 400, "invalid_request"],
    ["no credential", { form: { subject_token: "" } }, 400, "invalid_request"],
    ["another type of credential", { form: { subject_token_type: "urn:ietf:params:oauth:token-type:saml2" } }, 400, "invalid_request"],
    ["another type of token", { form: { requested_token_type: "urn:ietf:params:oauth:token-type:refresh_token" } }, 400, "invalid_request"],
    ["an actor", { form: { actor_token: "x" } }, 400, "invalid_request"],
    ["a resource", { form: { resource: "https://bank.example" } }, 400, "invalid_target"],
    ["a scope of 257", { form: { scope: Array.from({ length: 257 }, () => "a").join(" ") } }, 400, "invalid_request"],
    ["17 KB", { form: { padding: "x".repeat(17_000) } }, 413, "invalid_request"],
    ["bytes that are not UTF-8", { body: "grant_type=%FF" }, 400, "unsupported_grant_type"],
  ];
  it.each(cases)("%s", async (_, asked, status, error) => {
    const endpoint = await setUp();
    const answered = await endpoint.ask(asked);
    expect([answered.status, answered.body.error]).toEqual([status, error]);
    expect(endpoint.events).toHaveLength(1);
  });
});

const authority = await createAuthority({ issuer: "https://agents.example", runtime: createVirtualRuntime({ seed: 1 }) });

it("a field that stands twice is never read, whichever of the two is right", async () => {
  const endpoint = await setUp();
  const credential = await endpoint.credential();
  const once = new URLSearchParams({ grant_type: exchange, subject_token: credential, subject_token_type: "urn:ietf:params:oauth:token-type:jwt" }).toString();
  expect((await endpoint.ask({ credential, body: once })).status).toBe(200);
  for (const body of [`${once}&subject_token=a.b.c`, `subject_token=&${once}`, `${once}&scope=a&scope=b`])
    expect((await endpoint.ask({ credential, body })).body.error).toBe("invalid_request");
});

describe("authority.accept refuses at once", () => {
  const cases: [string, object, "invalid_argument" | "invalid_key"][] = [
    ["http:", { url: "http://agents.example/token" }, "invalid_argument"],
    ["a URL with a query", { url: `${URL_}?a=1` }, "invalid_argument"],
    ["one path for both", { jwksUrl: URL_ }, "invalid_argument"],
    ["nothing that is accepted", { credentials: [] }, "invalid_argument"],
    ["a kind nobody knows", { credentials: [{ type: "saml" }] }, "invalid_argument"],
    ["overlapping prefixes", { credentials: [oidc, { ...spiffe, prefixes: ["acme/bob"] }] }, "invalid_argument"],
    [
      "two that speak for everyone",
      {
        credentials: [
          { ...oidc, prefixes: undefined },
          { ...spiffe, prefixes: undefined },
        ],
      },
      "invalid_argument",
    ],
    ["one issuer twice", { credentials: [oidc, { ...oidc, prefixes: ["beta/"] }] }, "invalid_argument"],
    ["one secret twice", { credentials: [enrolment, { ...enrolment, prefixes: ["beta/"] }] }, "invalid_argument"],
    ["its own tokens", { credentials: [{ ...oidc, issuer: "https://agents.example" }] }, "invalid_argument"],
    ["a short secret", { credentials: [{ ...enrolment, secret: new Uint8Array(31) }] }, "invalid_key"],
    ["a password", { credentials: [{ ...enrolment, secret: new TextEncoder().encode("correct horse battery staple, twice and then some") }] }, "invalid_key"],
    ["a secret whose agents name their own permissions", { credentials: [{ ...enrolment, permissions: () => ["call:*"] }] }, "invalid_argument"],
    ["a symmetric algorithm", { credentials: [{ ...oidc, algorithms: ["HS256"] }] }, "invalid_argument"],
    ["a trust domain with its scheme", { credentials: [{ ...spiffe, trustDomain: "spiffe://acme.example" }] }, "invalid_argument"],
    ["a bundle without keys for JWTs", { credentials: [{ ...spiffe, keys: { keys: bundle.keys.slice(0, 1) } }] }, "invalid_key"],
    ["a private key in a bundle", { credentials: [{ ...spiffe, keys: { keys: [{ ...publish(svidKey), use: "jwt-svid", d: "AAAA" }] } }] }, "invalid_key"],
    ["an issuer that cannot be asked", { credentials: [{ type: "oidc", issuer: "not a URL" }] }, "invalid_argument"],
    ["a prefix that is none", { credentials: [{ ...oidc, prefixes: ["acme/*"] }] }, "invalid_argument"],
    ["a lifetime of a week", { credentials: [{ ...oidc, lifetime: 7 * 86_400_000 }] }, "invalid_argument"],
    ["a limit of nothing", { limits: { concurrent: 0 } }, "invalid_argument"],
    ["a limit nobody knows", { limits: { bodybytes: 1 } }, "invalid_argument"],
  ];
  it.each(cases)("%s", async (_, options, code) => {
    await expectCode(authority.accept({ url: URL_, credentials: [oidc], ...(options as object) }), code);
  });

  it("but prefixes that do not overlap, and one credential without any", async () => {
    await authority.accept({ url: URL_, credentials: [oidc, spiffe, enrolment] });
    const { prefixes: _, ...everyone } = oidc;
    await authority.accept({ url: URL_, credentials: [everyone] });
  });
});
