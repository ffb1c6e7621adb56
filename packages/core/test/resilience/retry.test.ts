import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ErrorCode, errorCodes, TightbeamError } from "../../src/errors.js";
import { fraction, fullJitter } from "../../src/resilience/backoff.js";
import { type CallPolicy, policy, type RetryOptions, retry, timeout } from "../../src/resilience/index.js";
import { RetryAccounts } from "../../src/resilience/retry-budget.js";
import { failure, outcome, settle, virtual, watch } from "./world.js";

function world(options: RetryOptions = {}, seed = 1) {
  const runtime = virtual(seed);
  const step = retry({ budget: false, ...options });
  const of: CallPolicy = policy(step).bind(runtime);
  const starts: number[] = [];
  const events: unknown[] = [];
  of.onEvent((event) => events.push(event));
  /** Fails with each of these in turn, then succeeds. */
  const failing = (...errors: unknown[]) => {
    let calls = 0;
    return () => {
      starts.push(runtime.now);
      const error = errors[calls++];
      if (error !== undefined) throw error;
      return calls;
    };
  };
  return { runtime, step, of, starts, events, failing };
}

describe("what is tried again", () => {
  const untouched: readonly ErrorCode[] = [
    "overloaded",
    "rate_limited",
    "expired",
    "undelivered",
    "no_answer",
    "unavailable",
    "handshake_failed",
    "circuit_open",
  ];

  test.each(Object.entries(errorCodes))("%s: once, unless it may pass and nothing was done", async (name, { retryable }) => {
    const code = name as ErrorCode;
    for (const idempotent of [false, true]) {
      const { runtime, of, failing, starts } = world();
      const asked = outcome(of.run(failing(failure(code)), { idempotent }));
      await runtime.advance(60_000);
      const nothingDone = [...untouched, "issuer_unavailable", "expired_token", "link_state_lost", "store_locked", "store_full"].includes(code);
      const again = retryable && (idempotent || nothingDone);
      expect([await asked, starts.length]).toEqual(again ? ["ok", 2] : [code, 1]);
    }
  });

  test("what a handler threw came after the handler had run: of errors that crossed the wire only refusals are tried again (G-97)", async () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) {
      const { runtime, of, failing, starts } = world();
      void outcome(of.run(failing(failure(code, { id: "from-the-peer" }))));
      await runtime.advance(60_000);
      expect([code, starts.length]).toEqual([code, ["overloaded", "rate_limited", "expired"].includes(code) ? 2 : 1]);
    }
  });

  test("`retryable` of the application widens what is tried again, and never past an outcome that is open", async () => {
    const always = { retryable: () => true };
    for (const [error, idempotent, tries] of [
      [new Error("theirs"), false, 2],
      [failure("forbidden"), false, 2],
      [failure("timeout"), false, 1],
      [failure("delivery_unknown"), false, 1],
      [failure("timeout"), true, 2],
    ] as const) {
      const { runtime, of, failing, starts } = world(always);
      void outcome(of.run(failing(error), { idempotent }));
      await runtime.advance(60_000);
      expect(starts).toHaveLength(tries);
    }
  });

  test("foreign errors are not, nor is anything that `retryable` refuses, answers oddly or throws at", async () => {
    const odd: RetryOptions[] = [{}, { retryable: () => false }, { retryable: () => "yes" as never }, { retryable: () => Promise.resolve(true) as never }];
    odd.push({
      retryable: () => {
        throw new Error("broken");
      },
    });
    for (const [index, options] of odd.entries()) {
      const { runtime, of, failing, starts } = world(options);
      const asked = outcome(of.run(failing(index === 0 ? new Error("foreign") : failure())));
      await runtime.advance(60_000);
      expect([await asked, starts.length]).toEqual([index === 0 ? "Error: foreign" : "overloaded", 1]);
    }
  });

  test("undefined is an error like others, and what an operation throws at once counts as its failure", async () => {
    const { of } = world();
    await expect(of.run(() => Promise.reject(undefined))).rejects.toBeUndefined();
    await expect(
      of.run(() => {
        throw failure("internal");
      }),
    ).rejects.toMatchObject({ code: "internal" });
  });
});

describe("how often and when", () => {
  test("as often as `attempts` says, and the last error is what it rejects with", async () => {
    for (const attempts of [1, 2, 5]) {
      const { runtime, of, failing, starts, step } = world({ attempts });
      const errors = Array.from({ length: 10 }, (_, i) => failure("overloaded", { retryAfter: i }));
      const asked = watch(of.run(failing(...errors)));
      await runtime.advance(100_000);
      expect(starts).toHaveLength(attempts);
      expect(asked.seen).toEqual({ ok: false, error: errors[attempts - 1] });
      expect(step.status()).toEqual({ kind: "retry", calls: 1, retries: attempts - 1, gaveUp: { attempts: 1, budget: 0, deadline: 0 } });
    }
  });

  test("property: each delay is a random part of base * 2^n, at most cap, and on top of the believed part of retryAfter", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.integer({ min: 1, max: 1_000 }),
        (seed, base, cap, n) => {
          const delay = fullJitter(virtual(seed).random, base, cap, n);
          expect(delay).toBeGreaterThanOrEqual(0);
          expect(delay).toBeLessThanOrEqual(Math.min(cap, base * 2 ** (n - 1)));
        },
      ),
    );
    const { random } = virtual(7);
    const parts = Array.from({ length: 4_000 }, () => fraction(random));
    expect(Math.max(...parts)).toBeLessThan(1);
    for (let tenth = 0; tenth < 10; tenth++) expect(parts.filter((part) => Math.floor(part * 10) === tenth).length).toBeGreaterThan(300);
  });

  test("events say when, and the attempts begin then", async () => {
    const { runtime, of, failing, starts, events } = world({ attempts: 4, base: 100, cap: 150 });
    const error = failure("undelivered");
    void of.run(failing(error, error, error), { key: { peer: "bob", method: "work" } });
    await runtime.advance(10_000);
    const delays = events.map((event) => (event as { delay: number }).delay);
    expect(events).toMatchObject([2, 3, 4].map((attempt) => ({ type: "retried", peer: "bob", method: "work", attempt, error })));
    expect(delays.every((delay, i) => delay >= 0 && delay < ([100, 150, 150][i] ?? 0))).toBe(true);
    for (const [i, delay] of delays.entries()) expect((starts[i + 1] as number) - (starts[i] as number)).toBeCloseTo(delay, 6);
  });

  test("retryAfter is waited for, but a peer that asks for days is believed as far as `retryAfterMax` (TM-175)", async () => {
    for (const [said, from, to] of [
      [2_000, 2_000, 2_100],
      [2 ** 32, 5_000, 5_100],
      [Number.POSITIVE_INFINITY, 5_000, 5_100],
      [Number.NaN, 0, 100],
      [-5, 0, 100],
      ["60000" as unknown as number, 0, 100],
    ] as const) {
      const { runtime, of, failing, starts } = world({ retryAfterMax: 5_000 });
      void of.run(failing(failure("overloaded", { retryAfter: said, id: "x" })));
      await runtime.advance(10_000);
      expect(starts).toHaveLength(2);
      expect(starts[1]).toBeGreaterThanOrEqual(from);
      expect(starts[1]).toBeLessThanOrEqual(to);
    }
  });

  test("no attempt begins past the operation's time, and none is slept for in vain: it gives up at once", async () => {
    const { runtime, of, failing, step } = world();
    const asked = watch(of.run(failing(failure("overloaded", { retryAfter: 3_000 })), { timeout: 2_000 }));
    await settle();
    expect(asked.seen).toMatchObject({ ok: false, error: { code: "overloaded" } });
    expect(runtime.now).toBe(0);
    expect(step.status().gaveUp.deadline).toBe(1);
  });

  test("a limit inside is for each attempt, one outside for all of them", async () => {
    const runtime = virtual();
    const slow = policy(timeout(1_000), retry({ attempts: 10, budget: false, base: 0 }), timeout(300)).bind(runtime);
    const signals: AbortSignal[] = [];
    const limits: (number | undefined)[] = [];
    const asked = watch(
      slow.run(
        ({ signal, timeout: ms }) => {
          signals.push(signal);
          limits.push(ms);
          return new Promise(() => undefined);
        },
        { idempotent: true },
      ),
    );
    await runtime.advance(999);
    expect(asked.seen).toBeUndefined();
    await runtime.advance(1);
    expect(asked.seen).toMatchObject({ ok: false, error: { code: "timeout" } });
    expect(limits).toEqual([300, 300, 300, 100]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true, true]);
  });

  test("the signal ends a wait at once, and an attempt that never began is not begun", async () => {
    const { runtime, of, failing, starts } = world();
    const controller = new AbortController();
    const asked = watch(of.run(failing(failure("overloaded", { retryAfter: 5_000 })), { signal: controller.signal }));
    await runtime.advance(100);
    controller.abort("enough");
    await settle();
    expect(asked.seen).toMatchObject({ ok: false, error: { code: "cancelled", cause: "enough" } });
    const late = watch(of.run(failing(), { signal: controller.signal }));
    await runtime.advance(10_000);
    expect(late.seen).toMatchObject({ ok: false, error: { code: "cancelled" } });
    expect(starts).toHaveLength(1);
  });

  test("it says that nothing was done only when that is true of every attempt (G-98)", async () => {
    const { runtime, of, failing } = world({ attempts: 2 });
    const last = failure("overloaded");
    const asked = watch(of.run(failing(failure("timeout"), last), { idempotent: true }));
    await runtime.advance(1_000);
    expect(asked.seen).toMatchObject({ ok: false, error: { code: "delivery_unknown", cause: last } });

    const controller = new AbortController();
    const stopped = watch(of.run(failing(failure("timeout", { retryAfter: 1_000 })), { idempotent: true, signal: controller.signal }));
    await settle();
    controller.abort();
    await settle();
    expect(stopped.seen).toMatchObject({ ok: false, error: { code: "delivery_unknown", cause: { code: "cancelled" } } });

    const told = watch(of.run(failing(failure("timeout"), failure("handler_failed")), { idempotent: true }));
    await runtime.advance(1_000);
    expect(told.seen).toMatchObject({ ok: false, error: { code: "handler_failed" } });
  });
});

describe("the budget", () => {
  test("when everything fails, retries add a tenth to the calls, once what was saved up is used (G-99)", async () => {
    const runtime = virtual();
    const step = retry({ base: 1, cap: 1, budget: { perSecond: 0 } });
    const of = policy(step).bind(runtime);
    const refused: unknown[] = [];
    of.onEvent((event) => event.type === "retry_refused" && refused.push(event));
    let calls = 0;
    for (let i = 0; i < 1_000; i++) {
      const asked = outcome(
        of.run(
          () => {
            calls++;
            throw failure("unavailable");
          },
          { key: { peer: "bob", method: "work" } },
        ),
      );
      await runtime.advance(3);
      expect(await asked).toBe("unavailable");
    }
    expect(calls).toBeGreaterThan(1_000 + 90);
    expect(calls).toBeLessThanOrEqual(1_000 + 10 + 100);
    const { gaveUp, retries } = step.status();
    expect(retries).toBe(calls - 1_000);
    expect(gaveUp.budget).toBe(refused.length);
    expect(refused[0]).toMatchObject({ peer: "bob", method: "work", error: { code: "unavailable" } });
  }, 60_000);

  test("one peer's failures leave the others theirs (TM-176)", () => {
    const accounts = new RetryAccounts({ ratio: 0, perSecond: 0, burst: 2 });
    expect([1, 2, 3].map(() => accounts.take("bob", 0))).toEqual([true, true, false]);
    expect(accounts.take("carol", 0)).toBe(true);
  });

  test("property: in any time, at most burst + perSecond a second + ratio an operation", () => {
    const steps = fc.array(fc.record({ wait: fc.nat(2_000), calls: fc.nat(20), tries: fc.nat(30) }), { maxLength: 60 });
    fc.assert(
      fc.property(
        steps,
        fc.double({ min: 0, max: 2, noNaN: true }),
        fc.double({ min: 0, max: 20, noNaN: true }),
        fc.nat(20),
        (schedule, ratio, perSecond, burst) => {
          const accounts = new RetryAccounts({ ratio, perSecond, burst });
          let [now, made, taken] = [1_000, 0, 0];
          for (const { wait, calls, tries } of schedule) {
            now += wait;
            for (let i = 0; i < calls; i++, made++) accounts.earn("bob", now);
            for (let i = 0; i < tries; i++) if (accounts.take("bob", now)) taken++;
            expect(taken).toBeLessThanOrEqual(burst + (perSecond * (now - 1_000)) / 1_000 + ratio * made + 1e-3);
          }
        },
      ),
    );
  });

  test("a clock that goes back gives nothing, and the table is bounded: full accounts are forgotten first, then the oldest", () => {
    const accounts = new RetryAccounts({ ratio: 0.1, perSecond: 1, burst: 1 });
    expect(accounts.take("bob", 10_000)).toBe(true);
    expect(accounts.take("bob", 5_000)).toBe(false);
    for (let i = 0; i < 30_000; i++) accounts.take(`peer${i}`, 10_000);
    expect(accounts.size).toBeLessThanOrEqual(10_000);
    accounts.earn("carol", 60_000);
    for (let i = 0; i < 10_000; i++) accounts.earn(`late${i}`, 60_000);
    expect(accounts.size).toBeLessThanOrEqual(10_000);
  });
});

test("after an outage clients spread out: no instant gets more than a small part of those that failed together", async () => {
  const clients = 2_000;
  const width = 100;
  const perSlot = (jitter: boolean) => {
    const slots = new Map<number, number>();
    for (let client = 0; client < clients; client++) {
      const { random } = virtual(client * 7_919 + 1);
      let at = 0;
      // Down for 5 s from the instant at which all of them failed first.
      for (let n = 1; at < 5_000; n++) at += jitter ? fullJitter(random, 100, 10_000, n) : Math.min(10_000, 100 * 2 ** (n - 1));
      const slot = Math.floor(at / width);
      slots.set(slot, (slots.get(slot) ?? 0) + 1);
    }
    return { most: Math.max(...slots.values()), slots: slots.size };
  };
  expect(perSlot(false).most).toBe(clients);
  const spread = perSlot(true);
  expect(spread.most).toBeLessThan(clients / 20);
  expect(spread.slots).toBeGreaterThan(50);
});

test.each([
  [{ attempts: 0 }],
  [{ attempts: 1.5 }],
  [{ attempts: 1_001 }],
  [{ attempts: "3" }],
  [{ base: -1 }],
  [{ base: Number.NaN }],
  [{ cap: Number.POSITIVE_INFINITY }],
  [{ base: 100, cap: 1 }],
  [{ retryAfterMax: -1 }],
  [{ retryable: true }],
  [{ budget: true }],
  [{ budget: null }],
  [{ budget: { ratio: -1 } }],
  [{ budget: { perSecond: Number.NaN } }],
  [{ budget: { burst: Number.POSITIVE_INFINITY } }],
  [{ budget: { percent: 10 } }],
  [{ retries: 3 }],
  [null],
])("retry(%j) is refused", (options) => {
  expect(() => retry(options as never)).toThrow(TightbeamError);
  expect(() => retry(options as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});
