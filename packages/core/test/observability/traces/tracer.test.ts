import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as limits from "../../../src/limits.js";
import { createAmbient } from "../../../src/observability/traces/ambient.js";
import { createSpanIds, traceIdOf } from "../../../src/observability/traces/ids.js";
import { createTracer } from "../../../src/observability/traces/tracer.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import { areIds, formatTraceparent, parseTraceContext } from "../../../src/telemetry/trace-context.js";
import type { Span, SpanStart } from "../../../src/telemetry/tracer.js";
import { contextOf, idOf } from "./fixtures.js";

const runtime = createVirtualRuntime({ seed: 4 });
const startOf = (number: number, more: Partial<SpanStart> = {}): SpanStart => ({
  type: "request",
  name: "work",
  id: idOf(number),
  agent: "alice",
  peer: { id: "bob" },
  bytes: 1,
  durable: false,
  ...more,
});
/** Below any share of one. */
const unlikely = (number: number): SpanStart => startOf(number, { id: idOf(number, 0) });
const contextIn = (span: Span | undefined) => span?.context as NonNullable<Span["context"]>;

describe("the built-in tracer", () => {
  test("a trace begins with a message, whose id is its own, and a random span; it travels as W3C Trace Context", () => {
    const tracer = createTracer({ runtime });
    const [one, two] = [contextIn(tracer.sending(startOf(1), undefined)), contextIn(tracer.sending(startOf(1), undefined))];
    expect(one).toEqual({ traceId: traceIdOf(idOf(1)), spanId: expect.stringMatching(/^[0-9a-f]{16}$/), sampled: true });
    expect(two.spanId).not.toBe(one.spanId);
    expect(parseTraceContext(formatTraceparent(one))).toEqual(one);
  });

  test("a message under a parent belongs to its trace, sampled or not, whatever the share", () => {
    const tracer = createTracer({ sample: 0, runtime });
    const parent = contextOf(5, { state: "vendor=1" });
    expect(contextIn(tracer.sending(startOf(1), parent))).toMatchObject({
      traceId: parent.traceId,
      parentSpanId: parent.spanId,
      sampled: true,
      state: "vendor=1",
    });
    const eager = createTracer({ sample: 1, runtime });
    const span = eager.sending(startOf(1), contextOf(5, { sampled: false }));
    expect(span).toMatchObject({ context: { traceId: contextOf(5).traceId, sampled: false } });
  });

  test("a handler's span is the child of its caller's", () => {
    const tracer = createTracer({ runtime });
    const parent = contextOf(5);
    const span = tracer.receiving(startOf(1), parent);
    expect(span?.context).toEqual({ traceId: parent.traceId, spanId: expect.stringMatching(/^[0-9a-f]{16}$/), parentSpanId: parent.spanId, sampled: true });
  });

  test("what nobody samples has no span, unless it is to be told; then its context is there for whoever asks", () => {
    const tracer = createTracer({ sample: 0.5, runtime });
    expect(tracer.sending(unlikely(1), undefined)).toBeUndefined();
    expect(tracer.receiving(unlikely(1), undefined)).toBeUndefined();
    const telling = createTracer({ sample: 0.5, tellUnsampled: true, runtime });
    for (const span of [
      telling.sending(unlikely(1), undefined),
      telling.receiving(unlikely(1), undefined),
      createTracer({ sample: () => 0.5, runtime }).sending(unlikely(1), undefined),
    ]) {
      expect(span?.context).toEqual({ traceId: traceIdOf(idOf(1, 0)), spanId: idOf(1, 0).replaceAll("-", "").slice(16), sampled: false });
      expect(span?.context).toBe(span?.context);
      expect(parseTraceContext(formatTraceparent(contextIn(span)))).toEqual(span?.context);
    }
  });

  test("says of an id alone whether its trace is sampled, as it then does; not where somebody else has a say", () => {
    for (const sample of [0, 0.1, 0.5, 1]) {
      const tracer = createTracer({ sample, runtime });
      for (let number = 0; number < 50; number++) {
        const start = startOf(number, { id: idOf(number, number * 83_000_000) });
        expect([sample, tracer.samples?.(start.id)]).toEqual([sample, tracer.sending(start, null) !== undefined]);
        expect(tracer.samples?.(start.id)).toBe(tracer.receiving(start, undefined) !== undefined);
      }
    }
    expect(createTracer({ sample: () => 0.5, runtime }).samples).toBeUndefined();
    expect(createTracer({ sample: 0.5, tellUnsampled: true, runtime }).samples).toBeUndefined();
  });

  test("a child of what a program gave to `run` has its ids, whatever they are, and is not taken for well-formed", () => {
    const tracer = createTracer({ runtime });
    const child = tracer.run({ traceId: "none", spanId: "none", sampled: true }, () => contextIn(tracer.sending(startOf(1), undefined)));
    expect([child.traceId, child.parentSpanId, areIds(child.traceId, child.spanId)]).toEqual(["none", "none", false]);
    const { traceId, spanId } = contextIn(tracer.sending(startOf(1), undefined));
    expect(areIds(traceId, spanId)).toBe(true);
  });

  test("a function decides for each start; what it throws, or what is no share, is none", () => {
    const sample = ({ name }: SpanStart): number => {
      if (name === "throws") throw new Error("no");
      return name === "wrong" ? Number.NaN : name === "work" ? 1 : 0;
    };
    const tracer = createTracer({ sample, runtime });
    const isSampled = (name: string) => tracer.sending(startOf(1, { name, id: idOf(1, 0) }), undefined)?.context.sampled;
    expect(["work", "other", "wrong", "throws"].map(isSampled)).toEqual([true, false, false, false]);
  });

  test.each([
    [{ sample: -0.1 }],
    [{ sample: 1.1 }],
    [{ sample: Number.NaN }],
    [{ sample: "all" }],
    [{ remote: { perSecond: 0 } }],
    [{ sampel: 0.1 }],
    [{ ambient: "no" }],
  ])("refuses %j", (options) => {
    expect(() => createTracer({ runtime, ...options } as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  test("what a handler sends belongs to its trace, across awaits and in any tracer of the process; beside it nothing does", async () => {
    const [tracer, other] = [createTracer({ runtime }), createTracer({ runtime })];
    const span = tracer.receiving(startOf(1), contextOf(5));
    const beside = Promise.resolve().then(() => tracer.current);
    const child = await span?.run(async () => {
      expect(tracer.current).toBe(span.context);
      await new Promise((resolve) => setImmediate(resolve));
      return other.sending(startOf(2), undefined);
    });
    expect(child?.context).toMatchObject({ traceId: contextOf(5).traceId, parentSpanId: span?.context.spanId });
    expect(await beside).toBeUndefined();
    expect(tracer.current).toBeUndefined();
  });

  test("what the handler of a call sends whose sender said that it is not sampled is not sampled either, and says so", () => {
    const tracer = createTracer({ sample: 1, runtime });
    const span = tracer.receiving(unlikely(1), contextOf(5, { sampled: false }));
    const child = span?.run(() => tracer.sending(startOf(2), undefined));
    expect(child).toMatchObject({ context: { traceId: contextOf(5).traceId, sampled: false } });
    span?.end();
  });

  test("a handler that is over leaves nothing behind, and those beside it keep their place", async () => {
    const tracer = createTracer({ runtime });
    const [first, second] = [tracer.receiving(startOf(1), contextOf(5)), tracer.receiving(startOf(2), contextOf(6))];
    let goOn = (): void => undefined;
    const waits = second?.run(async () => {
      await new Promise<void>((resolve) => (goOn = resolve));
      return tracer.current;
    });
    expect(await first?.run(async () => tracer.current)).toBe(first?.context);
    first?.end();
    first?.end();
    goOn();
    expect(await waits).toBe(second?.context);
    second?.end();
    expect(await tracer.run(contextOf(7), async () => tracer.current)).toEqual(contextOf(7));
    expect(() =>
      tracer.run(contextOf(7), () => {
        throw new Error("as it is");
      }),
    ).toThrow("as it is");
    expect(tracer.current).toBeUndefined();
  });

  test("a named parent counts before the ambient one; without ambient there is none", () => {
    const tracer = createTracer({ runtime });
    const inside = (other: typeof tracer, parent?: ReturnType<typeof contextOf>) =>
      tracer.run(contextOf(5), () => other.sending(startOf(2), parent)?.context.traceId);
    expect(inside(tracer)).toBe(contextOf(5).traceId);
    expect(inside(tracer, contextOf(6))).toBe(contextOf(6).traceId);
    expect(inside(createTracer({ ambient: false, runtime }))).toBe(traceIdOf(idOf(2)));
    const plain = createTracer({ ambient: false, runtime });
    expect(plain.receiving(startOf(1), contextOf(5))?.run(() => plain.current)).toBeUndefined();
    expect(plain.run(contextOf(5), () => 7)).toBe(7);
  });

  test("TM-217 a peer that says of everything that it is sampled gets so many a second, and no more; others are not affected", () => {
    const time = createVirtualRuntime({ seed: 1 });
    const tracer = createTracer({ sample: 0.1, remote: { perSecond: 10, burst: 20 }, runtime: time });
    const flood = (peer: string) =>
      Array.from({ length: 100 }, (_, i) => tracer.receiving(startOf(i, { peer: { id: peer } }), contextOf(i + 1))).filter((span) => span?.context.sampled)
        .length;
    expect(flood("mallory")).toBe(20);
    expect(flood("bob")).toBe(20);
    time.advanceSync(1_000);
    expect(flood("mallory")).toBe(10);
    // What this tracer would have chosen costs nothing of it.
    const chosen = contextOf(1, { traceId: "f".repeat(32) });
    expect(tracer.receiving(startOf(1, { peer: { id: "mallory" } }), chosen)?.context.sampled).toBe(true);
    // What is refused is unsampled from here on.
    const refused = tracer.receiving(startOf(1, { peer: { id: "mallory" } }), contextOf(9));
    expect(refused?.context).toMatchObject({ traceId: contextOf(9).traceId, sampled: false });
    expect(refused?.run(() => tracer.sending(startOf(2), undefined)?.context.sampled)).toBe(false);
    expect(limits.remoteTracers).toBeLessThanOrEqual(10_000);
  });
});

describe("ambient", () => {
  const platforms = {
    "no process": {},
    "no getBuiltinModule": { process: {} },
    "no such module": { process: { getBuiltinModule: () => undefined } },
    "a module without it": { process: { getBuiltinModule: () => ({}) } },
    "one that throws": {
      process: {
        getBuiltinModule: () => {
          throw new Error("no");
        },
      },
    },
  };
  test.each(Object.entries(platforms))("is none with %s", (_, platform) => {
    expect(createAmbient(platform as never)).toBeUndefined();
  });

  test("is there on Node", () => {
    expect(createAmbient<number>()?.run(5, () => 6)).toBe(6);
  });

  test.each([
    ["20.19.0", 1],
    ["22.1.0", 1],
    ["24.0.0", 0],
  ])("is put out of use on Node %s when the last that ran in it is over: %i times", (node, times) => {
    let disabled = 0;
    class AsyncLocalStorage {
      getStore(): undefined {}
      run<R>(_: unknown, work: () => R): R {
        return work();
      }
      disable(): void {
        disabled++;
      }
    }
    const ambient = createAmbient({ process: { versions: { node }, getBuiltinModule: () => ({ AsyncLocalStorage }) } } as never);
    ambient?.run(1, () => ambient.run(2, () => ambient.over()));
    expect(disabled).toBe(0);
    ambient?.over();
    expect(disabled).toBe(times);
  });
});

describe("span ids", () => {
  test("are drawn from the runtime, many at once, and never zero", () => {
    let draws = 0;
    const next = createSpanIds({ bytes: (length) => (draws++ === 0 ? new Uint8Array(length) : new Uint8Array(length).fill(0xab)) });
    expect(next()).toBe("ab".repeat(8));
    for (let i = 0; i < 31; i++) next();
    expect(draws).toBe(2);
    next();
    expect(draws).toBe(3);
  });
});

/** As the standard has it: 3.2, 3.3. */
const shape = /^(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

test("a context is read from what has the form of the standard, and from nothing else", () => {
  const usual = formatTraceparent(contextOf(7));
  const changed = fc
    .record({ at: fc.nat(54), to: fc.constantFrom(..."0123456789abcdefgF-: é\n") })
    .map(({ at, to }) => usual.slice(0, at) + to + usual.slice(at + 1));
  const others = fc.constantFrom(
    usual,
    formatTraceparent(contextOf(7, { sampled: false })),
    "",
    `${usual}-`,
    `${usual}-more`,
    `cc${usual.slice(2)}-more`,
    `cc${usual.slice(2)}more`,
    `ff${usual.slice(2)}`,
    usual.slice(1),
    `${usual.slice(0, 53)}03`,
    `${usual.slice(0, 53)}a0`,
    `00-${"0".repeat(32)}-${"1".repeat(16)}-01`,
    `00-${"1".repeat(32)}-${"0".repeat(16)}-01`,
  );
  fc.assert(
    fc.property(fc.oneof(changed, others), (text) => {
      const [, traceId, spanId, flags = ""] = shape.exec(text) ?? [];
      const context = parseTraceContext(text);
      expect(context).toEqual(traceId === undefined ? undefined : { traceId, spanId, sampled: Number.parseInt(flags, 16) % 2 === 1 });
      if (context !== undefined) expect(areIds(context.traceId, context.spanId)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
  for (const [traceId, spanId] of [
    [7, "1".repeat(16)],
    ["1".repeat(32), undefined],
    ["1".repeat(31), "1".repeat(16)],
    ["1".repeat(32), "0".repeat(16)],
    ["A".repeat(32), "1".repeat(16)],
  ])
    expect(areIds(traceId, spanId)).toBe(false);
});
