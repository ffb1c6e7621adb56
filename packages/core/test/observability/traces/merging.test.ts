import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addMoment, callIdOf, isFrom, newCall, traceOf } from "../../../src/observability/traces/call.js";
import { createKeptCalls } from "../../../src/observability/traces/kept.js";
import type { KeptTrace } from "../../../src/observability/traces/kept-traces.js";
import { clockDifferenceOf, inOrder } from "../../../src/observability/traces/order.js";
import { hasFailed, outcomeOf } from "../../../src/observability/traces/outcome.js";
import { statisticsOf } from "../../../src/observability/traces/statistics.js";
import { traceView } from "../../../src/observability/traces/view.js";
import { systemRuntime } from "../../../src/runtime/system.js";
import type { MessageMoment, MessageStage } from "../../../src/telemetry/types.js";
import { contextOf, idOf, startMs } from "./fixtures.js";

const id = idOf(1);

/** A moment and who saw it. */
type Told = readonly [agent: string, moment: MessageMoment];

const told = (agent: "alice" | "bob", direction: "sent" | "received", what: MessageStage, at: number, more: Partial<MessageMoment> = {}): Told => [
  agent,
  {
    kind: "message",
    what,
    at,
    direction,
    id,
    type: "request",
    name: "work",
    peer: { id: agent === "alice" ? "bob" : "alice", instance: "i" },
    priority: "normal",
    bytes: 10,
    trace: agent === "alice" ? contextOf(1) : contextOf(1, { spanId: "c".repeat(16), parentSpanId: contextOf(1).spanId }),
    ...more,
  },
];

const viewOf = (all: readonly Told[]) => {
  const calls = createKeptCalls(10, systemRuntime().random, () => undefined);
  for (const [agent, moment] of all) {
    const route = isFrom(moment) ? ([agent, moment.peer.id] as const) : ([moment.peer.id, agent] as const);
    const id = callIdOf(moment) as string;
    const known = calls.find(id, ...route);
    if (known === undefined) {
      const call = newCall(id, ...route, moment.at, moment.priority);
      addMoment(call, moment, true);
      calls.add(call);
    } else calls.moving(known, () => addMoment(known, moment, true));
  }
  return [...new Set([...calls].map(traceOf))].map((traceId) => traceView(calls.traces.get(traceId) as KeptTrace));
};

const story = fc
  .record({
    type: fc.constantFrom("request" as const, "notification" as const),
    ahead: fc.integer({ min: -10_000, max: 10_000 }),
    steps: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 9, maxLength: 9 }),
    end: fc.constantFrom<MessageStage>("processed", "failed", "expired"),
    answered: fc.boolean(),
    attempt: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  })
  .map(({ type, ahead, steps, end, answered, attempt }) => {
    let now = startMs;
    const at = (step: number): number => (now += steps[step] as number);
    const more = { type, ...(attempt === undefined ? {} : { attempt }) };
    const code = end === "processed" ? {} : ({ code: "handler_failed" } as const);
    const reply = { type: "response", id: idOf(2), correlationId: id } as const;
    const all = [
      told("alice", "sent", "queued", at(0), more),
      told("alice", "sent", "sealed", at(1), more),
      told("alice", "sent", "sent", at(2), more),
      told("bob", "received", "delivered", at(3) + ahead, more),
      told("bob", "received", end, at(4) + ahead, { ...more, ...code, duration: steps[4] as number }),
      ...(type === "request"
        ? [
            told("bob", "sent", "queued", at(5) + ahead, reply),
            told("alice", "received", "delivered", at(6), reply),
            ...(answered ? [told("alice", "sent", end === "processed" ? "answered" : "failed", at(7), { ...more, ...code, duration: 20 })] : []),
          ]
        : []),
    ];
    return { all, ahead, type, end, answered };
  });

describe("stages in any order", () => {
  test("the call is the same, in whatever order and from whichever side its moments come", () => {
    fc.assert(
      fc.property(
        story.chain(({ all }) => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all], { minLength: all.length }))),
        ([all, shuffled]) => {
          expect(viewOf(shuffled)).toEqual(viewOf(all));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("stages of both sides stand as they happened, whatever the difference of the clocks", () => {
    fc.assert(
      fc.property(story, ({ all, ahead, type, answered, end }) => {
        const [call] = viewOf(all)[0]?.calls ?? [];
        const stages = call?.stages.map(({ side, stage, of }) => `${side} ${of} ${stage}`) ?? [];
        const before = (first: string, second: string): void => {
          const [a, b] = [stages.indexOf(first), stages.indexOf(second)];
          if (a !== -1 && b !== -1) expect(a, `${first} before ${second} in ${stages.join(", ")}`).toBeLessThan(b);
        };
        before("from call queued", "from call sealed");
        before("from call sealed", "from call sent");
        before("from call queued", "to call delivered");
        before("to call delivered", `to call ${end}`);
        before("to call processed", "from call answered");
        if (type === "request" && answered && end === "processed") expect(Math.abs((call?.clockDifference ?? Number.NaN) - ahead)).toBeLessThanOrEqual(40);
        expect(call?.status).toBe(
          type === "request" && !answered ? "active" : type === "request" && end !== "processed" ? "failed" : end === "processed" ? "completed" : end,
        );
      }),
      { numRuns: 300 },
    );
  });

  test("a difference that the stages do not show is none", () => {
    const stages = [
      { stage: "queued", side: "from", of: "call", at: 100 },
      { stage: "delivered", side: "to", of: "call", at: 102 },
    ] as const;
    expect(clockDifferenceOf(stages)).toBe(0);
    expect(clockDifferenceOf(stages.slice(0, 1))).toBeUndefined();
    expect(clockDifferenceOf([stages[0], { ...stages[1], at: 50 }])).toBe(-50);
    expect(inOrder([{ ...stages[1], at: 50 }, stages[0]], -50).map(({ stage }) => stage)).toEqual(["queued", "delivered"]);
  });
});

describe("statistics", () => {
  test("are those that a plain recomputation finds", () => {
    const one = fc.record({
      what: fc.constantFrom<MessageStage>("queued", "answered", "failed", "expired", "dead_lettered"),
      duration: fc.integer({ min: 0, max: 5_000 }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 60 }), (all) => {
        const calls = all.map(({ what, duration }, index) => {
          const [, moment] = told("alice", "sent", what, startMs + duration, { id: idOf(index), ...(what === "queued" ? {} : { duration }) });
          const call = newCall(idOf(index), "alice", "bob", moment.at, moment.priority);
          addMoment(call, moment, true);
          return call;
        });
        const found = statisticsOf(calls);
        const plain = all.map(({ what, duration }) => ({ status: what === "queued" ? "active" : what === "answered" ? "completed" : what, duration }));
        expect(found.total).toBe(plain.length);
        expect(found.active).toBe(plain.filter(({ status }) => status === "active").length);
        expect(found.failed).toBe(plain.filter(({ status }) => hasFailed(status as never)).length);
        const check = (figures: typeof found.durations, durations: number[]): void => {
          const sorted = durations.toSorted((a, b) => a - b);
          // The least of them that at least so many hundredths are not above.
          const rank = (percent: number): number | undefined =>
            sorted.find((value) => sorted.filter((other) => other <= value).length * 100 >= percent * sorted.length);
          if (sorted.length === 0) expect(figures).toMatchObject({ mean: undefined, p50: undefined });
          else expect(figures.mean).toBeCloseTo(sorted.reduce((a, b) => a + b, 0) / sorted.length, 6);
          expect([figures.p50, figures.p95, figures.p99]).toEqual([rank(50), rank(95), rank(99)]);
        };
        const ended = plain.filter(({ status }) => status !== "active");
        check(
          found.durations,
          ended.map(({ duration }) => duration),
        );
        for (const status of new Set(plain.map((each) => each.status))) {
          const of = plain.filter((each) => each.status === status);
          const figures = found.byStatus[status as never] as { count: number } & typeof found.durations;
          expect(figures.count).toBe(of.length);
          check(
            figures,
            of.filter(() => status !== "active").map(({ duration }) => duration),
          );
        }
        expect(Object.keys(found.byStatus).sort()).toEqual([...new Set(plain.map(({ status }) => status))].sort());
        expect(calls.map((call) => outcomeOf(call).status)).toEqual(plain.map(({ status }) => status));
      }),
      { numRuns: 200 },
    );
  });
});
