import { type Agent, type AgentOptions, type Authority, createAgent, createAuthority, method, type TightbeamError } from "@tightbeam/core";
import { connectMemory, createHub, type Hub } from "@tightbeam/memory";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { failure, until } from "./agents/settling.js";

// BAD-INPUTS E and F, as far as they are about what an agent takes: priorities, times to live, storms, handlers, ends.

let authority: Authority;
let hub: Hub;
let alice: Agent;
let bob: Agent;
const agents: Agent[] = [];
const greet = method("greet", { input: z.object({ name: z.string() }), output: z.string() });

async function join(id: string, options: Partial<AgentOptions> = {}): Promise<Agent> {
  const agent = await createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub), ...options });
  agents.push(agent);
  return agent;
}

beforeAll(async () => {
  authority = await createAuthority();
  hub = createHub();
  alice = await join("alice");
  bob = await join("bob");
  alice.handle(greet, ({ name }) => `Hello, ${name}.`);
  alice.handle("hang", () => new Promise(() => undefined));
});

afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.close()));
  hub.close();
});

interface Row {
  readonly name: string;
  readonly make: () => Promise<unknown>;
  readonly code: TightbeamError["code"];
  readonly says: RegExp;
}

const odd = (options: Record<string, unknown>) => options as never;
const priorities = [0, -1, 1e9, Number.NaN, "HIGH", "urgent", "", null, {}, "__proto__"];
const ttls = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, Date.UTC(9999, 0), "5", null];

const rows: readonly Row[] = [
  ...priorities.flatMap((priority): Row[] => [
    {
      name: `a request of priority ${String(priority)}`,
      make: () => bob.request("alice", greet, { name: "x" }, odd({ priority })),
      code: "invalid_argument",
      says: /critical, high, normal, low/,
    },
    {
      name: `a notification of priority ${String(priority)}`,
      make: () => bob.notify("alice", greet, { name: "x" }, odd({ priority })),
      code: "invalid_argument",
      says: /critical, high, normal, low/,
    },
  ]),
  ...ttls.map(
    (ttl): Row => ({
      name: `a ttl of ${String(ttl)}`,
      make: () => bob.request("alice", greet, { name: "x" }, odd({ ttl })),
      code: "invalid_argument",
      says: /ttl of whole ms/,
    }),
  ),
  {
    name: "a handler that never settles",
    make: () => bob.request("alice", "hang", null, { timeout: 100 }),
    code: "timeout",
    says: /did not answer 'hang' within 100 ms/,
  },
  {
    name: "a signal that fired before",
    make: () => bob.request("alice", greet, { name: "x" }, { signal: AbortSignal.abort() }),
    code: "cancelled",
    says: /before anything was sent/,
  },
  {
    name: "a signal that fires after sending",
    async make() {
      const controller = new AbortController();
      const { running } = alice.status().calls;
      const asked = bob.request("alice", "hang", null, { signal: controller.signal, idempotencyKey: "k1" });
      await until(() => alice.status().calls.running > running);
      controller.abort();
      return asked;
    },
    code: "delivery_unknown",
    says: /whether the handler ran is unknown/,
  },
  { name: "a second handler of one name", make: async () => alice.handle("greet", () => undefined), code: "invalid_argument", says: /has a handler already/ },
  { name: "a middleware that is none", make: async () => alice.use({} as never), code: "invalid_argument", says: /\(call, next\)/ },
  { name: "a policy that is none", make: () => join("x1", { policy: "none" as never }), code: "invalid_argument", says: /"token" or a function/ },
  { name: "no place at all", make: () => join("x2", { limits: { running: 0 } }), code: "invalid_argument", says: /limits\.running/ },
  {
    name: "a queue that has no end",
    make: () => join("x3", { limits: { queued: Number.POSITIVE_INFINITY } }),
    code: "invalid_argument",
    says: /limits\.queued/,
  },
  { name: "a rate of nothing", make: () => join("x4", { limits: { rate: { perSecond: 0 } } }), code: "invalid_argument", says: /perSecond/ },
  {
    name: "a request after the end",
    async make() {
      const gone = await join("gone");
      await Promise.all([gone.close(), gone.close()]);
      await gone.close();
      return gone.request("alice", greet, { name: "x" });
    },
    code: "closed",
    says: /closed/,
  },
  {
    name: "G-11 an end before a request has left",
    async make() {
      const brief = await join("brief");
      await brief.link("alice");
      const asked = brief.request("alice", "hang", null);
      void brief.close();
      return asked;
    },
    code: "undelivered",
    says: /ended before the message was sent/,
  },
  {
    name: "G-11 an end while a request is under way",
    async make() {
      const brief = await join("brief2");
      const { running } = alice.status().calls;
      const asked = brief.request("alice", "hang", null);
      await until(() => alice.status().calls.running > running);
      void brief.close();
      return asked;
    },
    code: "delivery_unknown",
    says: /ended/,
  },
];

test.each(rows)("$name is a typed error that says what happened", async ({ make, code, says }) => {
  const error = await failure(make());
  expect(error.code).toBe(code);
  expect(error.message).toMatch(says);
  expect(error.message).toMatch(/[^.!?][.!?)]$/);
  expect(await bob.request("alice", greet, { name: "Bob" })).toBe("Hello, Bob.");
});

test("a listener that throws in an event, or in an envelope, disturbs nobody", async () => {
  const seen: string[] = [];
  const ends = [
    alice.onEvent(() => {
      throw new Error("a listener's own");
    }),
    alice.onEnvelope(() => {
      throw new Error("a listener's own");
    }),
    alice.onEvent((event) => void seen.push(event.type)),
  ];
  alice.handle("fail", () => {
    throw new Error("no");
  });
  expect((await failure(bob.request("alice", "fail", null))).code).toBe("handler_failed");
  expect(await bob.request("alice", greet, { name: "Bob" })).toBe("Hello, Bob.");
  expect(seen).toContain("handler_failed");
  for (const end of ends) end();
});

test("a handler that never settles gets its signal when its caller gives up", async () => {
  const reasons: unknown[] = [];
  alice.handle("wait", (_, { signal }) => new Promise(() => signal.addEventListener("abort", () => reasons.push(signal.reason))));
  expect((await failure(bob.request("alice", "wait", null, { timeout: 200 }))).code).toBe("timeout");
  await until(() => reasons.length === 1);
  expect(reasons).toEqual([expect.objectContaining({ code: "cancelled" })]);
});
