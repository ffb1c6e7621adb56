import fc from "fast-check";
import { expect, test } from "vitest";
import { type BulkheadOptions, breaker, bulkhead, policy, retry } from "../../src/resilience/index.js";
import { failure, held, outcome, settle, virtual, watch } from "./world.js";

function world(options: BulkheadOptions) {
  const runtime = virtual();
  const step = bulkhead(options);
  const of = policy(step).bind(runtime);
  const began: number[] = [];
  const holds: ReturnType<typeof held<void>>[] = [];
  const start = (n: number, more: { signal?: AbortSignal; timeout?: number; key?: { peer?: string; method?: string } } = {}) => {
    const hold = held<void>();
    holds[n] = hold;
    return watch(
      of.run(() => {
        began.push(n);
        return hold.promise;
      }, more),
    );
  };
  return { runtime, step, of, began, holds, start };
}

test("so many run, so many wait, what is beyond is overloaded; places go to those who waited longest", async () => {
  const { step, began, holds, start } = world({ concurrent: 2, queue: 3 });
  const asked = Array.from({ length: 7 }, (_, n) => start(n));
  await settle();
  expect(began).toEqual([0, 1]);
  expect(asked.slice(5).map(({ seen }) => seen)).toMatchObject([1, 2].map(() => ({ ok: false, error: { code: "overloaded", retryable: true } })));
  expect(step.status()).toEqual({ kind: "bulkhead", running: 2, queued: 3, compartments: 1, refused: 2 });
  for (let n = 0; n < 5; n++) {
    holds[n]?.resolve();
    await settle();
  }
  expect(began).toEqual([0, 1, 2, 3, 4]);
  expect(step.status()).toEqual({ kind: "bulkhead", running: 0, queued: 0, compartments: 0, refused: 2 });
});

test("a failure frees the place as an answer does, and an abort or its time takes a waiting one out of the queue", async () => {
  const { runtime, step, began, holds, start } = world({ concurrent: 1, queue: 10 });
  const controller = new AbortController();
  start(0);
  const aborted = start(1, { signal: controller.signal });
  const late = start(2, { timeout: 500 });
  start(3);
  await settle();
  controller.abort("no more");
  await runtime.advance(500);
  expect(aborted.seen).toMatchObject({ ok: false, error: { code: "cancelled", cause: "no more" } });
  expect(late.seen).toMatchObject({ ok: false, error: { code: "timeout" } });
  expect(step.status()).toMatchObject({ running: 1, queued: 1 });
  holds[0]?.reject(failure());
  await settle();
  expect(began).toEqual([0, 3]);
  const already = start(4, { signal: controller.signal });
  await settle();
  expect([already.seen, step.status().queued]).toMatchObject([{ ok: false, error: { code: "cancelled" } }, 0]);
});

test("an abort in the very turn in which its place came gives the place on", async () => {
  const { began, holds, start, step } = world({ concurrent: 1, queue: 10 });
  const controller = new AbortController();
  start(0);
  const aborted = start(1, { signal: controller.signal });
  start(2);
  await settle();
  holds[0]?.resolve();
  // The promise of the first settles, then its place is given; the next begins one microtask later.
  while (step.status().queued === 2) await Promise.resolve();
  controller.abort();
  await settle();
  expect(aborted.seen).toMatchObject({ ok: false, error: { code: "cancelled" } });
  expect(began).toEqual([0, 2]);
  holds[2]?.resolve();
  await settle();
  expect(step.status()).toMatchObject({ running: 0, queued: 0, compartments: 0 });
});

test.each([
  ["peer", { bob: 2, carol: 2 }],
  ["method", { bob: 4, carol: 2 }],
  ["all", { bob: 2, carol: 0 }],
] as const)("per %s", async (per, expected) => {
  const { began, start } = world({ concurrent: 2, per });
  const counts = { bob: 0, carol: 0 };
  const before = () => began.length;
  for (const [n, [peer, method]] of (
    [
      ["bob", "a"],
      ["bob", "a"],
      ["bob", "a"],
      ["bob", "b"],
      ["bob", "b"],
      ["carol", "a"],
      ["carol", "a"],
      ["carol", "a"],
    ] as const
  ).entries()) {
    const count = before();
    start(n, { key: { peer, method } });
    await settle();
    counts[peer] += before() - count;
  }
  expect(counts).toEqual(expected);
});

test("thousands that wait and are refused by an inner step leave one after the other, not one inside the other", async () => {
  const inner = breaker();
  const step = bulkhead({ concurrent: 1, queue: 20_000 });
  const of = policy(step, inner).bind(virtual());
  const hold = held<void>();
  const first = watch(of.run(() => hold.promise));
  const rest = Array.from({ length: 20_000 }, () => outcome(of.run(() => 1)));
  await settle();
  inner.open();
  hold.resolve();
  expect(new Set(await Promise.all(rest))).toEqual(new Set(["circuit_open"]));
  expect(first.seen).toMatchObject({ ok: true });
  expect(step.status()).toMatchObject({ running: 0, queued: 0, compartments: 0 });
});

test("a refusal is tried again by a retry around it: nothing was done", async () => {
  const runtime = virtual();
  const of = policy(retry({ budget: false, base: 100 }), bulkhead({ concurrent: 1 })).bind(runtime);
  const hold = held<void>();
  void of.run(() => hold.promise);
  const asked = watch(of.run(() => "answer"));
  hold.resolve();
  await runtime.advance(1_000);
  expect(asked.seen).toEqual({ ok: true, value: "answer" });
});

test("property: never more than `concurrent` run nor more than `queue` wait, first come first served, and nothing is left over", async () => {
  const action = fc.oneof(
    { weight: 3, arbitrary: fc.constant("start" as const) },
    fc.constant("finish" as const),
    fc.constant("fail" as const),
    fc.constant("abort" as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.nat(5), fc.array(fc.tuple(action, fc.nat()), { maxLength: 60 }), async (concurrent, queue, actions) => {
      const of = world({ concurrent, queue });
      const model = { running: [] as number[], queued: [] as number[], refused: 0 };
      const controllers: AbortController[] = [];
      let next = 0;
      for (const [kind, which] of actions) {
        if (kind === "start") {
          const n = next++;
          const controller = new AbortController();
          controllers[n] = controller;
          of.start(n, { signal: controller.signal });
          if (model.running.length < concurrent) model.running.push(n);
          else if (model.queued.length < queue) model.queued.push(n);
          else model.refused++;
        } else if (kind === "abort") {
          const n = model.queued[which % Math.max(model.queued.length, 1)];
          if (n === undefined) continue;
          controllers[n]?.abort();
          model.queued.splice(model.queued.indexOf(n), 1);
        } else {
          const n = model.running[which % Math.max(model.running.length, 1)];
          if (n === undefined) continue;
          if (kind === "finish") of.holds[n]?.resolve();
          else of.holds[n]?.reject(failure());
          model.running.splice(model.running.indexOf(n), 1);
          const waiting = model.queued.shift();
          if (waiting !== undefined) model.running.push(waiting);
        }
        await settle();
        expect(of.step.status()).toMatchObject({ running: model.running.length, queued: model.queued.length, refused: model.refused });
        expect([...of.began].filter((n) => model.running.includes(n)).sort((a, b) => a - b)).toEqual([...model.running].sort((a, b) => a - b));
      }
    }),
    { numRuns: 200 },
  );
});

test.each([
  [{}],
  [{ concurrent: 0 }],
  [{ concurrent: 1.5 }],
  [{ concurrent: 1, queue: -1 }],
  [{ concurrent: 1, per: "x" }],
  [{ concurrent: 1, size: 1 }],
  [null],
])("bulkhead(%j) is refused", (options) => {
  expect(() => bulkhead(options as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});
