import { context, createTraceState, ROOT_CONTEXT, SpanKind, type TraceState, trace } from "@opentelemetry/api";
import { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, SamplingDecision } from "@opentelemetry/sdk-trace-base";
import { describe, expect, it } from "vitest";
import { openTelemetry } from "../../src/opentelemetry/index.js";
import type { TraceContext } from "../../src/telemetry/trace-context.js";
import { start, useSdk } from "./sdk.js";

const remote: TraceContext = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true, state: "vendor=1,other=2" };

describe("where a span stands", () => {
  it("begins a trace where there is none", () => {
    const { provider, spans } = useSdk();
    const tracer = openTelemetry({ tracerProvider: provider });
    const [one, two] = [tracer.sending(start(), undefined), tracer.receiving(start(), undefined)];
    expect(one?.context.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(one?.context).toEqual({ traceId: one?.context.traceId, spanId: one?.context.spanId, sampled: true });
    expect(two?.context.traceId).not.toBe(one?.context.traceId);
    one?.end();
    expect(spans()[0]?.parentSpanContext).toBeUndefined();
  });

  it("is under the ambient span when it sends, also after an await, and under the one its caller names before that", async () => {
    const { provider, spans } = useSdk();
    const tracer = openTelemetry({ tracerProvider: provider });
    const outer = provider.getTracer("application").startSpan("outer");
    await context.with(trace.setSpan(ROOT_CONTEXT, outer), async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      tracer.sending(start(), undefined)?.end();
      tracer.sending(start(), remote)?.end();
    });
    await context.with(trace.setSpan(ROOT_CONTEXT, outer), async () => {
      tracer.sending(start(), { traceId: outer.spanContext().traceId, spanId: outer.spanContext().spanId, sampled: true })?.end();
    });
    const [ambient, told, same] = spans();
    expect(same?.parentSpanContext).toMatchObject({ spanId: outer.spanContext().spanId });
    expect(same?.parentSpanContext?.isRemote ?? false).toBe(false);
    expect(ambient?.spanContext().traceId).toBe(outer.spanContext().traceId);
    expect(ambient?.parentSpanContext?.spanId).toBe(outer.spanContext().spanId);
    expect(told?.spanContext().traceId).toBe(remote.traceId);
    expect(told?.parentSpanContext).toMatchObject({ spanId: remote.spanId, isRemote: true });
  });

  it("is under the sender's when it receives, whatever is ambient there", () => {
    const { provider, spans } = useSdk();
    const tracer = openTelemetry({ tracerProvider: provider });
    const outer = provider.getTracer("application").startSpan("who opened the socket");
    context.with(trace.setSpan(ROOT_CONTEXT, outer), () => {
      const span = tracer.receiving(start(), remote);
      expect(span?.context).toEqual({ traceId: remote.traceId, spanId: span?.context.spanId, sampled: true, state: remote.state, parentSpanId: remote.spanId });
      span?.end();
      tracer.receiving(start(), undefined)?.end();
    });
    expect(spans()[0]?.parentSpanContext?.spanId).toBe(remote.spanId);
    expect(spans()[1]?.parentSpanContext).toBeUndefined();
  });

  it("carries the vendors' state on, and leaves out what W3C would not carry", () => {
    const { provider } = useSdk();
    const tracer = openTelemetry({ tracerProvider: provider });
    expect(tracer.sending(start(), remote)?.context.state).toBe("vendor=1,other=2");
    expect(tracer.sending(start(), { ...remote, state: ",,;=\u0000broken" })?.context).not.toHaveProperty("state");
  });

  it("leaves a state out that is longer than W3C would carry", () => {
    const long = createTraceState(Array.from({ length: 10 }, (_, i) => `vendor${i}=${"x".repeat(30)}`).join(","));
    const tracerWith = (traceState: TraceState) => {
      const decision = { decision: SamplingDecision.RECORD_AND_SAMPLED, traceState };
      return openTelemetry({ tracerProvider: useSdk({ sampler: { shouldSample: () => decision } }).provider });
    };
    expect(tracerWith(long).sending(start(), undefined)?.context.state).toBe(long.serialize());
    const longer = Array.from({ length: 10 }, (_, i) => i).reduce((state, i) => state.set(`more${i}`, "y".repeat(200)), long);
    expect(longer.serialize().length).toBeGreaterThan(512);
    expect(tracerWith(longer).sending(start(), undefined)?.context).not.toHaveProperty("state");
  });
});

describe("a handler", () => {
  it("runs inside its span: what it sends, and spans of its own, are under it, also after an await", async () => {
    const { provider, named } = useSdk();
    const tracer = openTelemetry({ tracerProvider: provider });
    const span = tracer.receiving(start({ name: "outer" }), remote);
    const result = await span?.run(async () => {
      await Promise.resolve();
      provider.getTracer("application").startSpan("own work").end();
      await new Promise((resolve) => setTimeout(resolve, 1));
      tracer.sending(start({ name: "inner" }), undefined)?.end();
      return 42;
    });
    span?.end();
    expect(result).toBe(42);
    for (const name of ["own work", "inner"]) expect(named(name).parentSpanContext?.spanId).toBe(span?.context.spanId);
    for (const name of ["own work", "inner", "outer"]) expect(named(name).spanContext().traceId).toBe(remote.traceId);
    expect(trace.getActiveSpan()).toBeUndefined();
  });

  it("throws what it throws", () => {
    const { provider } = useSdk();
    const span = openTelemetry({ tracerProvider: provider }).receiving(start(), undefined);
    expect(() =>
      span?.run(() => {
        throw new RangeError("its own");
      }),
    ).toThrow(new RangeError("its own"));
  });
});

describe("links", () => {
  const second: TraceContext = { ...remote, spanId: "00f067aa0ba902b7", sampled: false };

  it("lead a consumer to what created its message, also where that is its parent", () => {
    const { provider, named } = useSdk();
    openTelemetry({ tracerProvider: provider })
      .receiving(start({ type: "event", name: "prices" }), remote)
      ?.end();
    const span = named("process prices");
    expect(span.kind).toBe(SpanKind.CONSUMER);
    expect(span.parentSpanContext?.spanId).toBe(remote.spanId);
    expect(span.links.map(({ context: { traceId, spanId } }) => [traceId, spanId])).toEqual([[remote.traceId, remote.spanId]]);
  });

  it('are all that there is with `consumers: "link"`: the handler has a trace of its own', () => {
    const { provider, named } = useSdk();
    const tracer = openTelemetry({ tracerProvider: provider, consumers: "link" });
    tracer.receiving(start({ type: "notification", name: "collect" }), remote)?.end();
    tracer.receiving(start(), remote)?.end();
    expect(named("process collect").parentSpanContext).toBeUndefined();
    expect(named("process collect").spanContext().traceId).not.toBe(remote.traceId);
    expect(named("process collect").links[0]?.context.spanId).toBe(remote.spanId);
    expect(named("summarize")).toMatchObject({ parentSpanContext: { spanId: remote.spanId }, links: [] });
  });

  it("lead to the other messages that the agent names, at most 128", () => {
    const { provider, spans } = useSdk();
    const tracer = openTelemetry({ tracerProvider: provider });
    tracer.sending(start({ links: [remote, second] }), undefined)?.end();
    expect(spans()[0]?.links.map((link) => [link.context.spanId, link.context.traceFlags])).toEqual([
      [remote.spanId, 1],
      [second.spanId, 0],
    ]);
    tracer.sending(start({ links: Array.from({ length: 500 }, () => second) }), undefined)?.end();
    expect(spans()[1]?.links).toHaveLength(128);
  });
});

describe("sampling", () => {
  it("is the SDK's; what is not sampled goes along as such and is not recorded", () => {
    const { provider, spans } = useSdk({ sampler: new AlwaysOffSampler() });
    const tracer = openTelemetry({ tracerProvider: provider });
    const span = tracer.sending(start(), undefined);
    expect(span?.context).toMatchObject({ sampled: false, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    const there = tracer.receiving(start(), span?.context);
    expect(there?.context).toMatchObject({ sampled: false, traceId: span?.context.traceId });
    there?.end(new Error("no matter"));
    span?.end();
    expect(spans()).toEqual([]);
  });

  it("follows the sender where the SDK does so", () => {
    const { provider, spans } = useSdk({ sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }) });
    const tracer = openTelemetry({ tracerProvider: provider });
    tracer.receiving(start(), { ...remote, sampled: false })?.end();
    expect(spans()).toEqual([]);
    tracer.receiving(start(), remote)?.end();
    expect(spans()).toHaveLength(1);
  });

  it("sees names and attributes when it decides", () => {
    const seen: unknown[] = [];
    const always = new AlwaysOnSampler();
    const { provider } = useSdk({
      sampler: {
        shouldSample: (_context, _traceId, name, kind, attributes) => {
          seen.push([name, kind, attributes["messaging.destination.name"]]);
          return always.shouldSample();
        },
      },
    });
    openTelemetry({ tracerProvider: provider })
      .receiving(start({ type: "event", name: "prices" }), remote)
      ?.end();
    expect(seen).toEqual([["process prices", SpanKind.CONSUMER, "prices"]]);
  });
});

describe("without an SDK", () => {
  it("there is no span where there is no trace", () => {
    const tracer = openTelemetry();
    expect(tracer.sending(start(), undefined)).toBeUndefined();
    expect(tracer.receiving(start(), undefined)).toBeUndefined();
  });

  it("the sender's trace goes on through the handler", () => {
    useSdk();
    const tracer = openTelemetry();
    const span = tracer.receiving(start(), remote);
    expect(span?.context).toEqual(remote);
    const onwards = span?.run(() => tracer.sending(start(), undefined));
    expect(onwards?.context).toEqual(remote);
    onwards?.end(new Error("no matter"));
    span?.end();
  });

  it("one that is registered later counts", () => {
    const { provider, spans } = useSdk();
    const tracer = openTelemetry();
    expect(tracer.sending(start(), undefined)).toBeUndefined();
    trace.setGlobalTracerProvider(provider);
    tracer.sending(start(), undefined)?.end();
    expect(spans()).toHaveLength(1);
  });
});

describe("options", () => {
  it.each([
    [{ tracerProvider: {} }, /getTracer/],
    [{ meterProvider: null }, /getMeter/],
    [{ consumers: "parent" }, /"child" or "link"/],
    [{ methods: -1 }, /whole numbers/],
    [{ peers: 1.5 }, /whole numbers/],
    [{ peers: 1e9 }, /whole numbers/],
    [{ sampler: 1 }, /no option .sampler./],
  ])("refuses %j", (options, message) => {
    expect(() => openTelemetry(options as never)).toThrow(message);
  });
});
