import { expect, test } from "vitest";
import {
  type AgentPolicy,
  type Attempt,
  breaker,
  bulkhead,
  type LimitedOperation,
  type OperationLimits,
  type PolicyEvent,
  policy,
  retry,
  timeout,
} from "../../src/resilience/index.js";
import { systemRuntime } from "../../src/runtime/index.js";
import { failure, held, outcome, settle, virtual, watch } from "./world.js";

test("timeout: fires the attempt's signal, rejects with `timeout`, and what comes later is nobody's", async () => {
  const runtime = virtual();
  const step = timeout(500);
  const of = policy(step).bind(runtime);
  const late = held<string>();
  let seen: Attempt | undefined;
  const asked = watch(
    of.run((attempt) => {
      seen = attempt;
      void attempt.signal;
      return late.promise;
    }),
  );
  await runtime.advance(499);
  expect([asked.seen, seen?.signal.aborted]).toEqual([undefined, false]);
  await runtime.advance(1);
  expect(asked.seen).toMatchObject({ ok: false, error: { code: "timeout", retryable: true } });
  expect(seen?.signal.reason).toMatchObject({ code: "timeout" });
  expect(step.status()).toEqual({ kind: "timeout", ms: 500, expired: 1 });
  late.reject(new Error("late"));
  await settle();
});

test("an operation that settles in time leaves no timer and no listener behind", async () => {
  const runtime = virtual();
  let timers = 0;
  const counted = {
    ...runtime,
    timers: {
      ...runtime.timers,
      after(ms: number, run: () => void) {
        timers++;
        const cancel = runtime.timers.after(ms, run);
        return () => {
          timers--;
          cancel();
        };
      },
    },
  };
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const { addEventListener: add, removeEventListener: remove } = signal;
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove.apply(signal, args);
  };
  const of = policy(retry({ base: 0, cap: 0 }), bulkhead({ concurrent: 1, queue: 10 }), timeout(500)).bind(counted);
  let calls = 0;
  const run = () =>
    of.run(
      (attempt) => {
        void attempt.signal;
        if (++calls === 1) throw failure();
        return calls;
      },
      { signal, timeout: 1_000 },
    );
  const both = Promise.all([run(), run(), run()]);
  await runtime.advance(100);
  expect(await both).toHaveLength(3);
  expect([timers, listeners]).toEqual([0, 0]);
});

test("the caller's signal reaches the attempt's, also when that is read late or the caller's has fired", async () => {
  const of = policy(timeout(500)).bind(virtual());
  const controller = new AbortController();
  const signals: AbortSignal[] = [];
  const hold = held<void>();
  void of
    .run(
      async (attempt) => {
        signals.push(attempt.signal);
        await hold.promise;
        throw attempt.signal.reason;
      },
      { signal: controller.signal },
    )
    .catch(() => undefined);
  void of.run(
    async (attempt) => {
      await hold.promise;
      signals.push(attempt.signal);
    },
    { signal: controller.signal },
  );
  await settle();
  controller.abort("enough");
  hold.resolve();
  await settle();
  expect(signals.map(({ aborted, reason }) => [aborted, reason])).toEqual([
    [true, "enough"],
    [true, "enough"],
  ]);
});

test("the order of the steps is the order in which they count", async () => {
  const runtime = virtual();
  const outside = breaker({ consecutiveFailures: 2 });
  const inside = breaker({ consecutiveFailures: 100 });
  const of = policy(outside, retry({ attempts: 3, budget: false }), inside).bind(runtime);
  const asked = outcome(
    of.run(() => {
      throw failure("no_answer");
    }),
  );
  await runtime.advance(1_000);
  expect(await asked).toBe("no_answer");
  expect([outside, inside].map((step) => step.status().circuits[0]?.failures)).toEqual([1, 3]);
  expect(of.status().map(({ kind }) => kind)).toEqual(["breaker", "retry", "breaker"]);
});

test("its events tell what its own operations did; a shared step keeps one state", async () => {
  const runtime = virtual();
  const shared = breaker({ consecutiveFailures: 1 });
  const [one, other] = [policy(shared).bind(runtime), policy(shared).bind(runtime)];
  const events: [string, PolicyEvent["type"]][] = [];
  one.onEvent(({ type }) => events.push(["one", type]));
  other.onEvent(({ type }) => events.push(["other", type]));
  one.onEvent(() => {
    throw new Error("a listener's own failure");
  });
  await outcome(one.run(() => Promise.reject(failure("timeout"))));
  expect(await outcome(other.run(() => 1))).toBe("circuit_open");
  expect(events).toEqual([["one", "breaker"]]);
});

test("one runtime for good: the first use takes the system's, another is refused, and so is a step of another", () => {
  const runtime = virtual();
  const step = retry();
  const of = policy(step).bind(runtime);
  expect(of.bind(runtime)).toBe(of);
  const wrong = expect.objectContaining({ code: "invalid_argument" });
  expect(() => of.bind(virtual(2))).toThrow(wrong);
  expect(() => policy(step).bind(systemRuntime())).toThrow(wrong);
});

test("without a runtime it takes the system's", async () => {
  const of = policy(retry({ base: 1 }), timeout(10_000));
  let calls = 0;
  expect(
    await of.run(() => {
      if (++calls === 1) throw failure();
      return "answer";
    }),
  ).toBe("answer");
  expect(() => of.bind(virtual())).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});

test("what is no policy or no operation is refused", async () => {
  const wrong = expect.objectContaining({ code: "invalid_argument" });
  const step = timeout(1);
  for (const steps of [[], [step, step], [{}], [null], [{ kind: "retry" }], Array.from({ length: 17 }, () => timeout(1))])
    expect(() => policy(...(steps as never[]))).toThrow(wrong);
  for (const ms of [0, -1, Number.NaN, 2 ** 31, "5", undefined]) expect(() => timeout(ms as never)).toThrow(wrong);
  const of = policy(step).bind(virtual());
  const bad = [
    { timeout: 0 },
    { timeout: Number.NaN },
    { key: { peer: 5 } },
    { key: { method: "x".repeat(257) } },
    { key: { instance: "x" } },
    { key: null },
    { deadline: 5 },
    null,
  ];
  for (const options of bad) await expect(of.run(() => 1, options as never)).rejects.toEqual(wrong);
  await expect(of.run(5 as never)).rejects.toEqual(wrong);
});

test("what limits itself gets its options narrowed for each attempt, and as they are when nothing is narrower", async () => {
  const runtime = virtual();
  const of = policy(retry({ base: 10, budget: false }), timeout(500)).bind(runtime) as AgentPolicy;
  const seen: object[] = [];
  const limited = (options: OperationLimits, errors: unknown[] = []): LimitedOperation<number> => ({
    peer: "bob",
    method: "work",
    idempotent: false,
    idempotencyKey: undefined,
    signal: undefined,
    timeout: options.timeout,
    pool: undefined,
    selfLimited: true,
    attempt(attempt, settler) {
      seen.push(attempt.limit(options));
      const error = errors[attempt.number - 1];
      if (error === undefined) settler.resolve(attempt.number);
      else settler.reject(error);
    },
  });
  const frozen = Object.freeze({ timeout: 1_000, mark: 1 });
  const loose = { timeout: 1_000, mark: 2 };
  const short = { timeout: 300 };
  for (const options of [frozen, loose, frozen, short]) expect(await of.execute(limited(options))).toBe(1);
  loose.mark = 3;
  expect(await of.execute(limited(loose))).toBe(1);
  expect(seen).toEqual([{ timeout: 500, mark: 1 }, { timeout: 500, mark: 2 }, { timeout: 500, mark: 1 }, { timeout: 300 }, { timeout: 500, mark: 3 }]);
  expect([seen[2] === seen[0], seen[3] === short]).toEqual([true, true]);

  seen.length = 0;
  const again = of.execute(limited({ timeout: 600, ttl: 400 }, [failure("overloaded", { retryAfter: 200 })]));
  await runtime.advance(1_000);
  expect(await again).toBe(2);
  const [first, second] = seen as { timeout: number; ttl: number }[];
  expect(first).toEqual({ timeout: 500, ttl: 400 });
  expect(second?.timeout).toBeLessThanOrEqual(400);
  expect(second?.ttl).toBeLessThanOrEqual(200);
});
