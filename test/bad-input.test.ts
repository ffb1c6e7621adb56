import { createServer } from "node:net";
import { type Agent, type AgentOptions, type Authority, createAgent, createAuthority, method, type TightbeamError } from "@tightbeam/core";
import { createIdentity, generateKey, type Identity, identityFromToken } from "@tightbeam/core/identity";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay, type Relay } from "@tightbeam/websocket/relay";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { failure } from "./agents/settling.js";

// What a user does wrong, and what the error says: what happened, and what to do about it.

let authority: Authority;
let relay: Relay;
let alice: Agent;
let bob: Agent;
const agents: Agent[] = [];
const greet = method("greet", { input: z.object({ name: z.string() }), output: z.object({ greeting: z.string() }) });

async function join(id: string, options: Partial<AgentOptions> & { url?: string } = {}): Promise<Agent> {
  const identity = await authority.enroll(id);
  const transport = await connectWebSocket(options.url ?? relay.url, { identity });
  const agent = await createAgent({ identity, trust: authority.trust(), transport, ...options });
  agents.push(agent);
  return agent;
}

beforeAll(async () => {
  authority = await createAuthority({ issuer: "https://auth.example" });
  relay = await createRelay({ port: 0, trust: authority.trust() });
  alice = await join("alice", { limits: { messageMaxBytes: 1_000_000 } });
  bob = await join("bob");
  alice.handle(greet, ({ name }) => ({ greeting: `Hello, ${name}.` }));
});

afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.close()));
  await relay.close();
});

/** An agent whose token for peers is what `token` makes, while its login at the relay is in order. */
async function stranger(id: string, token: (publicKey: Identity["key"]["publicJwk"]) => Promise<string>): Promise<Agent> {
  const key = await generateKey();
  const identity = createIdentity({
    id,
    key,
    issue: ({ audience, publicJwk }) => (audience === undefined ? token(publicJwk) : authority.issue({ id, publicKey: publicJwk, audience })),
  });
  return join(id, { identity });
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

interface Row {
  readonly name: string;
  readonly make: () => Promise<unknown>;
  readonly code: TightbeamError["code"];
  readonly says: RegExp;
}

const rows: readonly Row[] = [
  { name: "a wrong URL", make: () => join("x1", { url: "http:/relay example" }), code: "invalid_argument", says: /ws:|wss:/ },
  { name: "a closed port", make: async () => join("x2", { url: `ws://127.0.0.1:${await closedPort()}/` }), code: "unavailable", says: /127\.0\.0\.1:\d+/ },
  { name: "TLS where there is none", make: () => join("x3", { url: relay.url.replace("ws:", "wss:") }), code: "failed", says: /TLS/i },
  {
    name: "an expired token at the relay",
    async make() {
      const key = await generateKey();
      const token = await authority.issue({ id: "late", publicKey: key.publicJwk, audience: new URL(relay.url).origin, lifetime: 1_000 });
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      return connectWebSocket(relay.url, { identity: identityFromToken({ id: "late", key, token }) });
    },
    // A TransportError: a token may come later, so the same call may succeed later.
    code: "unavailable",
    says: /token has expired/,
  },
  {
    name: "an expired token for peers",
    async make() {
      const key = await generateKey();
      const token = await authority.issue({ id: "stale", publicKey: key.publicJwk, lifetime: 1_000 });
      const stale = await join("stale", { identity: identityFromToken({ key, token }) });
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      return stale.request("alice", greet, { name: "x" }, { timeout: 5_000 });
    },
    code: "expired_token",
    says: /expired.*getToken/,
  },
  {
    name: "a peer whose token nobody here vouches for",
    async make() {
      const other = await createAuthority({ issuer: "https://elsewhere.example" });
      await stranger("foreigner", (publicKey) => other.issue({ id: "foreigner", publicKey }));
      return bob.request("foreigner", greet, { name: "x" }, { timeout: 300 });
    },
    code: "unknown_issuer",
    says: /trust/,
  },
  {
    name: "nobody answering as that agent",
    make: () => bob.request("nobody", greet, { name: "x" }, { timeout: 200 }),
    code: "no_answer",
    says: /nobody within \d+ ms/,
  },
  {
    name: "a confirmation that there is not",
    make: () => bob.notify("alice", greet, { name: "x" }, { confirm: "yes" as never }),
    code: "invalid_argument",
    says: /received, done/,
  },
  { name: "no trust", make: () => join("x4", { trust: undefined as never }), code: "invalid_argument", says: /authority\.trust\(\)/ },
  { name: "a trust that was not called", make: () => join("x5", { trust: authority.trust as never }), code: "invalid_argument", says: /authority\.trust\(\)/ },
  { name: "a span that is no number", make: () => join("x6", { goneAfter: "2s" as never }), code: "invalid_argument", says: /`goneAfter` is in ms/ },
  { name: "a payload that is not serialisable", make: () => bob.request("alice", "greet", { name: () => "x" }), code: "not_serialisable", says: /name/ },
  { name: "a payload that is too large", make: () => bob.request("alice", "greet", new Uint8Array(2_000_000)), code: "too_large", says: /1000000/ },
  { name: "a handler that is missing", make: () => bob.request("alice", "missing", null), code: "no_handler", says: /'missing'/ },
  { name: "a schema failure at home", make: () => bob.request("alice", greet, { name: 4711 } as never), code: "invalid_input", says: /name.*string/ },
  { name: "a schema failure at the peer", make: () => bob.request("alice", "greet", { name: 4711 }), code: "invalid_input", says: /name.*string/ },
];

test.each(rows)("$name is a typed error that says what happened", async ({ make, code, says }) => {
  const error = await failure(make());
  expect(error.code).toBe(code);
  expect(error.message).toMatch(says);
  expect(error.message).not.toContain("4711");
  expect(error.message).toMatch(/[^.!?][.!?)]$/);
  expect(await bob.request("alice", greet, { name: "Bob" })).toEqual({ greeting: "Hello, Bob." });
});
