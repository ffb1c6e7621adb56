import { type AgentOptions, createAgent, type Span, type SpanStart, stream, type TraceContext, type Tracer, topic } from "@tightbeam/core";
import { createMemoryStore, type Store } from "@tightbeam/core/store";
import type { Transport } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { beforeAll, describe, expect, test } from "vitest";
import { during, loadParts, promptKey } from "./clock.js";
import { createPlace, storeKey } from "./mortal-place.js";

beforeAll(async () => {
  await loadParts();
  await Promise.all([
    import("../../packages/core/src/patterns/telemetry/tracing.js"),
    import("../../packages/core/src/patterns/topics/topics.js"),
    import("../../packages/core/src/patterns/streams/streams.js"),
    import("../../packages/core/src/patterns/durable/durable.js"),
    import("../../packages/core/src/patterns/dead-letters/dead-letters.js"),
    import("../../packages/core/src/patterns/checkpoints/checkpoints.js"),
    import("../../packages/core/src/patterns/checkpoints/recovery.js"),
  ]);
});

const hex = (value: number, length: number): string => value.toString(16).padStart(length, "0");

interface Seen extends SpanStart {
  readonly way: "sending" | "receiving";
  readonly parent: TraceContext | undefined;
  readonly context: TraceContext;
  ran: number;
  ended: number;
  error: unknown;
}

/** Notes what it is asked, and knows no ambient context. */
function noting(): Tracer & { readonly seen: Seen[] } {
  const seen: Seen[] = [];
  const begin =
    (way: Seen["way"]) =>
    (start: SpanStart, parent: TraceContext | undefined): Span => {
      const context = { traceId: parent?.traceId ?? hex(seen.length + 1, 32), spanId: hex(0xabc000 + seen.length, 16), sampled: true };
      const one: Seen = { ...start, way, parent, context, ran: 0, ended: 0, error: undefined };
      seen.push(one);
      return {
        context,
        run(work) {
          one.ran++;
          return work();
        },
        end(error) {
          one.ended++;
          one.error = error;
        },
      };
    };
  return { seen, sending: begin("sending"), receiving: begin("receiving") };
}

async function pair(seed: number, ofAlice: Partial<AgentOptions>, ofBob: Partial<AgentOptions> = ofAlice) {
  const place = await createPlace(seed);
  const alice = (await place.join("alice", ofAlice)).agent;
  const bob = (await place.join("bob", ofBob)).agent;
  return { place, runtime: place.runtime, alice, bob };
}

const named: TraceContext = { traceId: hex(77, 32), spanId: hex(78, 16), sampled: true, state: "vendor=1" };

describe("a tracer", () => {
  test("of a message whose id says that it is not sampled nothing is asked, on neither side; one with a parent is; what throws says nothing", async () => {
    const asked: string[] = [];
    const tracer = {
      ...noting(),
      current: undefined,
      samples(id: string) {
        asked.push(id);
        if (asked.length > 2) throw new Error("no");
        return false;
      },
    };
    const { place, runtime, alice, bob } = await pair(11, { tracer });
    const ids: string[] = [];
    alice.handle("echo", (_input, { trace, id, headers }) => {
      ids.push(id);
      return { trace: trace === undefined, headers: Object.keys(headers) };
    });
    const echo = (options = {}) => during(runtime, bob.request("alice", "echo", 1, options));
    expect(await echo()).toEqual({ trace: true, headers: [] });
    expect(asked).toEqual([ids[0], ids[0]]);
    expect(tracer.seen).toEqual([]);
    expect(await echo({ trace: named })).toEqual({ trace: false, headers: ["traceparent"] });
    expect(asked).toHaveLength(2);
    expect(tracer.seen.map(({ way, parent }) => [way, parent?.traceId])).toEqual([
      ["sending", named.traceId],
      ["receiving", named.traceId],
    ]);
    expect(await echo()).toEqual({ trace: false, headers: ["traceparent"] });
    expect(tracer.seen).toHaveLength(4);
    await place.close();
  });

  test("a request: a span on each side, the receiver's under the sender's, the handler inside it, both ended once", async () => {
    const tracer = noting();
    const { place, runtime, alice, bob } = await pair(1, { tracer });
    let stood: TraceContext | undefined;
    const order: string[] = [];
    alice.use((_call, next) => {
      order.push(`middleware ${tracer.seen.at(-1)?.ran}`);
      return next();
    });
    alice.handle("echo", async (input, { trace, headers }) => {
      stood = trace;
      expect(headers.traceparent).toBe(`00-${tracer.seen[0]?.context.traceId}-${tracer.seen[0]?.context.spanId}-01`);
      return input;
    });
    await during(runtime, bob.request("alice", "echo", { a: 1 }, { headers: { mine: "kept" } }));
    const [sent, came, ...others] = tracer.seen;
    expect(others).toEqual([]);
    expect(sent).toMatchObject({
      way: "sending",
      type: "request",
      name: "echo",
      agent: "bob",
      peer: { id: "alice", instance: alice.instance },
      bytes: 7,
      durable: false,
    });
    expect(came).toMatchObject({
      way: "receiving",
      type: "request",
      id: sent?.id,
      agent: "alice",
      peer: { id: "bob", instance: bob.instance },
      bytes: 7,
      ran: 1,
      ended: 1,
    });
    expect(came?.parent).toEqual(sent?.context);
    expect(sent).toMatchObject({ ended: 1, error: undefined });
    expect(stood).toEqual(came?.context);
    expect(order).toEqual(["middleware 1"]);
    await place.close();
  });

  test("what fails ends its span with the error, also when nothing could be sent", async () => {
    const tracer = noting();
    const { place, runtime, alice, bob } = await pair(2, { tracer, limits: { messageMaxBytes: 100_000 } });
    alice.handle("broken", () => {
      throw new Error("no");
    });
    const failed = (call: Promise<unknown>) =>
      during(
        runtime,
        call.catch((error: unknown) => error),
      );
    await failed(bob.request("alice", "broken"));
    await failed(bob.request("alice", "big", "x".repeat(200_000)));
    await failed(bob.notify("alice", "big", "x".repeat(200_000)));
    expect(tracer.seen.map(({ way, ended, error }) => [way, ended, (error as { code?: string }).code])).toEqual([
      ["sending", 1, "handler_failed"],
      ["receiving", 1, undefined],
      ["sending", 1, "too_large"],
      ["sending", 1, "too_large"],
    ]);
    await place.close();
  });

  test("notifications, streams, events and durable messages carry it, sealed; a trace that is named is the parent", async () => {
    const tracer = noting();
    const kept = () => ({ tracer, store: createMemoryStore(), storeKey });
    const { place, runtime, alice, bob } = await pair(3, kept(), kept());
    const stood: Record<string, TraceContext | undefined> = {};
    alice.handle("note", (_input, { trace }) => {
      stood.note = trace;
    });
    alice.handle("keep", (_input, { trace }) => {
      stood.keep = trace;
    });
    alice.handle(stream("words", {}), async function* (_input, { trace }) {
      stood.words = trace;
      yield 1;
    });
    const progress = topic("progress");
    await during(
      runtime,
      alice.subscribe(
        progress,
        (_event, { trace }) => {
          stood.progress = trace;
        },
        { from: ["bob"], ready: 1 },
      ),
    );
    await during(runtime, bob.notify("alice", "note", 1, { trace: named }));
    await during(runtime, bob.notify("alice", "keep", 1, { trace: named, durable: true, confirm: "done" }));
    await during(runtime, bob.stream("alice", "words", 1, { trace: named }).result);
    await during(runtime, bob.publish(progress, 1, { trace: named }));
    await runtime.advance(1_000);
    const summary = tracer.seen.map(({ way, type, name, durable, attempt, ended }) => [way, type, name, durable, attempt, ended]);
    expect(summary).toEqual([
      ["sending", "notification", "note", false, undefined, 1],
      ["receiving", "notification", "note", false, undefined, 1],
      ["sending", "notification", "keep", true, undefined, 1],
      ["receiving", "notification", "keep", true, 1, 1],
      ["sending", "stream", "words", false, undefined, 1],
      ["receiving", "stream", "words", false, undefined, 1],
      ["sending", "event", "progress", false, undefined, 1],
      ["receiving", "event", "progress", false, undefined, 1],
    ]);
    for (const { way, parent } of tracer.seen) if (way === "sending") expect(parent).toEqual(named);
    for (const [index, { way, parent, name, context }] of tracer.seen.entries()) {
      if (way !== "receiving") continue;
      expect(parent).toEqual(tracer.seen[index - 1]?.context);
      expect(stood[name]).toEqual(context);
    }
    await place.close();
  });

  test("a durable message keeps its trace in its sender's store, and takes it along after a restart", async () => {
    const tracer = noting();
    const store = createMemoryStore();
    const shared: Store = { ...store, close: async () => undefined };
    const { place, runtime, bob } = await pair(4, {}, { tracer, store: shared, storeKey });
    place.dead.add("alice");
    await during(runtime, bob.notify("alice", "keep", 1, { durable: true, trace: named }));
    await during(runtime, bob.close());
    const [sent] = tracer.seen;
    expect(tracer.seen).toHaveLength(1);
    const again = await place.join("bob", { store: { ...store }, storeKey }, "bob again");
    let parent: TraceContext | undefined;
    const alice = await place.join("alice", {}, "alice again");
    alice.agent.handle("keep", (_input, { trace }) => {
      parent = trace;
    });
    await during(runtime, again.agent.durable.idle());
    expect(parent).toEqual(sent?.context);
    await place.close();
  });

  test("without a tracer what its caller names travels as it is, and a handler stands where its sender said", async () => {
    const { place, runtime, alice, bob } = await pair(5, {});
    alice.handle("where", (_input, { trace }) => trace ?? null);
    alice.handle("on", (_input, { trace }) => alice.request("bob", "where", 1, { trace }));
    bob.handle("where", (_input, { trace }) => trace ?? null);
    expect(await during(runtime, bob.request("alice", "where"))).toBe(null);
    expect(await during(runtime, bob.request("alice", "where", 1, { trace: named }))).toEqual(named);
    expect(await during(runtime, bob.request("alice", "on", 1, { trace: named }))).toEqual(named);
    const own = `00-${hex(5, 32)}-${hex(6, 16)}-00`;
    expect(await during(runtime, bob.request("alice", "where", 1, { trace: named, headers: { traceparent: own } }))).toEqual({
      traceId: hex(5, 32),
      spanId: hex(6, 16),
      sampled: false,
    });
    for (const trace of [
      {},
      7,
      "x",
      { ...named, traceId: "no" },
      { ...named, traceId: Symbol("id") },
      { ...named, spanId: { toString: () => hex(1, 16) } },
      { ...named, state: "a\nb" },
      { ...named, state: "s".repeat(513) },
      { ...named, state: 5 },
    ])
      await expect(bob.request("alice", "where", 1, { trace: trace as never })).rejects.toMatchObject({ code: "invalid_argument" });
    await place.close();
  });

  test("without a tracer, too, a message goes without a trace where its headers leave no room: what a sender puts into its own refuses no call of a handler", async () => {
    const { place, runtime, alice, bob } = await pair(9, {});
    const many = Object.fromEntries(Array.from({ length: 31 }, (_, index) => [`h${index}`, "1"]));
    alice.handle("on", (_input, { trace }) => alice.request("bob", "headers", 1, { trace, headers: many }));
    bob.handle("headers", (_input, { headers }) => ({ ...headers }));
    const { state: _, ...stateless } = named;
    expect(await during(runtime, bob.request("alice", "on", 1, { trace: stateless }))).toEqual({ ...many, traceparent: expect.any(String) });
    expect(await during(runtime, bob.request("alice", "on", 1, { trace: { ...named, state: "k=v" } }))).toEqual(many);
    await place.close();
  });

  test("an operation that waits is where its caller was when it began", async () => {
    const tracer = noting();
    let here: TraceContext | undefined = named;
    const knowing: Tracer = {
      ...tracer,
      get current() {
        return here;
      },
    };
    const { place, runtime, alice, bob } = await pair(6, { tracer: knowing });
    alice.handle("echo", (input) => input);
    const asked = bob.request("alice", "echo", 1);
    here = { ...named, traceId: hex(99, 32) };
    await during(runtime, asked);
    expect(tracer.seen[0]?.parent).toEqual(named);
    await place.close();
  });

  test("what the application puts into traceparent goes as it is; a full set of headers leaves no room for more", async () => {
    const tracer = noting();
    const { place, runtime, alice, bob } = await pair(7, {}, { tracer });
    alice.handle("headers", (_input, { headers }) => ({ ...headers }));
    expect(await during(runtime, bob.request("alice", "headers", 1, { headers: { traceparent: "mine" } }))).toEqual({ traceparent: "mine" });
    const many = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`h${index}`, "1"]));
    expect(await during(runtime, bob.request("alice", "headers", 1, { headers: many }))).toEqual(many);
    const large = { big: "x".repeat(8_000) };
    expect(await during(runtime, bob.request("alice", "headers", 1, { headers: large, trace: { ...named, state: "s".repeat(512) } }))).toEqual(large);
    await place.close();
  });

  test("a quiet span sends nothing along, and no span means none", async () => {
    const quiet: Tracer = { sending: () => ({ context: named, quiet: true, run: (work) => work(), end: () => undefined }), receiving: () => undefined };
    const { place, runtime, alice, bob } = await pair(8, { tracer: quiet });
    alice.handle("headers", (_input, { headers, trace }) => [{ ...headers }, trace ?? null]);
    expect(await during(runtime, bob.request("alice", "headers", 1))).toEqual([{}, null]);
    await place.close();
  });
});

describe("TM-214 where a trace travels", () => {
  test("inside the sealed envelope: no byte that the network carries has its ids or its state", async () => {
    const tracer = noting();
    const place = await createPlace(12);
    const { runtime, authority } = place;
    const hub = createHub({ runtime });
    const frames: Buffer[] = [];
    const join = async (id: string) => {
      const { capabilities, state, closed, close, subscribe, send } = await connectMemory(hub);
      const told: Transport["send"] = (to, frame) => {
        frames.push(Buffer.from(frame));
        return send(to, frame);
      };
      const identity = await authority.enroll(id, { key: await promptKey() });
      const transport: Transport = { capabilities, state, closed, close, subscribe, send: told };
      return createAgent({ identity, trust: authority.trust(), transport, runtime, presence: false, tracer });
    };
    const alice = await join("alice");
    const bob = await join("bob");
    alice.handle("echo", (input) => input);
    await during(runtime, bob.request("alice", "echo", 1, { trace: named }));
    const traceparent = `00-${tracer.seen[0]?.context.traceId}-${tracer.seen[0]?.context.spanId}-01`;
    const ids = [named.traceId, named.spanId, tracer.seen[0]?.context.spanId ?? "", tracer.seen[1]?.context.spanId ?? ""];
    expect(tracer.seen[1]?.parent?.traceId).toBe(named.traceId);
    expect(frames.length).toBeGreaterThan(4);
    for (const frame of frames) {
      for (const text of [traceparent, "traceparent", "vendor=1", ...ids]) expect(frame.includes(text)).toBe(false);
      for (const id of ids) expect(frame.includes(Buffer.from(id, "hex"))).toBe(false);
    }
    await during(runtime, Promise.all([alice.close(), bob.close()]));
    await place.close();
  });
});

describe("TM-211 a tracer's faults", () => {
  const throwing = (): never => {
    throw new Error("the tracer's");
  };
  const good: TraceContext = { traceId: hex(1, 32), spanId: hex(2, 16), sampled: true };
  const span = (change: Partial<Span>): Span => ({ context: good, run: (work) => work(), end: () => undefined, ...change });
  const throwingContext: Span = {
    get context(): TraceContext {
      return throwing();
    },
    run: (work) => work(),
    end: () => undefined,
  };
  const both = (of: () => Span | undefined): Tracer => ({ sending: of, receiving: of });
  const tracers: readonly (readonly [string, Tracer])[] = [
    ["that throws", both(throwing)],
    ["whose spans have no context", both(() => throwingContext)],
    ["whose context is nonsense", both(() => span({ context: { traceId: "\n", spanId: "{}", sampled: true } }))],
    ["whose state cannot travel", both(() => span({ context: { ...good, state: "a\r\nb" } }))],
    ["that runs nothing", both(() => span({ run: (() => undefined) as Span["run"] }))],
    ["that throws before it runs", both(() => span({ run: throwing }))],
    ["that throws after it ran", both(() => span({ run: (work) => (work() === undefined ? throwing() : throwing()) }))],
    ["that runs twice", both(() => span({ run: (work) => [work(), work()][1] as never }))],
    ["that throws at the end", both(() => span({ end: throwing }))],
    [
      "whose current throws",
      {
        ...both(() => span({})),
        get current(): never {
          return throwing();
        },
      },
    ],
  ];
  test.each(tracers)("one %s changes nothing of what it traces", async (_name, tracer) => {
    const { place, runtime, alice, bob } = await pair(20, { tracer, store: undefined as never, deadLetters: false });
    let ran = 0;
    alice.handle("echo", (input) => {
      ran++;
      return input;
    });
    alice.handle("fails", () => {
      throw new Error("the handler's");
    });
    alice.handle(stream("words", {}), async function* () {
      yield 1;
    });
    expect(await during(runtime, bob.request("alice", "echo", 1))).toBe(1);
    await during(runtime, bob.notify("alice", "echo", 1, { confirm: "done" }));
    expect(ran).toBe(2);
    await expect(during(runtime, bob.request("alice", "fails"))).rejects.toMatchObject({ code: "handler_failed" });
    await during(runtime, bob.stream("alice", "words").result);
    await place.close();
  });
});

describe("TM-212 what peers say of traces", () => {
  const hostile = [
    "",
    "00",
    "ff-00000000000000000000000000000001-0000000000000001-01",
    "00-00000000000000000000000000000000-0000000000000001-01",
    "00-00000000000000000000000000000001-0000000000000000-01",
    "00-0000000000000000000000000000000G-0000000000000001-01",
    "00-00000000000000000000000000000001-0000000000000001-01-extra",
    "__proto__",
    "x".repeat(7_000),
    "00-".repeat(2_000),
  ];
  test.each(hostile)("%j is no trace, and harms nobody", async (traceparent) => {
    const tracer = noting();
    const { place, runtime, alice, bob } = await pair(21, { tracer }, {});
    alice.telemetry.on(() => undefined);
    alice.handle("where", (_input, { trace }) => trace?.traceId ?? null);
    const headers = { traceparent, tracestate: "x".repeat(900) };
    expect(await during(runtime, bob.request("alice", "where", 1, { headers }))).toBe(tracer.seen[0]?.context.traceId);
    expect(tracer.seen[0]?.parent).toBeUndefined();
    await place.close();
  });

  test("a longer tracestate than 512 characters is left out", async () => {
    const { place, runtime, alice, bob } = await pair(22, {});
    alice.handle("where", (_input, { trace }) => trace ?? null);
    const traceparent = `00-${hex(5, 32)}-${hex(6, 16)}-01`;
    expect(await during(runtime, bob.request("alice", "where", 1, { headers: { traceparent, tracestate: "x".repeat(513) } }))).toEqual({
      traceId: hex(5, 32),
      spanId: hex(6, 16),
      sampled: true,
    });
    await place.close();
  });
});
