import { expect, test } from "vitest";
import { createDeadlines, type Limit, type Limited } from "../../../src/patterns/asking/deadlines.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";

function setUp() {
  const runtime = createVirtualRuntime({ seed: 1 });
  let armed = 0;
  let cancelled = 0;
  const after: typeof runtime.timers.after = (ms, run, options) => {
    armed++;
    const cancel = runtime.timers.after(ms, run, options);
    return () => {
      cancelled++;
      cancel();
    };
  };
  const began = runtime.clock.monotonic();
  const told: string[] = [];
  const owner = (name: string, then?: () => void): Limited => ({
    expired() {
      told.push(`${name} at ${runtime.clock.monotonic() - began}`);
      then?.();
    },
    aborted: (signal) => void told.push(`${name} aborted: ${signal.reason}`),
  });
  return { runtime, deadlines: createDeadlines(runtime.clock, { ...runtime.timers, after }), owner, told, timers: () => armed, cancelled: () => cancelled };
}

test("who knows until when it is says so, and the clock is not read", async () => {
  const { runtime, owner, told } = setUp();
  const now = runtime.clock.monotonic();
  let reads = 0;
  const monotonic = (): number => {
    reads++;
    return runtime.clock.monotonic();
  };
  const deadlines = createDeadlines({ ...runtime.clock, monotonic }, runtime.timers);
  deadlines.limit(100, owner("a"), undefined, now + 100);
  deadlines.limit(100, owner("b"), undefined, now + 100).clear();
  expect(reads).toBe(0);
  await runtime.advance(1_000);
  expect(told).toEqual(["a at 100"]);
});

test("each rings in its own time, in order, and only while it is not cleared", async () => {
  const { runtime, deadlines, owner, told } = setUp();
  const limits: Limit[] = [];
  limits.push(deadlines.limit(100, owner("a"), undefined), deadlines.limit(100, owner("b"), undefined), deadlines.limit(30, owner("c"), undefined));
  await runtime.advance(20);
  limits.push(deadlines.limit(100, owner("d"), undefined), deadlines.limit(100, owner("e"), undefined));
  (limits[1] as Limit).clear();
  (limits[1] as Limit).clear();
  await runtime.advance(20);
  (limits[4] as Limit).clear();
  await runtime.advance(1_000);
  expect(told).toEqual(["c at 30", "a at 100", "d at 120"]);
});

test("thousands that end before their time share a timer", async () => {
  const { runtime, deadlines, owner, told, timers } = setUp();
  const first = deadlines.limit(30_000, owner("first"), undefined);
  for (let index = 0; index < 5_000; index++) deadlines.limit(30_000, owner("one"), undefined).clear();
  expect(timers()).toBe(1);
  first.clear();
  await runtime.advance(100_000);
  expect(told).toEqual([]);
  expect(timers()).toBe(1);
});

test("one after the other share a timer too; it goes when none follows", async () => {
  const { runtime, deadlines, owner, told, timers, cancelled } = setUp();
  for (let index = 0; index < 100; index++) deadlines.limit(30_000, owner("one"), undefined).clear();
  expect([timers(), cancelled()]).toEqual([1, 0]);
  await runtime.advance(10);
  expect([timers(), cancelled()]).toEqual([1, 1]);
  deadlines.limit(30_000, owner("another"), undefined);
  await runtime.advance(30_000);
  expect(told).toEqual(["another at 30010"]);
});

test("one that begins while the timer of those before it is still there rings in its own time", async () => {
  const { runtime, deadlines, owner, told } = setUp();
  const before = deadlines.limit(50, owner("before"), undefined);
  await runtime.advance(40);
  before.clear();
  deadlines.limit(50, owner("after"), undefined);
  await runtime.advance(100);
  expect(told).toEqual(["after at 90"]);
});

test("cleared in any order, the rest stays in line", async () => {
  const { runtime, deadlines, owner, told } = setUp();
  const limits = Array.from({ length: 9 }, (_, index) => deadlines.limit(50, owner(String(index)), undefined));
  for (const index of [0, 8, 4, 5, 3, 1]) (limits[index] as Limit).clear();
  await runtime.advance(50);
  expect(told).toEqual(["2 at 50", "6 at 50", "7 at 50"]);
});

test("one that rings may begin the next", async () => {
  const { runtime, deadlines, owner, told } = setUp();
  const again = (): void => {
    if (told.length < 4) deadlines.limit(10, owner("again", again), undefined);
  };
  again();
  deadlines.limit(10, owner("beside"), undefined);
  await runtime.advance(1_000);
  expect(told).toEqual(["again at 10", "beside at 10", "again at 20", "again at 30"]);
});

test("a signal ends the wait once, and a cleared one listens no longer", async () => {
  const { runtime, deadlines, owner, told } = setUp();
  const controller = new AbortController();
  deadlines.limit(100, owner("a"), controller.signal);
  deadlines.limit(100, owner("b"), controller.signal).clear();
  controller.abort("enough");
  deadlines.limit(100, owner("late"), controller.signal).clear();
  await runtime.advance(1_000);
  expect(told).toEqual(["a aborted: enough", "late aborted: enough"]);
});

test("one that fails when it rings does not silence those behind it", async () => {
  const { runtime, owner, told } = setUp();
  const after: typeof runtime.timers.after = (ms, run) =>
    runtime.timers.after(ms, () => {
      try {
        run();
      } catch (error) {
        told.push(String(error));
      }
    });
  const frail = createDeadlines(runtime.clock, { ...runtime.timers, after });
  const fails = owner("fails", () => {
    throw new Error("no random bytes");
  });
  frail.limit(50, fails, undefined);
  frail.limit(50, owner("next"), undefined);
  await runtime.advance(20);
  frail.limit(50, owner("later"), undefined);
  await runtime.advance(1_000);
  expect(told).toEqual(["fails at 50", "Error: no random bytes", "next at 50", "later at 70"]);
});
