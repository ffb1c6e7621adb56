/*
 * Compared with cockatiel on the same schedules, as far as the two mean the same. They differ, on purpose, in this:
 * - A half-open circuit of ours refuses what is no probe; cockatiel's lets it wait for the probe. So calls come one after the other here.
 * - What a call brings that began before the last change of state counts in cockatiel, and not with us.
 * - A rate of cockatiel's is exceeded, ours is reached: the rates here are met exactly by no number of calls.
 * - A probe that closes the circuit is the first call of cockatiel's new window; ours begins empty. Here ours is given one success more.
 * - cockatiel's windows of time move on by one for each call, however long nobody called; ours by the clock. Here somebody calls every second.
 * - A call that leaves cockatiel's queue by its signal keeps its place in it until its turn; ours frees it at once. None is aborted here.
 * - Ours reads the monotonic clock, cockatiel `Date`: setting the clock moves its circuits, which is not compared.
 */
import {
  CircuitState,
  ConsecutiveBreaker,
  ConstantBackoff,
  CountBreaker,
  circuitBreaker,
  handleAll,
  handleWhen,
  type IBreaker,
  SamplingBreaker,
  bulkhead as theirBulkhead,
  retry as theirRetry,
} from "cockatiel";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type BreakerOptions, breaker, bulkhead, policy, retry } from "../../src/resilience/index.js";
import { clockwork, held, settle, virtual } from "./world.js";

const begin = 1_750_000_000_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

type Step = { readonly wait: number; readonly failed: boolean };

const stateNames = { [CircuitState.Closed]: "closed", [CircuitState.Open]: "open", [CircuitState.HalfOpen]: "half_open", [CircuitState.Isolated]: "held" };

/** Both circuits on one schedule: after each call whether it was made, and the state. */
async function compare(options: BreakerOptions, theirs: IBreaker, steps: readonly Step[], alignProbe: boolean): Promise<number> {
  vi.setSystemTime(begin);
  const { runtime, at } = clockwork(begin);
  const openFor = 5_000;
  const own = breaker({ ...options, openFor, openForMax: openFor, isFailure: () => true });
  const ours = policy(own).bind(runtime);
  const other = circuitBreaker(handleAll, { halfOpenAfter: openFor, breaker: theirs });
  let opened = 0;
  own.onEvent(({ to }) => {
    if (to === "open") opened++;
  });
  const made = async (run: (call: () => unknown) => Promise<unknown>, failed: boolean): Promise<boolean> => {
    let called = false;
    const call = (): void => {
      called = true;
      if (failed) throw new Error("made to fail");
    };
    await run(call).catch(() => undefined);
    return called;
  };
  for (const { wait, failed } of steps) {
    at.monotonic += wait;
    vi.setSystemTime(at.monotonic);
    const before = own.status().circuits[0]?.state;
    const mine = [await made((call) => ours.run(call), failed), own.status().circuits[0]?.state];
    const oracle = [await made((call) => other.execute(call), failed), stateNames[other.state]];
    expect(mine).toEqual(oracle);
    if (alignProbe && before === "open" && mine[1] === "closed") await made((call) => ours.run(call), false);
  }
  return opened;
}

const steps = (waits: fc.Arbitrary<number>) => fc.array(fc.record({ wait: waits, failed: fc.boolean() }), { minLength: 20, maxLength: 120 });
/** About as many failures as make the difference, over several windows. */
const nearly = (waits: fc.Arbitrary<number>) =>
  fc
    .tuple(fc.integer({ min: 20, max: 70 }), fc.array(fc.record({ wait: waits, of: fc.nat(99) }), { minLength: 100, maxLength: 250 }))
    .map(([percent, calls]) => calls.map(({ wait, of }) => ({ wait, failed: of < percent })));
const rates = fc.constantFrom(0.317, 0.503, 0.711);

test("failures in a row, as ConsecutiveBreaker has it", async () => {
  let opened = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), steps(fc.constantFrom(0, 1, 100, 2_500, 4_999, 5_000, 9_000)), async (n, schedule) => {
      opened += await compare({ consecutiveFailures: n, failureRate: false }, new ConsecutiveBreaker(n), schedule, false);
    }),
    { numRuns: 150 },
  );
  expect(opened).toBeGreaterThan(100);
});

test("a rate of the last calls, as CountBreaker has it", async () => {
  let opened = 0;
  await fc.assert(
    fc.asyncProperty(rates, fc.integer({ min: 1, max: 20 }), fc.nat(15), steps(fc.constantFrom(0, 100, 5_000)), async (rate, least, more, schedule) => {
      const size = least + more;
      const theirs = new CountBreaker({ threshold: rate, size, minimumNumberOfCalls: least });
      opened += await compare({ consecutiveFailures: false, failureRate: rate, minimumCalls: least, window: { calls: size } }, theirs, schedule, true);
    }),
    { numRuns: 150 },
  );
  expect(opened).toBeGreaterThan(100);
});

test("a rate within a time, as SamplingBreaker has it", async () => {
  let opened = 0;
  await fc.assert(
    fc.asyncProperty(rates, fc.integer({ min: 1, max: 20 }), nearly(fc.constantFrom(0, 0, 1_000)), async (rate, least, schedule) => {
      const theirs = new SamplingBreaker({ threshold: rate, duration: 10_000, minimumRps: least / 10 });
      opened += await compare({ consecutiveFailures: false, failureRate: rate, minimumCalls: least, window: { ms: 10_000 } }, theirs, schedule, true);
    }),
    { numRuns: 150 },
  );
  expect(opened).toBeGreaterThan(50);
});

test("how often is tried, and what comes of it, as its retry has it", async () => {
  const outcomes = fc.array(fc.constantFrom("ok", "again", "final"), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 8 }), outcomes, async (attempts, script) => {
      const again = (error: unknown): boolean => (error as Error).message === "again";
      const play = () => {
        const seen = { calls: 0 };
        const call = (): string => {
          const what = script[Math.min(seen.calls++, script.length - 1)] as string;
          if (what === "ok") return what;
          throw new Error(what);
        };
        return { seen, call };
      };
      const [mine, theirs] = [play(), play()];
      const runtime = virtual();
      const one = policy(retry({ attempts, base: 0, cap: 0, budget: false, retryable: again })).bind(runtime);
      const other = theirRetry(handleWhen(again), { maxAttempts: attempts - 1, backoff: new ConstantBackoff(0) });
      const both = Promise.all([one.run(mine.call), other.execute(theirs.call)].map((run) => run.catch((error: unknown) => (error as Error).message)));
      await runtime.advance(1);
      await vi.runAllTimersAsync();
      const [ours, oracle] = await both;
      expect([ours, mine.seen.calls]).toEqual([oracle, theirs.seen.calls]);
    }),
    { numRuns: 100 },
  );
});

test("who gets in, who waits and who begins next, as its bulkhead has it", async () => {
  const actions = fc.array(fc.oneof(fc.constant(-1), fc.nat(100)), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.nat(4), actions, async (concurrent, queue, script) => {
      const one = policy(bulkhead({ concurrent, queue })).bind(virtual());
      const other = theirBulkhead(concurrent, queue);
      const side = (start: (call: () => Promise<void>) => Promise<unknown>) => {
        const began: number[] = [];
        const refused: number[] = [];
        const holds = new Map<number, ReturnType<typeof held<void>>>();
        return {
          began,
          refused,
          add(n: number) {
            const call = (): Promise<void> => {
              began.push(n);
              const hold = held<void>();
              holds.set(n, hold);
              return hold.promise;
            };
            start(call).catch(() => refused.push(n));
          },
          finish(which: number) {
            const n = [...holds.keys()][which % Math.max(holds.size, 1)];
            if (n === undefined) return;
            holds.get(n)?.resolve();
            holds.delete(n);
          },
        };
      };
      const sides = [side((call) => one.run(call)), side((call) => other.execute(call))] as const;
      for (const [n, action] of script.entries()) {
        for (const each of sides) {
          if (action < 0) each.add(n);
          else each.finish(action);
        }
        await settle();
        expect([sides[0].began, sides[0].refused]).toEqual([sides[1].began, sides[1].refused]);
      }
    }),
    { numRuns: 150 },
  );
});
