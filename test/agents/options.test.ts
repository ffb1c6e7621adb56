import { type Agent, type AgentOptions, contract, createAgent, createAuthority, describe as describeContract, method, stream, topic } from "@tightbeam/core";
import { createMemoryStore } from "@tightbeam/core/store";
import { connectMemory, createHub } from "@tightbeam/memory";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

let good: AgentOptions;
let agent: Agent | undefined;

beforeEach(async () => {
  const authority = await createAuthority();
  good = { identity: await authority.enroll("alice"), trust: authority.trust(), transport: await connectMemory(createHub()) };
});

afterEach(async () => {
  await agent?.close();
  agent = undefined;
  await good.transport.close();
});

const join = async (): Promise<Agent> => {
  agent = await createAgent(good);
  return agent;
};

describe("createAgent", () => {
  test.each<[string, (options: AgentOptions) => unknown]>([
    ["nothing", () => undefined],
    ["null", () => null],
    ["text", () => "alice"],
    ["no identity", (options) => ({ ...options, identity: undefined })],
    ["an identity that is null", (options) => ({ ...options, identity: null })],
    ["an id as identity", (options) => ({ ...options, identity: "alice" })],
    ["a promise of an identity", (options) => ({ ...options, identity: Promise.resolve(options.identity) })],
    ["an identity without a key", (options) => ({ ...options, identity: { id: "alice", token: options.identity.token } })],
    ["an identity whose key cannot sign", (options) => ({ ...options, identity: { ...options.identity, key: {} } })],
    ["an identity without a token", (options) => ({ ...options, identity: { id: "alice", key: options.identity.key } })],
    ["an id that is none", (options) => ({ ...options, identity: { id: "a b", key: options.identity.key, token: options.identity.token } })],
    ["no trust", (options) => ({ ...options, trust: undefined })],
    ["a trust that cannot verify", (options) => ({ ...options, trust: {} })],
    ["the authority as trust", (options) => ({ ...options, trust: { trust: () => options.trust } })],
    ["no transport", (options) => ({ ...options, transport: undefined })],
    ["a transport that is null", (options) => ({ ...options, transport: null })],
    ["a promise of a transport", (options) => ({ ...options, transport: Promise.resolve(options.transport) })],
    ["a transport without a state", (options) => ({ ...options, transport: { ...options.transport, state: undefined } })],
    ["a transport that cannot send", (options) => ({ ...options, transport: { ...options.transport, send: undefined } })],
    ["a transport without an end", (options) => ({ ...options, transport: { ...options.transport, closed: undefined } })],
    ["a transport without capabilities", (options) => ({ ...options, transport: { ...options.transport, capabilities: undefined } })],
    ["a transport whose instance is none", (options) => ({ ...options, transport: { ...options.transport, instance: "x" } })],
    ["goneAfter 0", (options) => ({ ...options, goneAfter: 0 })],
    ["a runtime that is none", (options) => ({ ...options, runtime: {} })],
    ["an unknown option", (options) => ({ ...options, transports: [] })],
    ["an unknown option with a line break", (options) => ({ ...options, "a\u001b[2Jb": 1 })],
    ["limits that are none", (options) => ({ ...options, limits: 5 })],
    ["an unknown limit", (options) => ({ ...options, limits: { maxMessageBytes: 5 } })],
    ["a limit as text", (options) => ({ ...options, limits: { messageMaxBytes: "5" } })],
    ["a limit that is no number", (options) => ({ ...options, limits: { intakeCount: Number.NaN } })],
    ["a limit below 0", (options) => ({ ...options, limits: { intakeBytes: -1 } })],
  ])("TM-113: %s is refused with invalid_argument", async (_, change) => {
    const error = await createAgent(change(good) as AgentOptions).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ name: "TightbeamError", code: "invalid_argument" });
    expect((error as Error).message).not.toContain("\u001b");
  });

  test("what is a promise still is called so", async () => {
    const { transport } = good;
    const store = Promise.resolve(createMemoryStore()) as never;
    await expect(createAgent({ ...good, store })).rejects.toMatchObject({ code: "invalid_argument", message: "`store` is a promise: await it first." });
    await expect(createAgent({ ...good, transport: Promise.resolve(transport) as never })).rejects.toThrow("`transport` is a promise");
    await expect(createAgent({ ...good, identity: Promise.resolve(good.identity) as never })).rejects.toThrow("`identity` is a promise");
  });

  test("a store belongs to one agent of a process, until that has closed or could not be made", async () => {
    const kept = createMemoryStore();
    const store = { ...kept, close: async () => undefined };
    const broken = { deadLetters: { retention: { count: 0 } } };
    await expect(createAgent({ ...good, ...broken, store })).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringMatching(/deadLetters\.retention\.count is a whole number of 1 to/),
    });
    const first = await createAgent({ ...good, store });
    await expect(createAgent({ ...good, store })).rejects.toMatchObject({ code: "store_locked", message: expect.stringContaining("a store of its own") });
    await first.close();
    agent = await createAgent({ ...good, transport: await connectMemory(createHub()), store });
    expect(agent.instance).toBe(first.instance);
  });

  test("a request that is to be durable, and options nobody knows, say what there is instead", async () => {
    const alice = await join();
    const call = (operation: object) => alice.request("bob", "work", 1, operation);
    await expect(call({ durable: true })).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("idempotencyKey") });
    await expect(call({ idempotencykey: "a" })).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("Options are timeout, signal, priority, ttl, idempotencyKey"),
    });
    expect(() => alice.snapshots("state", () => 1, undefined as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  test("what letters are asked for is said in words", async () => {
    agent = await createAgent({ ...good, deadLetters: {} });
    const { deadLetters } = agent;
    await expect(deadLetters.get("nope")).rejects.toThrow("The id of a letter is 12 hex digits, as list() gives it.");
    await expect(deadLetters.list({ reason: "bad" as never })).rejects.toThrow("query.reason is an error code, or up to");
    await expect(deadLetters.list({ limit: -1 })).rejects.toThrow("query.limit is a whole number of 1 to");
  });

  test("options that are undefined are as if they were not there", async () => {
    agent = await createAgent({ ...good, limits: undefined, goneAfter: undefined, runtime: undefined } as unknown as AgentOptions);
    expect(agent.id).toBe("alice");
  });
});

const search = contract({
  name: "search",
  version: 1,
  methods: { find: method("find", { input: z.string() }), watch: stream("watch"), progress: topic("progress", z.number()) },
});

describe("serve", () => {
  const handlers = { find: () => [], watch: () => undefined };
  test.each<[string, unknown, unknown]>([
    ["a handler that misses", search, { find: handlers.find }],
    ["a handler that is none", search, { ...handlers, watch: "watch" }],
    ["a handler that is only inherited", search, Object.create(handlers)],
    ["a handler too much", search, { ...handlers, other: handlers.find }],
    ["a handler for a topic", search, { ...handlers, progress: handlers.find }],
    ["no handlers", search, undefined],
    ["no contract", undefined, handlers],
    ["a method as a contract", search.methods.find, handlers],
    ["an object that looks like a contract", { ...search }, handlers],
  ])("%s is refused, and nothing is served", async (_, what, how) => {
    const alice = await join();
    expect(() => alice.serve(what as typeof search, how as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    expect(await alice.describe()).toMatchObject({ contracts: [], methods: {} });
  });

  test("is all or nothing: one method that is answered already stops it", async () => {
    const alice = await join();
    const free = alice.handle(search.methods.watch, () => undefined);
    expect(() => alice.serve(search, handlers)).toThrow(/'search.watch@1' has a handler/);
    free();
    const end = alice.serve(search, handlers);
    expect(() => alice.serve(search, handlers)).toThrow(/served already/);
    end();
    end();
    alice.serve(search, handlers);
  });
});

describe("peer", () => {
  test("refuses at once what is no target or no contract", async () => {
    const alice = await join();
    for (const [target, what] of [
      ["a b", search],
      [undefined, search],
      ["bob", undefined],
      ["bob", { ...search }],
      ["bob", search.methods.find],
    ] as const)
      expect(() => alice.peer(target as string, what as typeof search)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  test("gives a frozen object that may be awaited and returned from async functions", async () => {
    const alice = await join();
    const peer = await Promise.resolve(alice.peer("bob", search));
    expect(Object.keys(peer)).toEqual(expect.arrayContaining(["find", "watch", "notify"]));
    expect(Object.isFrozen(peer)).toBe(true);
    expect(Object.isFrozen(peer.notify)).toBe(true);
  });
});

test("TM-112: to a peer that may not call it, what there is, what there is not and what is served in other versions is the same", async () => {
  const authority = await createAuthority();
  const hub = createHub();
  const meet = async (id: string, options: Partial<AgentOptions> = {}) =>
    createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub), ...options });
  const [server, caller] = [await meet("server", { policy: "token" }), await meet("caller")];
  server.serve(search, { find: () => [], watch: () => undefined });
  const later = contract({ name: "search", version: 9, methods: { find: method("find"), watch: stream("watch"), other: method("other") } });
  const [now, then] = [caller.peer("server", search), caller.peer("server", later)];
  const asked = [now.find("x"), then.find("x"), then.other(), now.watch().result, then.watch().result];
  const refusals = await Promise.all(
    asked.map((each) =>
      each.then(
        () => undefined,
        (error: { code: string; message: string }) => error,
      ),
    ),
  );
  const named = (name: string) => ({ code: "forbidden", message: `caller has no permission 'call:search.${name}' here.` });
  expect(refusals).toMatchObject([named("find"), named("find"), named("other"), named("watch"), named("watch")]);
  await Promise.all([server.close(), caller.close()]);
});

test("describe() says what is served: contracts, and what is handled besides", async () => {
  const alice = await join();
  expect(await alice.describe()).toEqual({ agent: "alice", protocol: 1, contracts: [], methods: {} });
  alice.serve(search, { find: () => [], watch: () => undefined });
  alice.handle(method("ping", { output: z.string() }), () => "pong");
  alice.handle(stream("tail"), () => undefined);
  const described = await alice.describe();
  expect(described.contracts).toEqual([describeContract(search)]);
  expect(described.methods).toMatchObject({
    ping: { kind: "method", input: { schema: "none" }, output: { schema: "json", json: { type: "string" } } },
    tail: { kind: "stream" },
  });
  expect(Object.keys(described.methods)).toEqual(["ping", "tail"]);
  expect(JSON.parse(JSON.stringify(described))).toEqual(described);
});
