// biome-ignore-all lint/suspicious/noThenProperty: it is what must be refused
import { describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import type { Agent } from "../../src/agent-types.js";
import { contract, type Method, type MethodOutput, method, type Stream, stream, type Topic, topic } from "../../src/contract/index.js";
import type { BroadcastClient, Client, MethodArguments } from "../../src/patterns/asking/client.js";
import type { RequestOptions } from "../../src/patterns/asking/operation.js";
import type { BroadcastTarget, Target } from "../../src/patterns/asking/target.js";
import type { PeerOutcome, PeerStream } from "../../src/patterns/peers/route.js";
import type { StreamCall } from "../../src/patterns/streams/types.js";
import type { CallPolicy } from "../../src/resilience/types.js";

/*
 * Each way to misuse a contract does not compile: the check of types fails where a line marked so would compile after all. Nothing here runs
 * but what is said to.
 */

declare const agent: Agent;

const find = method("find", { input: z.object({ text: z.string(), limit: z.number().default(10) }), output: z.array(z.string()) });
const day = method("day", { input: z.string().transform((text) => new Date(text)), output: z.string().transform(Number) });
const ping = method("ping");
const watch = stream("watch", {
  input: z.object({ from: z.number() }),
  chunk: z.string().transform(Number),
  up: z.boolean(),
  output: z.object({ total: z.number() }),
});
const tail = stream("tail");
const progress = topic("progress", z.object({ percent: z.number() }));
const search = contract({ name: "search", version: 2, methods: { find, day, ping, watch, tail, progress } });
const { methods } = search;

/** Compiled, never called. */
const compiled = (use: (...given: never[]) => unknown): void => expect(use).toBeTypeOf("function");

describe("making contracts", () => {
  test("a name, a version and methods belong to it, and nothing else", () => {
    compiled(() => [
      // @ts-expect-error no version
      contract({ name: "search", methods: { find } }),
      // @ts-expect-error no name
      contract({ version: 1, methods: { find } }),
      // @ts-expect-error no methods
      contract({ name: "search", version: 1 }),
      // @ts-expect-error a version as text
      contract({ name: "search", version: "1", methods: { find } }),
      // @ts-expect-error an option that does not exist
      contract({ name: "search", version: 1, methods: { find }, topics: { progress } }),
      // @ts-expect-error a schema is no method
      contract({ name: "search", version: 1, methods: { find: z.string() } }),
      // @ts-expect-error a contract is no method
      contract({ name: "search", version: 1, methods: { search } }),
      // @ts-expect-error a function is no method
      contract({ name: "search", version: 1, methods: { find: () => [] } }),
      // @ts-expect-error a name that the client has itself
      contract({ name: "search", version: 1, methods: { notify: find } }),
      // @ts-expect-error another one
      contract({ name: "search", version: 1, methods: { subscribe: progress } }),
      // @ts-expect-error a name that would make the client a promise
      contract({ name: "search", version: 1, methods: { then: find } }),
    ]);
  });

  test("what is made is read-only", () => {
    compiled(() => {
      // @ts-expect-error its version stays
      search.version = 3;
      // @ts-expect-error its methods stay
      search.methods.find = find;
      // @ts-expect-error and no others come
      search.methods.other = find;
    });
  });

  test("methods, streams and topics take the schemas that they have", () => {
    compiled(() => [
      // @ts-expect-error a stream's chunk is not a method's
      method("m", { chunk: z.string() }),
      // @ts-expect-error a stream is not repeated
      stream("s", { idempotent: true }),
      // @ts-expect-error a schema without the Standard Schema interface
      stream("s", { chunk: { parse: String } }),
      // @ts-expect-error a topic takes its schema itself
      topic("t", { event: z.string() }),
      // @ts-expect-error a name is text
      topic(5),
    ]);
  });

  test("each member keeps its kind and its schemas", () => {
    expectTypeOf(methods.find).toEqualTypeOf<typeof find>();
    expectTypeOf(methods.watch).toExtend<Stream>();
    expectTypeOf(methods.progress).toExtend<Topic>();
    // @ts-expect-error a method is no stream
    expectTypeOf(methods.find).toExtend<Stream>();
    // @ts-expect-error a stream is no topic
    expectTypeOf(methods.watch).toExtend<Topic>();
  });
});

describe("calling", () => {
  test("methods", () => {
    compiled(() => [
      agent.request("alice", find, { text: "x" }),
      agent.request("alice", methods.find, { text: "x", limit: 1 }, { timeout: 5 }),
      // @ts-expect-error input of another shape
      agent.request("alice", find, { test: "x" }),
      // @ts-expect-error input of another type
      agent.request("alice", find, { text: 5 }),
      // @ts-expect-error what the handler gets is not what the caller passes
      agent.request("alice", day, new Date()),
      // @ts-expect-error no input
      agent.request("alice", find),
      // @ts-expect-error an option that does not exist
      agent.request("alice", find, { text: "x" }, { timout: 5 }),
      // @ts-expect-error an option of notifications
      agent.request("alice", find, { text: "x" }, { confirm: "done" }),
      // @ts-expect-error a stream is not asked for one answer
      agent.request("alice", watch, { from: 1 }),
      // @ts-expect-error a topic is not asked
      agent.request("alice", progress, { percent: 1 }),
      // @ts-expect-error a contract is not asked
      agent.request("alice", search, { text: "x" }),
      // @ts-expect-error no target
      agent.request(find, { text: "x" }),
      // @ts-expect-error a stream is not announced
      agent.notify("alice", watch, { from: 1 }),
      // @ts-expect-error input of another type
      agent.notify("alice", find, { text: 5 }),
      // @ts-expect-error a confirmation that there is not
      agent.notify("alice", find, { text: "x" }, { confirm: "maybe" }),
    ]);
    compiled(() => expectTypeOf(agent.request("alice", day, "2026-01-01")).resolves.toEqualTypeOf<number>());
    compiled(() => expectTypeOf(agent.request("alice", "search.day@2", { any: 1 })).resolves.toEqualTypeOf<unknown>());
  });

  // Of several signatures TypeScript tells what is wrong with those that were not meant: that no input was given could not be read out of it.
  test("each call has one signature, for all targets", () => {
    type Several<F> = F extends { (...args: infer A): unknown; (...args: infer B): unknown } ? (A extends B ? (B extends A ? false : true) : true) : false;
    expectTypeOf<Several<{ (a: string): void; (a: number): void }>>().toEqualTypeOf<true>();
    expectTypeOf<Several<Agent["request" | "notify" | "stream" | "publish" | "subscribe" | "peer"]>>().toEqualTypeOf<false>();
    compiled((target: Target = "alice", all: BroadcastTarget = { kind: "a", strategy: "broadcast" }, any: Target | BroadcastTarget = target) => {
      expectTypeOf(agent.request(target, day, "")).resolves.toEqualTypeOf<number>();
      expectTypeOf(agent.request(all, day, "")).resolves.toEqualTypeOf<readonly PeerOutcome<number>[]>();
      expectTypeOf(agent.request(any, day, "")).resolves.toEqualTypeOf<number | readonly PeerOutcome<number>[]>();
      expectTypeOf(agent.request({ kind: "a", strategy: "random" }, day, "")).resolves.toEqualTypeOf<number>();
      expectTypeOf(agent.stream(all, watch, { from: 1 })).resolves.toEqualTypeOf<readonly PeerStream<StreamCall<number, boolean, { total: number }>>[]>();
      expectTypeOf(agent.peer(all, search)).toEqualTypeOf<BroadcastClient<typeof search>>();
      return [
        // @ts-expect-error a strategy that there is not
        agent.request({ kind: "a", strategy: "randm" }, day, ""),
        // @ts-expect-error a misspelt property
        agent.request({ kind: "a", strateg: "random" }, day, ""),
        // @ts-expect-error no input for what all of a kind are asked
        agent.request(all, day),
      ];
    });
  });

  test("a function of one's own may pass a method and its arguments on", () => {
    const ask = async <T extends Method>(wanted: T, ...rest: MethodArguments<T, RequestOptions>): Promise<MethodOutput<T>> =>
      agent.request("alice", wanted, ...rest);
    compiled(() => expectTypeOf(ask(day, "2026-01-01")).resolves.toEqualTypeOf<number>());
  });

  test("what may be undefined is passed on as it is, also with exactOptionalPropertyTypes", () => {
    compiled(() => {
      const timeout = undefined as number | undefined;
      const signal = undefined as AbortSignal | undefined;
      return [
        agent.request("alice", find, { text: "x" }, { timeout, signal }),
        agent.stream("alice", watch, { from: 1 }, { timeout, signal, window: timeout }),
        agent.subscribe(progress, () => undefined, { timeout, signal }),
        agent.link("alice", { timeout, signal }),
      ];
    });
  });

  test("streams", () => {
    compiled(async () => {
      const watching = agent.stream("alice", watch, { from: 1 }, { source: [true] });
      expectTypeOf(watching).toEqualTypeOf<StreamCall<number, boolean, { total: number }>>();
      await watching.write(true);
      // @ts-expect-error what the caller says is of another type
      await watching.write("true");
      // @ts-expect-error what the handler ends with cannot be set
      watching.result = Promise.resolve({ total: 1 });
      return [
        // @ts-expect-error input of another type
        agent.stream("alice", watch, { from: "1" }),
        // @ts-expect-error no input
        agent.stream("alice", watch),
        // @ts-expect-error a source of another type
        agent.stream("alice", watch, { from: 1 }, { source: ["text"] }),
        // @ts-expect-error an option that does not exist
        agent.stream("alice", watch, { from: 1 }, { windows: 5 }),
        // @ts-expect-error a method is no stream
        agent.stream("alice", find, { text: "x" }),
        // @ts-expect-error a topic is no stream
        agent.stream("alice", progress, { percent: 1 }),
      ];
    });
  });
});

describe("policies", () => {
  test("show what their users call, and not what agents do", () => {
    expectTypeOf<keyof CallPolicy>().toEqualTypeOf<"run" | "status" | "onEvent" | "bind">();
  });
});

describe("topics", () => {
  test("take events and handlers that fit", () => {
    compiled(() => [
      agent.publish(progress, { percent: 1 }),
      agent.subscribe(progress, ({ percent }) => percent.toFixed(), { filter: ({ percent }) => percent > 5 }),
      // @ts-expect-error an event of another shape
      agent.publish(progress, { percents: 1 }),
      // @ts-expect-error an event of another type
      agent.publish(progress, { percent: "1" }),
      // @ts-expect-error no event
      agent.publish(progress),
      // @ts-expect-error a method is not published
      agent.publish(find, { text: "x" }),
      // @ts-expect-error an option that does not exist
      agent.publish(progress, { percent: 1 }, { retains: 5 }),
      // @ts-expect-error a handler of another type
      agent.subscribe(progress, (percent: number) => percent),
      // @ts-expect-error no handler
      agent.subscribe(progress),
      // @ts-expect-error a filter of another type
      agent.subscribe(progress, () => undefined, { filter: ({ share }) => share > 5 }),
      // @ts-expect-error a stream has no subscribers
      agent.subscribe(watch, () => undefined),
      // @ts-expect-error a method is not declared
      agent.publishes(find),
    ]);
  });
});

describe("clients", () => {
  test("have each method, stream and topic, and nothing else", () => {
    compiled(async () => {
      const peer = agent.peer("alice", search);
      expectTypeOf(peer.find).returns.resolves.toEqualTypeOf<string[]>();
      expectTypeOf(peer.day).returns.resolves.toEqualTypeOf<number>();
      expectTypeOf(peer.watch).returns.toEqualTypeOf<StreamCall<number, boolean, { total: number }>>();
      await peer.find({ text: "x" }, { timeout: 5 });
      await peer.ping();
      await peer.notify.find({ text: "x" }, { confirm: "done" });
      // Untyped input may be anything, or nothing.
      peer.tail();
      peer.tail(5, { window: 1 });
      // @ts-expect-error a method that there is not
      await peer.other();
      // @ts-expect-error input of another type
      await peer.find({ text: 5 });
      // @ts-expect-error no input
      await peer.find();
      // @ts-expect-error what the handler gets is not what the caller passes
      await peer.day(new Date());
      // @ts-expect-error an option that does not exist
      await peer.find({ text: "x" }, { timout: 5 });
      // @ts-expect-error an option of notifications
      await peer.ping(undefined, { confirm: "done" });
      // @ts-expect-error a stream's input of another type
      peer.watch({ from: "1" });
      // @ts-expect-error a stream is not announced
      await peer.notify.watch({ from: 1 });
      // @ts-expect-error a topic is not called
      await peer.progress({ percent: 1 });
      // @ts-expect-error nor announced
      await peer.notify.progress({ percent: 1 });
      await peer.subscribe.progress(({ percent }) => percent.toFixed(), { replay: 5 });
      // @ts-expect-error an event of another type
      await peer.subscribe.progress((percent: number) => percent);
      // @ts-expect-error it is the target's events already
      await peer.subscribe.progress(() => undefined, { from: ["bob"] });
      // @ts-expect-error a method has no subscribers
      await peer.subscribe.find(() => undefined);
      // @ts-expect-error its methods stay
      peer.find = () => Promise.resolve([]);
    });
  });

  test("of all of a kind have every peer's outcome, and what can have none is not there", () => {
    compiled(async () => {
      const peers = agent.peer({ kind: "search", strategy: "broadcast" }, search);
      const [outcome] = await peers.find({ text: "x" });
      if (outcome?.ok === true) expectTypeOf(outcome.value).toEqualTypeOf<string[]>();
      await peers.notify.ping();
      // @ts-expect-error an outcome is no output
      expectTypeOf(peers.find).returns.resolves.toEqualTypeOf<string[]>();
      for (const { stream: each } of await peers.watch({ from: 1 })) expectTypeOf(each).toEqualTypeOf<StreamCall<number, boolean, { total: number }>>();
      // @ts-expect-error many streams are not one
      expectTypeOf(peers.watch({ from: 1 })[Symbol.asyncIterator]).toBeFunction();
      // @ts-expect-error subscriptions are not calls
      peers.subscribe.progress(() => undefined);
      // @ts-expect-error a strategy that there is not
      agent.peer({ kind: "search", strategy: "all" }, search);
    });
  });

  test("are of a target and a contract", () => {
    compiled(() => [
      // @ts-expect-error a method is no contract
      agent.peer("alice", find),
      // @ts-expect-error no contract
      agent.peer("alice"),
      // @ts-expect-error no target
      agent.peer(search),
      // @ts-expect-error a number is no target
      agent.peer(5, search),
    ]);
    // @ts-expect-error one contract's client is not another's
    expectTypeOf<Client<typeof search>>().toExtend<Client<typeof other>>();
  });
});

const Step = z.discriminatedUnion("type", [
  z.object({ type: z.literal("token"), text: z.string() }),
  z.object({ type: z.literal("stop"), why: z.enum(["end", "length"]) }),
]);
const step = method("step", { input: z.object({ text: z.string() }), output: Step });
const steps = stream("steps", { chunk: Step, up: Step, output: z.object({ why: z.enum(["end", "length"]) }) });

const other = contract({ name: "other", version: 1, methods: { lookUp: find } });

describe("serving", () => {
  const all = {
    find: ({ text, limit }: { text: string; limit: number }) => [text.slice(0, limit)],
    day: (at: Date) => at.toISOString(),
    ping: () => undefined,
    async *watch({ from }: { from: number }) {
      yield String(from);
      return { total: 1 };
    },
    tail: () => undefined,
  };

  test("takes a handler for each, with what it gets and gives", () => {
    compiled(() => [
      agent.serve(search, all),
      agent.serve(search, {
        ...all,
        find(input, context) {
          expectTypeOf(input).toEqualTypeOf<{ text: string; limit: number }>();
          expectTypeOf(context.peer.id).toEqualTypeOf<string>();
          return [];
        },
        day(input) {
          expectTypeOf(input).toEqualTypeOf<Date>();
          return "5";
        },
        async *watch(input, { source }) {
          expectTypeOf(input).toEqualTypeOf<{ from: number }>();
          for await (const said of source) expectTypeOf(said).toEqualTypeOf<boolean>();
          yield "5";
          return { total: 1 };
        },
      }),
    ]);
  });

  test("one that misses, is too much or does not fit does not compile", () => {
    const { find: _, ...withoutFind } = all;
    const { watch: __, ...withoutWatch } = all;
    const numbers = async function* () {
      yield 5;
      return { total: 1 };
    };
    const more = { ...all, other: () => undefined };
    compiled(() => [
      // @ts-expect-error no handlers
      agent.serve(search),
      // @ts-expect-error a method misses
      agent.serve(search, withoutFind),
      // @ts-expect-error a stream misses
      agent.serve(search, withoutWatch),
      // @ts-expect-error one too much, written there
      agent.serve(search, { ...all, other: () => undefined }),
      // @ts-expect-error one too much, of a variable
      agent.serve(search, more),
      // @ts-expect-error topics have no handlers
      agent.serve(search, { ...all, progress: () => undefined }),
      // @ts-expect-error output of another type
      agent.serve(search, { ...all, find: () => "text" }),
      // @ts-expect-error output after the transformation, not before
      agent.serve(search, { ...all, day: () => 5 }),
      // @ts-expect-error input before the transformation, not after
      agent.serve(search, { ...all, day: (at: string) => at }),
      // @ts-expect-error chunks of another type
      agent.serve(search, { ...all, watch: numbers }),
      // @ts-expect-error an output of another type
      agent.serve(search, { ...all, watch: async () => ({ sum: 1 }) }),
      // @ts-expect-error no function
      agent.serve(search, { ...all, ping: "pong" }),
      // @ts-expect-error handlers of another contract
      agent.serve(other, all),
      // @ts-expect-error a method is no contract
      agent.serve(find, all),
    ]);
  });

  test("so with single handlers", () => {
    compiled(() => [
      agent.handle(find, ({ text }) => [text]),
      // A literal that is returned or yielded is what the schema says, also among several.
      agent.handle(step, ({ text }) => ({ type: "token", text })),
      agent.handle(step, async ({ text }) => (text === "" ? { type: "stop", why: "end" } : { type: "token", text })),
      agent.handle(steps, async function* (_, { source }) {
        for await (const { type } of source) yield { type: "token", text: type };
        yield { type: "stop", why: "end" };
        return { why: "end" };
      }),
      agent.handle(steps, async () => ({ why: "length" })),
      agent.handle("any", (input) => input, { ordered: true }),
      // @ts-expect-error none of them
      agent.handle(step, () => ({ type: "word", text: "" })),
      // @ts-expect-error none of them
      agent.handle(steps, async () => ({ why: "tired" })),
      // @ts-expect-error output of another type
      agent.handle(find, ({ text }) => text),
      // @ts-expect-error input of another type
      agent.handle(find, (input: { text: number }) => [String(input)]),
      // @ts-expect-error a topic has subscribers, not handlers
      agent.handle(progress, () => undefined),
      // @ts-expect-error a contract is served
      agent.handle(search, () => undefined),
      // @ts-expect-error chunks of another type
      agent.handle(watch, async function* () {
        yield 5;
        return { total: 1 };
      }),
      // @ts-expect-error options of streams only
      agent.handle(find, () => [], { window: 5 }),
      // @ts-expect-error options of methods only
      agent.handle(watch, async () => ({ total: 1 }), { ordered: true }),
    ]);
  });
});
