import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { joinAs } from "../examples/trust/agent.js";
import { startAuthority } from "../examples/trust/authority.js";
import { boundTokens, identityByBoundTokens, trustInProvider } from "../examples/trust/dpop.js";
import { auth0, clientCredentials, identityByOidc, keycloak } from "../examples/trust/oidc.js";
import { identityByEnrolment, joinGroup, readSecret, sensorSecret } from "../examples/trust/secret.js";
import { identityBySpire, spire } from "../examples/trust/spire.js";
import {
  type AcceptedCredential,
  exportKey,
  generateKey,
  generateSecret,
  type Identity,
  identityFromAuthority,
  identityFromToken,
  type TokenEvent,
} from "../packages/core/src/identity/index.js";
import { type Agent, createAgent, isTightbeamError, type Trust } from "../packages/core/src/index.js";
import { connectMemory, createHub } from "../packages/memory/src/index.js";
import { auth0Claims, claimsOf, keycloakClaims, secondsNow, startProvider } from "./trust/provider.js";
import { startSpire } from "./trust/spire.js";

const closing: (() => unknown)[] = [];
const folder = mkdtempSync(join(tmpdir(), "tightbeam-trust-"));
const svidFile = join(folder, "svid.jwt");
const sensor = generateSecret();
const events: TokenEvent[] = [];
let realm: Awaited<ReturnType<typeof startProvider>>;
let tenant: Awaited<ReturnType<typeof startProvider>>;
let mesh: Awaited<ReturnType<typeof startSpire>>;
let url: string;

beforeAll(async () => {
  realm = await startProvider({ path: "/realms/acme", claims: keycloakClaims });
  tenant = await startProvider({ path: "", trailingSlash: true, claims: auth0Claims });
  mesh = await startSpire();
  // The profiles of the recipes; only where they point to is this machine.
  const local = { allowInsecure: true };
  const credentials: AcceptedCredential[] = [
    { ...keycloak, issuer: realm.issuer, ...local },
    { ...auth0, issuer: tenant.issuer, ...local },
    { ...spire, keys: mesh.bundleUrl, ...local },
    sensorSecret(sensor),
  ];
  const key = await exportKey(await generateKey({ extractable: true }));
  const port = await freePort();
  url = `http://127.0.0.1:${port}/token`;
  const { server } = await startAuthority({ url, key, credentials, audit: (event) => events.push(event), ...local });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  closing.push(
    realm.close,
    tenant.close,
    mesh.close,
    () => server.closeAllConnections(),
    () => server.close(),
  );
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
  rmSync(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const client = (id: string) => ({ tokenUrl: realm.tokenUrl, clientId: id, clientSecret: `secret of ${id}` });
const m2m = (id = "awZfdIir8YFdGZWkvCejDoUb7SjTDicx") => ({
  tokenUrl: tenant.tokenUrl,
  clientId: id,
  clientSecret: `secret of ${id}`,
  audience: "https://agents.example",
});
const workload = (claims: object = {}): string => {
  writeFileSync(svidFile, `${mesh.svid("spiffe://acme.example/ns/prod/sa/finder", url, claims)}\n`);
  return svidFile;
};

/** Both agents answer the other one, who is exactly who it should be. */
async function talk(a: Agent, b: Agent): Promise<void> {
  closing.push(
    () => a.close(),
    () => b.close(),
  );
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const remove = to.handle("whoami", (_: unknown, { peer }) => ({ id: peer.id }));
    expect(await from.request(to.id, "whoami", {})).toEqual({ id: from.id });
    remove();
  }
}

describe("the recipes of docs/trust.md link agents", () => {
  it("Keycloak, Auth0, SPIRE and an enrolment secret: agents of all four trust the one authority", async () => {
    const hub = createHub();
    const join = async (identity: Identity & { close(): void }): Promise<Agent> => {
      closing.push(() => identity.close());
      return joinAs(identity, await connectMemory(hub), { url, allowInsecure: true });
    };
    const reporter = await join(await identityByOidc("acme/reporter", url, client("reporter"), true));
    const seller = await join(await identityByOidc("sales/reporter", url, m2m(), true));
    const finder = await join(await identityBySpire("prod/finder", url, workload(), true));
    const sense = await join(await identityByEnrolment("edge/sensor", url, sensor, true));
    await talk(reporter, seller);
    await talk(finder, sense);
    await talk(reporter, sense);
    const issued = events.filter((event) => event.type === "issued");
    expect(Object.fromEntries(issued.map(({ id, permissions }) => [id, permissions]))).toEqual({
      "acme/reporter": ["call:summarize", "transport:presence"],
      "sales/reporter": ["call:summarize"],
      "prod/finder": ["call:*", "transport:presence"],
      "edge/sensor": ["call:measure", "transport:presence"],
    });
    // The providers were found by discovery.
    expect(realm.asked).toContain("GET /realms/acme/.well-known/openid-configuration");
    expect(tenant.asked).toContain("GET /.well-known/openid-configuration");
  });

  it("a provider's DPoP-bound tokens, without any authority of ours", async () => {
    const hub = createHub();
    const trust = trustInProvider({ ...boundTokens, issuer: realm.issuer }, realm.jwksUrl, true);
    const make = async (identity: Identity): Promise<Agent> => createAgent({ identity, trust, transport: await connectMemory(hub) });
    await talk(
      await make(await identityByBoundTokens("acme/reporter", client("reporter"))),
      await make(await identityByBoundTokens("acme/reader", client("reader"))),
    );
  });

  it("a shared secret, without any server", async () => {
    const hub = createHub();
    const secret = readSecret(Buffer.from(generateSecret()).toString("base64"));
    await talk(await joinGroup("alice", secret, await connectMemory(hub)), await joinGroup("bob", secret, await connectMemory(hub)));
  });
});

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: unknown) => (isTightbeamError(error) ? error.code : String(error)),
  );
const shown = (credential: () => string | Promise<string>, id = "acme/reporter"): Promise<string> =>
  identityFromAuthority({ id, url, credential, allowInsecure: true }).then((identity) => codeOf(identity.token()));

describe("TM-140 and what does not count is refused, over HTTP, with the reason in the audit alone", () => {
  const now = secondsNow();
  const good = () => ({ ...keycloakClaims({ id: "reporter", audience: null, scope: null }), iat: secondsNow(), exp: secondsNow() + 60 });
  const cases: [string, () => string | Promise<string>, string, RegExp][] = [
    ["another audience", () => realm.token({ ...good(), aud: "account" }), "acme/reporter", /another audience/],
    ["expired", () => realm.token({ ...good(), iat: now - 400, exp: now - 100 }), "acme/reporter", /has expired/],
    ["a user of the same client", () => realm.token({ ...good(), preferred_username: "mallory" }), "acme/reporter", /names no agent/],
    ["another client's agent", () => clientCredentials(client("mallory")), "acme/reporter", /^$/],
    ["an application that is not listed", () => clientCredentials(m2m("another")), "sales/reporter", /names no agent/],
    ["a token of one provider under the name of the other", () => tenant.token({ ...good(), iss: realm.issuer }), "acme/reporter", /signature is wrong/],
    ["another provider", () => realm.token({ ...good(), iss: "https://evil.example" }), "acme/reporter", /not accepted here/],
    ["alg none", () => realm.token(good(), { alg: "none" }), "acme/reporter", /may not sign with this algorithm/],
    ["the encryption key", () => realm.token(good(), { kid: "enc-1" }), "acme/reporter", /no key for it/],
    ["a workload of another namespace", () => mesh.svid("spiffe://acme.example/ns/test/sa/finder", url), "prod/finder", /names no agent/],
    ["another trust domain", () => mesh.svid("spiffe://evil.example/ns/prod/sa/finder", url), "prod/finder", /not accepted here/],
    ["an SVID for another service", () => mesh.svid("spiffe://acme.example/ns/prod/sa/finder", "https://bank.example"), "prod/finder", /another audience/],
    ["an expired SVID", () => mesh.svid("spiffe://acme.example/ns/prod/sa/finder", url, { exp: now - 100 }), "prod/finder", /has expired/],
    ["a token that is bound to another key", () => realm.token({ ...good(), cnf: { jkt: "x".repeat(43) } }), "acme/reporter", /bound to another key/],
  ];
  it.each(cases)("%s", async (_, credential, id, reason) => {
    const before = events.length;
    expect(await shown(credential, id)).toBe("invalid_token");
    const event = events.slice(before).at(-1);
    if (event?.type === "refused") expect(event.reason).toMatch(reason);
    else expect(event).toMatchObject({ type: "issued", id: "acme/mallory" });
  });

  it("an enrolment secret that nobody gave out", async () => {
    const identity = await identityByEnrolment("edge/sensor", url, generateSecret(), true);
    expect(await codeOf(identity.token())).toBe("invalid_token");
  });
});

describe("TM-145 a provider's token counts with peers only when it is bound to the key that is shown", () => {
  const token = (claims: object = {}): string => {
    const all = keycloakClaims({ id: "reporter", audience: null, scope: null });
    return realm.token({ ...all, iat: secondsNow(), exp: secondsNow() + 60, ...claims });
  };
  let trust: Trust;
  beforeAll(() => {
    trust = trustInProvider({ ...boundTokens, issuer: realm.issuer }, realm.jwksUrl, true);
  });

  it("refuses a bearer token, another key, another audience and another type", async () => {
    const key = await generateKey();
    const jwk = JSON.stringify(key.publicJwk);
    const cnf = { jkt: key.thumbprint };
    const verify = (text: string, beside: string | undefined = jwk) =>
      codeOf(trust.verify(text, { now: Date.now(), ...(beside === undefined ? {} : { jwk: beside }) }));
    expect(await verify(token({ cnf }))).toBe("none");
    expect(await verify(token())).toBe("invalid_token");
    expect(await verify(token({ cnf: { jkt: (await generateKey()).thumbprint } }))).toBe("invalid_token");
    expect(await verify(token({ cnf, aud: "account" }))).toBe("invalid_token");
    expect(await verify(token({ cnf, preferred_username: "mallory" }))).toBe("invalid_token");
    expect(await verify(realm.token({ ...claimsOf(token({ cnf })) }, { typ: "at+jwt" }))).toBe("invalid_token");
    expect(await codeOf(trust.verify(token({ cnf }), { now: Date.now() }))).toBe("invalid_token");
  });

  it("makes a stolen token useless: its thief cannot link", async () => {
    const hub = createHub();
    const owner = await identityByBoundTokens("acme/reporter", client("reporter"));
    const stolen = await owner.token();
    const thief = identityFromToken({ id: "acme/reporter", key: await generateKey(), token: stolen });
    const reader = await createAgent({ identity: await identityByBoundTokens("acme/reader", client("reader")), trust, transport: await connectMemory(hub) });
    const agent = createAgent({ identity: thief, trust, transport: await connectMemory(hub) });
    closing.push(() => reader.close());
    expect(await codeOf(agent.then((made) => made.request("acme/reader", "whoami", {}, { timeout: 2_000 })))).toBe("invalid_token");
  });
});

describe("docs/trust.md", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  it("shows what these tests ran", () => {
    const sources = readdirSync(join(root, "examples/trust")).map((name) => readFileSync(join(root, "examples/trust", name), "utf8"));
    const blocks = [...readFileSync(join(root, "docs/trust.md"), "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code.trim());
    expect(blocks.length).toBeGreaterThan(6);
    for (const block of blocks)
      expect(
        sources.some((source) => source.includes(block)),
        block,
      ).toBe(true);
  });
});
