import { describe, expect, it } from "vitest";
import { type AuthorityIdentityOptions, exportKey, generateSecret, identityFromAuthority, type RenewalEvent } from "../../../src/identity/index.js";
import { readToken } from "../../../src/identity/shape.js";
import { expectCode, failure, printed, promptKey } from "../fixtures.js";
import { secret, setUp, URL_ } from "./fixture.js";

const strict = { endpoint: { nonce: true } };

/** An agent's side, connected to the endpoint without a network. */
async function agentOf(setup: Awaited<ReturnType<typeof setUp>>, options: Partial<AuthorityIdentityOptions> = {}) {
  const requests: Request[] = [];
  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    requests.push(request.clone());
    return setup.endpoint.handle(request);
  };
  const from = options.credential === undefined && options.secret === undefined ? { credential: () => setup.credential() } : {};
  const identity = await identityFromAuthority({ id: "acme/bob", url: URL_, fetch, runtime: setup.runtime, key: await promptKey(), ...from, ...options });
  return { identity, requests };
}

/** Answers with what it is given. */
const answering = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
  fetch: async () => new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers }),
});

describe("identityFromAuthority", () => {
  it("asks on first use, learns the nonce once, and keeps its key to itself", async () => {
    const setup = await setUp(strict);
    const { identity, requests } = await agentOf(setup);
    expect(requests).toHaveLength(0);
    const token = await identity.token();
    expect(requests).toHaveLength(2);
    expect((await setup.authority.trust().verify(token, { now: setup.runtime.clock.wall() })).key.thumbprint).toBe(identity.key.thumbprint);
    const relay = await identity.token("https://relay.example");
    expect(requests).toHaveLength(3);
    expect(readToken(relay).claims).toMatchObject({ aud: "https://relay.example", permissions: ["transport:connect"] });
    // Its own key cannot be read, by nobody.
    const generated = await identityFromAuthority({ id: "acme/bob", url: URL_, credential: () => "x" });
    await expectCode(exportKey(generated.key), "denied");
    generated.close();
    identity.close();
  });

  it("renews by itself at two thirds of the lifetime, with a fresh credential, also when the key is replaced", async () => {
    const setup = await setUp(strict);
    let asked = 0;
    const { identity } = await agentOf(setup, {
      credential() {
        asked++;
        return setup.credential();
      },
    });
    const events: RenewalEvent[] = [];
    identity.onRenewal((event) => events.push(event));
    const first = await identity.token();
    while (events.length === 0 && asked < 10) await setup.runtime.advance(60_000);
    await expect.poll(() => events.length).toBe(1);
    expect(events[0]).toMatchObject({ type: "renewed" });
    expect(asked).toBe(2);
    expect(await identity.token()).not.toBe(first);
    const key = await promptKey();
    await identity.rotateKey(key);
    expect(readToken(await identity.token()).claims.cnf).toMatchObject({ jwk: key.publicJwk });
    identity.close();
  });

  it("enrols with a secret, which is in no request", async () => {
    const setup = await setUp(strict);
    const { identity, requests } = await agentOf(setup, { id: "edge/sensor", secret });
    expect(readToken(await identity.token()).claims).toMatchObject({ sub: "edge/sensor", permissions: ["call:measure"] });
    for (const request of requests)
      expect((await request.text()) + JSON.stringify([...request.headers])).not.toContain(Buffer.from(secret).toString("base64url"));
    identity.close();
  });

  it("asks for fewer permissions than there are", async () => {
    const { identity } = await agentOf(await setUp(strict), { permissions: ["call:find"] });
    expect(readToken(await identity.token()).claims.permissions).toEqual(["call:find"]);
    identity.close();
  });

  const refusals: [string, Partial<AuthorityIdentityOptions>, string | undefined, string][] = [
    ["a credential that does not count", { credential: () => "a.b.c" }, undefined, "invalid_token"],
    ["another secret", { secret: generateSecret(), id: "edge/sensor" }, undefined, "invalid_token"],
    ["an id that is not the credential's", { id: "acme/carol" }, undefined, "invalid_token"],
    ["permissions that are not given", { permissions: ["admin:all"] }, undefined, "forbidden"],
    ["an audience that is not served", {}, "https://bank.example", "denied"],
    ["another path than the authority's", { url: "https://agents.example/other" }, undefined, "issuer_unavailable"],
    ["another host than the authority knows itself by", { url: "https://alias.example/token" }, undefined, "invalid_token"],
    ["a credential that is none", { credential: () => undefined as unknown as string }, undefined, "invalid_argument"],
    ["a redirect", answering(302, "", { location: "https://evil.example/" }), undefined, "issuer_unavailable"],
    ["HTML", answering(200, "<html></html>"), undefined, "malformed"],
    ["a failure", answering(502, "bad gateway"), undefined, "issuer_unavailable"],
    ["too many requests", answering(429, {}, { "retry-after": "7" }), undefined, "rate_limited"],
    ["no time", answering(503, {}, { "retry-after": "soon" }), undefined, "issuer_unavailable"],
    ["100 KB", answering(200, " ".repeat(100_000)), undefined, "issuer_unavailable"],
    ["no token", answering(200, { token: "x" }), undefined, "invalid_token"],
    ["a server of something else", answering(400, { error: "invalid_client" }), undefined, "unsupported"],
    ["nonces without end", answering(400, { error: "use_dpop_nonce" }, { "dpop-nonce": "abc" }), undefined, "invalid_token"],
  ];
  it.each(refusals)("%s", async (_, options, audience, code) => {
    const setup = await setUp({ endpoint: { nonce: true, audiences: ["https://relay.example"] } });
    const { identity } = await agentOf(setup, options);
    const error = await failure(identity.token(audience));
    expect(error.code, error.message).toBe(code);
    if (code === "rate_limited") expect(error.retryAfter).toBe(7_000);
    expect(printed(error)).not.toContain((await setup.credential()).split(".")[2]);
    identity.close();
  });

  it("does not believe an authority that binds the token to another key", async () => {
    const setup = await setUp();
    const token = await setup.authority.issue({ id: "acme/bob", publicKey: (await promptKey()).publicJwk });
    const { identity } = await agentOf(setup, answering(200, { access_token: token }));
    await expectCode(identity.token(), "invalid_token");
  });

  it("gives up on an authority that does not answer, and comes back to it", async () => {
    const setup = await setUp();
    let down = true;
    const fetch = async (input: string | URL | Request, init?: RequestInit) =>
      down ? new Promise<Response>(() => undefined) : setup.endpoint.handle(new Request(input, init));
    const { identity } = await agentOf(setup, { fetch, timeout: 2_000 });
    const first = expectCode(identity.token(), "issuer_unavailable");
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      await setup.runtime.advance(1_000);
    }
    await first;
    down = false;
    await setup.runtime.advance(1_000);
    expect(await identity.token()).toContain(".");
    identity.close();
  });

  it("is refused at once where it could never work", async () => {
    const make = (options: object) => identityFromAuthority({ id: "acme/bob", url: URL_, credential: () => "x", ...options });
    for (const options of [
      { url: "http://agents.example/token" },
      { secret },
      { credential: undefined },
      { id: "no id" },
      { permissions: [] },
      { permissions: ["\n"] },
    ])
      await expectCode(make(options), "invalid_argument");
    for (const weak of [new Uint8Array(31), new Uint8Array(32), "x".repeat(43)]) await expectCode(make({ credential: undefined, secret: weak }), "invalid_key");
  });
});
