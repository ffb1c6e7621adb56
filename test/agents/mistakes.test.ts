// What people get wrong first, and what they are told.
import { type Agent, type AgentOptions, createAgent, createAuthority, method, stream, topic } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

let join: (id: string, permissions?: readonly string[], options?: Partial<AgentOptions>) => Promise<Agent>;
let agents: Agent[];

beforeEach(async () => {
  const authority = await createAuthority();
  const hub = createHub();
  agents = [];
  join = async (id, permissions = [], options = {}) => {
    const identity = await authority.enroll(id, { permissions });
    const agent = await createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub), ...options });
    agents.push(agent);
    return agent;
  };
});

afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.close()));
});

const refused = (message: string) => expect.objectContaining({ code: "invalid_argument", message: expect.stringContaining(message) });

describe("a handler", () => {
  test("that is no function is refused when it is given, not when it is called", async () => {
    const alice = await join("alice");
    expect(() => alice.handle("echo", undefined as never)).toThrow(refused("The handler of 'echo' is a function"));
    expect(() => alice.handle(stream("words"), "echo" as never)).toThrow(refused("The handler of 'words' is a function"));
    expect(() => alice.handle((() => 1) as never, "echo" as never)).toThrow(refused("is a function"));
    expect(() => alice.fallback(7 as never)).toThrow(refused("The handler of 'fallback' is a function"));
    alice.handle("echo", () => "free");
  });

  test("that is a generator answers a stream, and not a bare name", async () => {
    const [alice, bob] = [await join("alice"), await join("bob")];
    const words = async function* () {
      yield "one";
    };
    expect(() => alice.handle("words", words)).toThrow(refused('handle(stream("words"), ...)'));
    expect(() =>
      alice.handle("words", function* () {
        yield 1;
      }),
    ).toThrow(refused("A generator answers a stream"));
    alice.handle(stream("words"), words);
    const heard: unknown[] = [];
    for await (const word of bob.stream("alice", "words")) heard.push(word);
    expect(heard).toEqual(["one"]);
  });

  test("whose output does not travel is not taken for a wrong input", async () => {
    const [alice, bob] = [await join("alice"), await join("bob")];
    alice.handle("now", () => ({ at: new Date(0) }));
    alice.handle("later", async () => new Map());
    await expect(bob.request("alice", "now")).rejects.toMatchObject({ code: "not_serialisable", message: expect.stringMatching(/^output\.at is not/) });
    await expect(bob.request("alice", "later")).rejects.toMatchObject({ code: "not_serialisable", message: expect.stringMatching(/^output is not/) });
    await expect(bob.request("alice", "now", new Date(0))).rejects.toMatchObject({ message: expect.stringMatching(/^payload is not/) });
  });
});

test("a method whose contract says nothing of an input is asked without one", async () => {
  const [alice, bob] = [await join("alice"), await join("bob")];
  const ping = method("ping", { output: z.string() });
  alice.handle(ping, () => "pong");
  expect(await bob.request("alice", ping)).toBe("pong");
  await bob.notify("alice", ping);
});

test("what is not answered names the receiver, and what is of the other kind says which", async () => {
  const [alice, bob] = [await join("alice"), await join("bob")];
  alice.handle("sum", () => 1);
  alice.handle(stream("words"), () => undefined);
  await expect(bob.request("alice", "nope")).rejects.toMatchObject({
    code: "no_handler",
    message: expect.stringContaining("Its receiver has no handler for 'nope'"),
  });
  await expect(bob.request("alice", "words")).rejects.toMatchObject({ code: "no_handler", message: expect.stringContaining("'words' is a stream") });
  await expect(bob.stream("alice", "sum").result).rejects.toMatchObject({ code: "no_handler", message: expect.stringContaining("'sum' is a method") });
});

test("who waits for publishers is told that one of them refused, and why", async () => {
  const orders = topic("orders", z.number());
  const shop = await join("shop", ["publish:*"], { policy: "token" });
  shop.publishes(orders);
  const spy = await join("spy");
  const subscription = await spy.subscribe(orders, () => undefined, { from: ["shop"] });
  const others = await spy.subscribe(orders, () => undefined);
  await expect(subscription.ready(1)).rejects.toMatchObject({ code: "forbidden" });
  const error: unknown = await others.ready(1, { timeout: 200 }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "timeout", message: expect.stringMatching(/One refused: .*subscribe:orders/), cause: { code: "forbidden" } });
});
