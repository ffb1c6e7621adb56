import fc from "fast-check";
import { expect, test } from "vitest";
import { type KeptCall, newCall, placeIn, traceOf } from "../../../src/observability/traces/call.js";
import { hasIdForm, isNamedAfter, messageIdOf, traceIdOf } from "../../../src/observability/traces/ids.js";
import { createKeptCalls } from "../../../src/observability/traces/kept.js";
import { systemRuntime } from "../../../src/runtime/system.js";
import { contextOf, idOf, startMs } from "./fixtures.js";

/** Of a call: none said, that of another's message or its own, any. */
const contexts = [undefined, ...[1, 2, 3].map((number) => contextOf(1, { traceId: traceIdOf(idOf(number)) })), contextOf(9)];

/** Its sender does, or takes it back. */
function say(call: KeptCall, context: (typeof contexts)[number]): void {
  if (context === undefined) call.fromSpanId = call.fromTraceId = call.fromParentSpanId = undefined;
  else placeIn(call, true, context);
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant("add" as const), id: fc.nat(4), from: fc.nat(2), context: fc.nat(4), received: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("move" as const), which: fc.nat(9), context: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("remove" as const), which: fc.nat(9) }) },
);

test("a trace is all calls that say they are of it, in whatever order they came, changed and went", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const calls = createKeptCalls(10, systemRuntime().random, () => undefined);
      const nth = (which: number): KeptCall | undefined => [...calls][which];
      for (const each of steps) {
        if (each.what === "add") {
          const from = `peer-${each.from}`;
          if (calls.find(idOf(each.id), from, "bob") !== undefined) continue;
          const call = newCall(idOf(each.id), from, "bob", startMs, "normal", calls.takeSpare());
          say(call, contexts[each.context]);
          if (!each.received) call.fromStartedAt = startMs;
          calls.add(call);
        } else {
          const call = nth(each.which);
          if (call === undefined) continue;
          if (each.what === "remove") calls.remove(call);
          else calls.moving(call, () => say(call, contexts[each.context]));
        }
        const expected = new Map<string, KeptCall[]>();
        for (const call of calls) expected.set(traceOf(call), [...(expected.get(traceOf(call)) ?? []), call]);
        expect(calls.traces.size).toBe(expected.size);
        for (const [traceId, members] of expected) {
          const trace = calls.traces.get(traceId);
          expect(trace?.traceId).toBe(traceId);
          expect(new Set(trace?.calls)).toEqual(new Set(members));
          expect(trace?.received).toBe(members.filter(({ fromStartedAt }) => Number.isNaN(fromStartedAt)).length);
        }
        for (const number of [0, 1, 2, 3, 4]) if (!expected.has(traceIdOf(idOf(number)))) expect(calls.traces.get(traceIdOf(idOf(number)))).toBeUndefined();
      }
    }),
    { numRuns: 300 },
  );
});

test("a trace id and a message id belong together one to one", () => {
  const id = idOf(7);
  expect(messageIdOf(traceIdOf(id))).toBe(id);
  expect(isNamedAfter(traceIdOf(id), id)).toBe(true);
  for (const other of ["", "0".repeat(32), traceIdOf(idOf(8)), `${traceIdOf(id)}0`, `0${traceIdOf(id)}`, traceIdOf(id).slice(1)])
    expect(isNamedAfter(other, id)).toBe(false);
  expect(hasIdForm(id)).toBe(true);
  for (const other of ["", id.replaceAll("-", "0"), `${id}0`, id.slice(1)]) expect(hasIdForm(other)).toBe(false);
});
