import { context, SpanKind, trace } from "@opentelemetry/api";
import { type Agent, type AgentOptions, createAgent, createAuthority, stream, TightbeamError, type TraceContext } from "@tightbeam/core";
import { policy, retry } from "@tightbeam/core/resilience";
import { createMemoryStore } from "@tightbeam/core/store";
import { connectMemory, createHub } from "@tightbeam/memory";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { openTelemetry } from "../../src/opentelemetry/index.js";
import { useSdk } from "./sdk.js";

async function stage() {
  const sdk = useSdk();
  const telemetry = openTelemetry({ tracerProvider: sdk.provider });
  const [authority, hub] = [await createAuthority({ issuer: "https://auth.example" }), createHub()];
  const join = async (id: string, options: Partial<AgentOptions> = {}): Promise<Agent> => {
    const agent = await createAgent({
      identity: await authority.enroll(id),
      trust: authority.trust(),
      transport: await connectMemory(hub),
      tracer: telemetry,
      ...options,
    });
    onTestFinished(() => agent.close());
    return agent;
  };
  const tracer = sdk.provider.getTracer("application");
  /** Runs in an application's span of this name. */
  const within = <T>(name: string, work: () => T): T => {
    const span = tracer.startSpan(name);
    try {
      return context.with(trace.setSpan(context.active(), span), work);
    } finally {
      span.end();
    }
  };
  /** `child < parent` by name, of all spans of these kinds. */
  const family = (...kinds: SpanKind[]): string[] => {
    const names = new Map(sdk.spans().map((span) => [span.spanContext().spanId, span.name]));
    return sdk
      .spans()
      .filter(({ kind }) => kinds.includes(kind))
      .map(({ name, parentSpanContext }) => `${name} < ${parentSpanContext === undefined ? "" : names.get(parentSpanContext.spanId)}`)
      .sort((a, b) => a.localeCompare(b));
  };
  return { ...sdk, join, within, family };
}

describe("what an operation is under", () => {
  it("is the span it was begun in, also when it waits for a link", async () => {
    const { join, within, family } = await stage();
    const [alice, bob] = [await join("alice"), await join("bob")];
    for (const name of ["a", "b", "c"]) alice.handle(name, () => name);
    await Promise.all([within("A", () => bob.request("alice", "a")), bob.request("alice", "b"), within("C", () => bob.request("alice", "c"))]);
    expect(family(SpanKind.CLIENT)).toEqual(["a < A", "b < ", "c < C"]);
    expect(family(SpanKind.SERVER)).toEqual(["a < a", "b < b", "c < c"]);
  });

  it("of a durable message too, whoever's batch it is written in", async () => {
    const { join, within, family, spans } = await stage();
    const heard: unknown[] = [];
    const alice = await join("alice", { store: createMemoryStore() });
    const bob = await join("bob", { store: createMemoryStore() });
    alice.handle("note", (text) => void heard.push(text));
    const send = (text: string) => bob.notify("alice", "note", text, { durable: true, confirm: "done" });
    await Promise.all(Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? send("outside") : within(`S${i % 3}`, () => send("inside")))));
    expect(heard).toHaveLength(30);
    await expect.poll(() => spans().filter(({ kind }) => kind === SpanKind.CONSUMER).length).toBe(30);
    const producers = family(SpanKind.PRODUCER);
    expect(producers).toEqual([
      ...Array<string>(10).fill("notify note < "),
      ...Array<string>(10).fill("notify note < S1"),
      ...Array<string>(10).fill("notify note < S2"),
    ]);
    expect(new Set(family(SpanKind.CONSUMER))).toEqual(new Set(["process note < notify note"]));
    for (const { attributes, kind } of spans())
      if (kind === SpanKind.CONSUMER) expect(attributes).toMatchObject({ "tightbeam.durable": true, "tightbeam.attempt": 1 });
  });

  it("of streams and of what is published", async () => {
    const { join, within, family, spans } = await stage();
    const [alice, bob, carol] = [await join("alice"), await join("bob"), await join("carol")];
    const words = stream("words", { input: z.string(), chunk: z.string() });
    const heard: unknown[] = [];
    alice.handle(words, async function* (text) {
      for (const word of text.split(" ")) yield word;
    });
    await bob.subscribe("prices", (price) => void heard.push(price), { from: ["alice"], ready: 1 });
    await carol.subscribe("prices", (price) => void heard.push(price), { from: ["alice"], ready: 1 });
    const told: string[] = [];
    await within("A", async () => {
      for await (const word of bob.stream("alice", words, "one two")) told.push(word);
    });
    expect(told).toEqual(["one", "two"]);
    await within("P", () => alice.publish("prices", 1));
    await expect.poll(() => spans().filter(({ kind }) => kind === SpanKind.CONSUMER).length).toBe(2);
    await expect.poll(() => family(SpanKind.CLIENT, SpanKind.SERVER)).toEqual(["words < A", "words < words"]);
    expect(family(SpanKind.PRODUCER)).toEqual(["publish prices < P"]);
    expect(family(SpanKind.CONSUMER)).toEqual(["process prices < publish prices", "process prices < publish prices"]);
    const [sent] = spans().filter(({ kind }) => kind === SpanKind.PRODUCER);
    for (const { kind, links } of spans())
      if (kind === SpanKind.CONSUMER) expect(links.map((link) => link.context.spanId)).toEqual([sent?.spanContext().spanId]);
  });

  it("of a second try too, which has a link to the first", async () => {
    const { join, within, family, spans } = await stage();
    const alice = await join("alice");
    const bob = await join("bob", { resilience: policy(retry({ attempts: 3, base: 1, cap: 2 })) });
    const tries = new Map<unknown, number>();
    alice.handle("work", (name) => {
      tries.set(name, (tries.get(name) ?? 0) + 1);
      if ((tries.get(name) ?? 0) < 3) throw new TightbeamError("unavailable", "Later.");
    });
    const ask = (name: string) => bob.request("alice", "work", name, { idempotencyKey: name });
    await Promise.all([within("A", () => ask("a")), ask("b")]);
    expect([...tries.values()]).toEqual([3, 3]);
    expect(family(SpanKind.CLIENT)).toEqual(["work < ", "work < ", "work < ", "work < A", "work < A", "work < A"]);
    const [outer] = spans().filter(({ name }) => name === "A");
    const under = spans().filter(({ kind, parentSpanContext }) => kind === SpanKind.CLIENT && parentSpanContext?.spanId === outer?.spanContext().spanId);
    const [first, second] = under.map((span) => span.spanContext().spanId);
    expect(under.map(({ links }) => links.map((link) => link.context.spanId))).toEqual([[], [first], [second]]);
  });
});

describe("what is tried again", () => {
  it("is one span where a request moves to another instance", async () => {
    const { join, within, spans } = await stage();
    const instances = [await join("alice"), await join("alice")];
    const bob = await join("bob");
    const asked: string[] = [];
    for (const alice of instances)
      alice.handle("work", async (_, { signal }) => {
        asked.push(alice.instance);
        if (asked.length > 1) return "done";
        const gone = new Promise((resolve) => signal.addEventListener("abort", resolve));
        void alice.close();
        await gone;
        throw signal.reason;
      });
    expect(await within("A", () => bob.request("alice", "work", 1, { idempotencyKey: "once" }))).toBe("done");
    expect(new Set(asked).size).toBe(2);
    const clients = spans().filter(({ kind }) => kind === SpanKind.CLIENT);
    expect(clients).toHaveLength(1);
    await expect.poll(() => spans().filter(({ kind }) => kind === SpanKind.SERVER).length).toBe(2);
    for (const { kind, parentSpanContext } of spans()) if (kind === SpanKind.SERVER) expect(parentSpanContext?.spanId).toBe(clients[0]?.spanContext().spanId);
  });

  it("ends in the trace of an agent that closes, although its handler never does", async () => {
    const { join, spans } = await stage();
    const [alice, bob] = [await join("alice"), await join("bob")];
    const begun: unknown[] = [];
    alice.handle("work", () => {
      begun.push(1);
      return new Promise(() => undefined);
    });
    const asked = bob.request("alice", "work").catch(({ code }: TightbeamError) => code);
    await expect.poll(() => begun.length).toBe(1);
    await alice.close();
    expect(await asked).toBe("delivery_unknown");
    const [server] = spans().filter(({ kind }) => kind === SpanKind.SERVER);
    expect(server?.attributes).toMatchObject({ "error.type": "closed" });
  });

  it("is a span of its own for each try of a durable message, and for a dead letter that is replayed", async () => {
    const { join, within, spans } = await stage();
    const alice = await join("alice", { store: createMemoryStore(), durable: { maxDeliveries: 2 } });
    const bob = await join("bob", { store: createMemoryStore() });
    let works = false;
    alice.handle("note", () => {
      if (!works) throw new TightbeamError("unavailable", "Later.");
    });
    const sent = within("A", () => bob.notify("alice", "note", 1, { durable: true, confirm: "done" }));
    await expect(sent).rejects.toMatchObject({ code: "dead_lettered" });
    works = true;
    const { replayed } = await within("operator", () => alice.deadLetters.replay({ method: "note" }));
    expect(replayed).toBe(1);
    const [producer] = spans().filter(({ kind }) => kind === SpanKind.PRODUCER);
    const tries = spans().filter(({ kind }) => kind === SpanKind.CONSUMER);
    expect(tries.map(({ attributes }) => attributes["tightbeam.attempt"])).toEqual([1, 2, 3]);
    expect(tries.map(({ attributes }) => attributes["error.type"])).toEqual(["unavailable", "unavailable", undefined]);
    for (const { parentSpanContext, links } of tries) {
      expect(parentSpanContext?.spanId).toBe(producer?.spanContext().spanId);
      expect(links.map((link) => link.context.spanId)).toEqual([producer?.spanContext().spanId]);
    }
  });
});

describe("a message that names a trace by itself", () => {
  it("travels in it, and the span that sends it has a link there", async () => {
    const { join, within, spans } = await stage();
    const [alice, bob] = [await join("alice"), await join("bob")];
    alice.handle("note", () => undefined);
    const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
    await within("A", () => bob.notify("alice", "note", 1, { confirm: "done", headers: { traceparent: `00-${traceId}-${spanId}-01` } }));
    await expect.poll(() => spans().length).toBe(3);
    const [sent] = spans().filter(({ kind }) => kind === SpanKind.PRODUCER);
    const [came] = spans().filter(({ kind }) => kind === SpanKind.CONSUMER);
    expect(sent?.links.map((link) => link.context)).toMatchObject([{ traceId, spanId }]);
    expect(sent?.spanContext().traceId).not.toBe(traceId);
    expect(came).toMatchObject({ parentSpanContext: { traceId, spanId }, links: [{ context: { traceId, spanId } }] });
  });
});

describe("what is sent for many messages at once", () => {
  it("has a link to the handler of each: a request, a stream, a notification, durable or not, and an event", async () => {
    const { join, within, spans } = await stage();
    const [alice, bob] = [await join("alice"), await join("bob", { store: createMemoryStore() })];
    const carol = await join("carol");
    for (const name of ["sum", "note", "kept"]) alice.handle(name, () => 1);
    alice.handle(stream("flow"), async () => 1);
    const batch: (TraceContext | undefined)[] = [];
    bob.handle("line", (_, { trace: stands }) => void batch.push(stands));
    await Promise.all(["A", "B", "C"].map((name) => within(name, () => carol.notify("bob", "line", name, { confirm: "done" }))));
    // One that came without a trace is no reason to refuse the others.
    const traces = [...batch, undefined];
    await bob.request("alice", "sum", 3, { traces });
    await bob.stream("alice", stream("flow"), undefined, { traces }).result;
    await bob.notify("alice", "note", 3, { traces, confirm: "done" });
    await bob.notify("alice", "kept", 3, { traces, durable: true, confirm: "done" });
    await bob.publish("sums", 3, { traces });
    const sent = () =>
      spans().filter(({ kind, attributes }) => attributes["tightbeam.agent.id"] === "bob" && [SpanKind.CLIENT, SpanKind.PRODUCER].includes(kind));
    await expect.poll(() => sent().length).toBe(5);
    expect(new Set(batch.map((each) => each?.traceId)).size).toBe(3);
    const ids = batch.map((each) => each?.spanId);
    for (const { links, parentSpanContext, name } of sent()) {
      expect([name, links.map(({ context: { spanId } }) => spanId)]).toEqual([name, ids]);
      expect(parentSpanContext).toBeUndefined();
    }
  });

  it("names at most 128, each as a handler's context has it", async () => {
    const { join } = await stage();
    const bob = await join("bob");
    const one = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };
    const wrong = [one, "x", [null], [{ ...one, spanId: "0".repeat(16) }], [{ ...one, traceId: "\r\n" }], Array(129).fill(one)];
    for (const traces of wrong) {
      const error = await bob.request("alice", "sum", 1, { traces: traces as never, timeout: 100 }).catch((each: TightbeamError) => each);
      expect(error).toMatchObject({ code: "invalid_argument", message: expect.stringContaining("at most 128") });
    }
    expect(await bob.request("alice", "sum", 1, { traces: Array(128).fill(one), timeout: 50 }).catch(({ code }) => code)).toMatch(/timeout|no_answer/);
  });
});
