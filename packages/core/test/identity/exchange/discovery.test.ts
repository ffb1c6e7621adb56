import { describe, expect, it } from "vitest";
import type { OidcCredential } from "../../../src/identity/index.js";
import { createAuthority, signDpop } from "../../../src/identity/index.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";
import { agentKey, issuerKey, otherKey, publish } from "../fixtures.js";
import { exchange, jwtType, OIDC, sign, URL_ } from "./fixture.js";

const discovery = `${OIDC}/.well-known/openid-configuration`;
const good: Record<string, object | string | number> = {
  [discovery]: { issuer: OIDC, jwks_uri: `${OIDC}/keys` },
  [`${OIDC}/keys`]: { keys: [publish(issuerKey)] },
};

/** An endpoint whose OIDC provider answers as told: an object is sent as JSON, text as it is, a number is a status. */
async function setUp(site: typeof good, options: Partial<OidcCredential> = {}) {
  const runtime = createVirtualRuntime({ seed: 5 });
  const authority = await createAuthority({ issuer: "https://agents.example", runtime });
  const asked: string[] = [];
  const fetch = async (input: string | URL | Request): Promise<Response> => {
    asked.push(String(input));
    const answer = site[String(input)];
    if (answer === undefined) throw new TypeError("fetch failed");
    if (typeof answer === "number") return new Response("{}", { status: answer });
    return new Response(typeof answer === "string" ? answer : JSON.stringify(answer));
  };
  const endpoint = await authority.accept({ url: URL_, nonce: false, credentials: [{ type: "oidc", issuer: OIDC, runtime, fetch, ...options }] });
  const ask = async (key = issuerKey): Promise<number> => {
    const seconds = Math.floor(runtime.clock.wall() / 1000);
    const header = { alg: key.alg, typ: "JWT", kid: key.thumbprint };
    const subject = await sign(header, { iss: OIDC, sub: "bob", aud: URL_, iat: seconds, exp: seconds + 60 }, key);
    const body = new URLSearchParams({ grant_type: exchange, subject_token: subject, subject_token_type: jwtType });
    const dpop = await signDpop(agentKey, { url: URL_, runtime });
    return (await endpoint.handle(new Request(URL_, { method: "POST", headers: { dpop }, body }))).status;
  };
  return { runtime, site, asked, ask };
}

describe("an OIDC provider's keys are discovered", () => {
  it("on first use, and not again for every set", async () => {
    const { ask, asked, runtime } = await setUp({ ...good });
    expect(asked).toEqual([]);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([200, 200, 200]);
    expect(asked).toEqual([discovery, `${OIDC}/keys`]);
    await runtime.advance(60_000);
    expect(await ask()).toBe(200);
    expect(asked).toEqual([discovery, `${OIDC}/keys`, `${OIDC}/keys`]);
    await runtime.advance(3_600_000);
    expect(await ask()).toBe(200);
    expect(asked.slice(3)).toEqual([discovery, `${OIDC}/keys`]);
  });

  it("again when they have moved", async () => {
    const { ask, site, runtime } = await setUp({ ...good }, { staleFor: 0 });
    expect(await ask()).toBe(200);
    site[discovery] = { issuer: OIDC, jwks_uri: `${OIDC}/new` };
    site[`${OIDC}/new`] = { keys: [publish(otherKey)] };
    site[`${OIDC}/keys`] = 404;
    await runtime.advance(60_000);
    expect(await ask(otherKey)).toBe(503);
    await runtime.advance(1_000);
    expect(await ask(otherKey)).toBe(200);
    expect(await ask(issuerKey)).toBe(400);
  });

  const misbehaving: [string, Record<string, object | string | number>][] = [
    ["nothing there", { [discovery]: 404 }],
    ["no answer", {}],
    ["another issuer's document", { [discovery]: { issuer: "https://evil.example", jwks_uri: `${OIDC}/keys` } }],
    ["an issuer with a slash too many", { [discovery]: { issuer: `${OIDC}/`, jwks_uri: `${OIDC}/keys` } }],
    ["no keys named", { [discovery]: { issuer: OIDC } }],
    ["keys over http:", { [discovery]: { issuer: OIDC, jwks_uri: "http://idp.example/keys" }, "http://idp.example/keys": { keys: [publish(issuerKey)] } }],
    ["keys in a data: URL", { [discovery]: { issuer: OIDC, jwks_uri: `data:application/json,${JSON.stringify({ keys: [publish(issuerKey)] })}` } }],
    ["one member twice", { [discovery]: `{"issuer":"${OIDC}","issuer":"${OIDC}","jwks_uri":"${OIDC}/keys"}` }],
    ["100 KB", { [discovery]: { issuer: OIDC, jwks_uri: `${OIDC}/keys`, padding: "x".repeat(100_000) } }],
    ["no keys", { [`${OIDC}/keys`]: { keys: [] } }],
    ["a private key", { [`${OIDC}/keys`]: { keys: [publish(issuerKey, { d: "AAAA" })] } }],
  ];
  it.each(misbehaving)("%s: nobody is let in, and it recovers", async (_, wrong) => {
    const site = _ === "no answer" ? {} : { ...good, ...wrong };
    const setup = await setUp(site);
    expect(await setup.ask()).toBe(503);
    // It is not asked at once again.
    const { length } = setup.asked;
    expect(await setup.ask()).toBe(503);
    expect(setup.asked).toHaveLength(length);
    Object.assign(site, good);
    await setup.runtime.advance(1_000);
    expect(await setup.ask()).toBe(200);
  });
});
