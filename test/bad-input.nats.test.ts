import { createServer } from "node:net";
import { type AgentOptions, type Authority, createAgent, createAuthority, type TightbeamError } from "@tightbeam/core";
import { connectNats, type NatsServerOptions } from "@tightbeam/nats";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Broker, startBroker, withNatsServer } from "../packages/nats/test/broker.js";
import { failure } from "./agents/settling.js";

// What a user of NATS does wrong, and what the error says: what happened, where, and what to do about it.

let authority: Authority;
let plain: Broker;
const closers: (() => unknown)[] = [];
const keep = <T extends { close(): unknown }>(thing: T): T => {
  closers.push(() => thing.close());
  return thing;
};
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function join(id: string, options: NatsServerOptions, more: Partial<AgentOptions> = {}) {
  const transport = keep(await connectNats({ connectTimeout: 3_000, ...options }));
  return keep(await createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport, ...more }));
}

async function port(listen: boolean, answer?: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    closers.push(() => void socket.destroy());
    if (answer !== undefined) socket.write(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  if (listen) closers.push(() => new Promise((resolve) => server.close(resolve)));
  else await new Promise((resolve) => server.close(resolve));
  return typeof at === "object" && at !== null ? at.port : 0;
}

interface Row {
  readonly name: string;
  readonly config?: string;
  readonly make: (server: Broker) => Promise<unknown>;
  readonly code: TightbeamError["code"];
  readonly says: readonly RegExp[];
}

const users = `authorization { users = [
  { user: alice, password: right, permissions: { publish: ["acme.>"], subscribe: ["acme.agent.alice alice", "acme.inbox.alice.*"] } }
  { user: expired, password: right, allowed_connection_types: ["WEBSOCKET"] }
] }`;

const rows: readonly Row[] = [
  {
    name: "no server there",
    make: async () => join("alice", { servers: `nats://127.0.0.1:${await port(false)}` }),
    code: "unavailable",
    says: [/127\.0\.0\.1:\d+/, /nobody listens/, /start a nats-server/],
  },
  {
    name: "no such host",
    make: () => join("alice", { servers: ["nats://no-such-host.invalid", "nats://nor-this.invalid"] }),
    code: "unavailable",
    says: [/no-such-host\.invalid:4222, nats:\/\/nor-this\.invalid:4222/, /does not resolve/],
  },
  {
    name: "a port that says nothing",
    make: async () => join("alice", { servers: `127.0.0.1:${await port(true)}`, connectTimeout: 300 }),
    code: "unavailable",
    says: [/127\.0\.0\.1:\d+/, /did not answer in time/],
  },
  {
    name: "a port that speaks something else",
    make: async () => join("alice", { servers: `127.0.0.1:${await port(true, "SSH-2.0-OpenSSH_9.9\r\n")}` }),
    code: "failed",
    says: [/127\.0\.0\.1:\d+/, /no nats-server/],
  },
  {
    name: "a wrong password",
    config: users,
    make: ({ url }) => join("alice", { servers: url, user: "alice", password: "s3cret-and-wrong" }),
    code: "denied",
    says: [/127\.0\.0\.1:\d+/, /refused the credentials/, /check user, password/],
  },
  { name: "no password where one is needed", config: users, make: ({ url }) => join("alice", { servers: url }), code: "denied", says: [/credentials/] },
  {
    name: "a password in the URL",
    make: ({ host }) => join("alice", { servers: `nats://alice:s3cret-and-wrong@${host}` }),
    code: "invalid_argument",
    says: [/as `user` and `password`/],
  },
  {
    name: "a seed that is none",
    make: ({ url }) => join("alice", { servers: url, nkey: "s3cret-and-wrong" }),
    code: "invalid_argument",
    says: [/begins with SU/],
  },
  {
    name: "a creds file that is not there",
    make: ({ url }) => join("alice", { servers: url, credsFile: "/nowhere/alice.creds" }),
    code: "invalid_argument",
    says: [/\/nowhere\/alice\.creds/],
  },
  {
    name: "TLS where there is none",
    make: ({ host }) => join("alice", { servers: `tls://${host}` }),
    code: "failed",
    says: [/127\.0\.0\.1:\d+/, /speaks no TLS/],
  },
  {
    name: "a server without headers",
    config: "no_header_support: true",
    make: ({ url }) => join("alice", { servers: url }),
    code: "unsupported",
    says: [/127\.0\.0\.1:\d+/, /no_header_support/],
  },
  {
    name: "a server with a tiny max_payload",
    config: "max_payload: 8192",
    make: ({ url }) => join("alice", { servers: url }),
    code: "unsupported",
    says: [/at most 8192 bytes/, /max_payload/, /21504/],
  },
  {
    name: "a prefix outside the grammar",
    make: ({ url }) => join("alice", { servers: url, prefix: "acme.>" }),
    code: "invalid_argument",
    says: [/prefix/, /without dots/],
  },
  {
    name: "a prefix that the server does not allow",
    config: users,
    make: ({ url }) => join("alice", { servers: url, user: "alice", password: "right", prefix: "globex" }),
    code: "denied",
    says: [/subscribe to (?:agent|inbox)\/alice/, /allow the subject globex\.(?:agent|inbox)\.alice/, /`prefix`/],
  },
  {
    name: "an id that the server does not allow",
    config: users,
    make: ({ url }) => join("bob", { servers: url, user: "alice", password: "right", prefix: "acme" }),
    code: "denied",
    says: [/subscribe to (?:agent|inbox)\/bob/, /agent id/],
  },
  {
    name: "WebSocket by URL",
    make: ({ host }) => join("alice", { servers: `ws://${host}` }),
    code: "invalid_argument",
    says: [/wsconnect/],
  },
];

withNatsServer("bad input over NATS", () => {
  describe("over NATS", () => {
    beforeAll(async () => {
      authority = await createAuthority({ issuer: "https://auth.example" });
      plain = await startBroker();
    });
    afterAll(() => plain.close());

    test.each(rows)("$name is a typed error that says what happened", async ({ config, make, code, says }) => {
      const server = config === undefined ? plain : keep(await startBroker(config));
      const error = await failure(make(server));
      expect(error.code).toBe(code);
      for (const each of says) expect(error.message).toMatch(each);
      expect(error.message).not.toContain("s3cret");
      expect(error.message).toMatch(/[^.!?][.!?)]$/);
    });
  });
});
