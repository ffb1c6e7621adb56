import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ErrorCode, errorCodes } from "../../src/errors.js";
import * as limits from "../../src/limits.js";
import { type Breaker, type BreakerEvent, type BreakerOptions, breaker, policy, retry, timeout } from "../../src/resilience/index.js";
import { createWindow } from "../../src/resilience/window.js";
import { clockwork, failure, held, outcome, settle, virtual, watch } from "./world.js";

function world(options: BreakerOptions = {}) {
  const { runtime, at } = clockwork();
  const step: Breaker = breaker(options);
  const of = policy(step).bind(runtime);
  const events: BreakerEvent[] = [];
  step.onEvent((event) => events.push(event));
  const call = (error?: unknown, peer = "bob", method = "work") =>
    outcome(of.run(() => (error === undefined ? Promise.resolve() : Promise.reject(error)), { key: { peer, method } }));
  const ok = (peer?: string, method?: string) => call(undefined, peer, method);
  const fail = (peer?: string, method?: string) => call(failure("timeout"), peer, method);
  const state = (peer = "bob", method = "work") => step.status().circuits.find((each) => each.peer === peer && each.method === method)?.state;
  return { at, step, of, events, call, ok, fail, state };
}

describe("closed, open, half open", () => {
  test("so many failures in a row open it, one success begins the row anew", async () => {
    const { fail, ok, state, events, step } = world({ consecutiveFailures: 3, failureRate: false });
    for (let i = 0; i < 10; i++) for (const run of [fail, fail, ok]) await run();
    expect(state()).toBe("closed");
    for (let i = 0; i < 3; i++) await fail();
    expect(state()).toBe("open");
    expect(events).toEqual([{ type: "breaker", peer: "bob", method: "work", from: "closed", to: "open", reason: "consecutive_failures", retryAfter: 10_000 }]);
    expect(await ok()).toBe("circuit_open");
    expect(step.status()).toMatchObject({ refused: 1, unwatched: 0 });
  });

  test("a rate of failures opens it, from so many calls on, and with a failure only", async () => {
    const { fail, ok, state, events } = world({ consecutiveFailures: false, failureRate: 0.5, minimumCalls: 4, window: { calls: 10 } });
    for (const run of [fail, fail, ok, ok]) await run();
    expect(state()).toBe("closed");
    await fail();
    expect(events).toMatchObject([{ to: "open", reason: "failure_rate" }]);
  });

  test("it says how long to wait, lets one probe through then, and closes or opens with it", async () => {
    const { at, of, fail, ok, state, events } = world({ consecutiveFailures: 1, openFor: 1_000, openForMax: 1_000 });
    await fail();
    at.monotonic = 400.3; // The wait is told in whole ms, rounded up.
    await expect(of.run(() => 1, { key: { peer: "bob", method: "work" } })).rejects.toMatchObject({ code: "circuit_open", retryAfter: 600, retryable: true });
    at.monotonic = 1_000;
    expect(await fail()).toBe("timeout");
    expect([state(), await ok()]).toEqual(["open", "circuit_open"]);
    at.monotonic = 2_000;
    expect(await ok()).toBe("ok");
    expect(state()).toBe("closed");
    expect(events.map(({ to, reason }) => [to, reason])).toEqual([
      ["open", "consecutive_failures"],
      ["half_open", "time"],
      ["open", "probe_failed"],
      ["half_open", "time"],
      ["closed", "probes_succeeded"],
    ]);
  });

  test("of many that come at once when its time is over, only the probes pass; all of them must succeed", async () => {
    const { at, of, fail, state } = world({ consecutiveFailures: 1, openFor: 1_000, halfOpenProbes: 3 });
    await fail();
    at.monotonic = 1_000;
    const calls = Array.from({ length: 50 }, () => held<void>());
    let began = 0;
    const asked = calls.map(({ promise }) =>
      outcome(
        of.run(
          () => {
            began++;
            return promise;
          },
          { key: { peer: "bob", method: "work" } },
        ),
      ),
    );
    await settle();
    expect(began).toBe(3);
    calls[0]?.resolve();
    calls[1]?.resolve();
    await settle();
    expect(state()).toBe("half_open");
    expect(await outcome(of.run(() => 1, { key: { peer: "bob", method: "work" } }))).toBe("circuit_open");
    calls[2]?.resolve();
    expect((await Promise.all(asked)).filter((each) => each === "circuit_open")).toHaveLength(47);
    expect(state()).toBe("closed");
  });

  test("one failed probe opens it, whatever the others say afterwards", async () => {
    const { at, of, fail, state } = world({ consecutiveFailures: 1, openFor: 1_000, halfOpenProbes: 2 });
    await fail();
    at.monotonic = 1_000;
    const [a, b] = [held<void>(), held<void>()];
    const asked = [a, b].map(({ promise }) => outcome(of.run(() => promise, { key: { peer: "bob", method: "work" } })));
    await settle();
    a.reject(failure("no_answer"));
    await settle();
    b.resolve();
    await Promise.all(asked);
    expect(state()).toBe("open");
  });

  test("a probe that never settles gives its place up after `openFor`, and counts no more when it does", async () => {
    const { at, of, fail, ok, state } = world({ consecutiveFailures: 1, openFor: 1_000 });
    await fail();
    at.monotonic = 1_000;
    const lost = held<void>();
    const asked = outcome(of.run(() => lost.promise, { key: { peer: "bob", method: "work" } }));
    await settle();
    at.monotonic = 1_999;
    expect(await ok()).toBe("circuit_open");
    at.monotonic = 2_000;
    const second = held<void>();
    void outcome(of.run(() => second.promise, { key: { peer: "bob", method: "work" } }));
    await settle();
    lost.reject(failure("timeout"));
    await asked;
    expect(state()).toBe("half_open");
    second.resolve();
    await settle();
    expect(state()).toBe("closed");
  });

  test("what a call brings that was let through before the last change counts for nothing", async () => {
    const { at, of, fail, ok, state } = world({ consecutiveFailures: 2, openFor: 1_000 });
    const slow = Array.from({ length: 5 }, () => held<void>());
    const asked = slow.map(({ promise }) => outcome(of.run(() => promise, { key: { peer: "bob", method: "work" } })));
    await fail();
    await fail();
    at.monotonic = 1_000;
    await ok();
    expect(state()).toBe("closed");
    for (const { reject } of slow) reject(failure("timeout"));
    await Promise.all(asked);
    expect(state()).toBe("closed");
  });

  test("flapping: each time it opens again soon it stays open twice as long, up to the most; after a rest it begins anew", async () => {
    const { at, fail, ok, events } = world({ consecutiveFailures: 1, openFor: 1_000, openForMax: 5_000 });
    const times: (number | undefined)[] = [];
    for (let i = 0; i < 5; i++) {
      await fail();
      const { retryAfter = 0 } = events.at(-1) as BreakerEvent;
      times.push(retryAfter);
      at.monotonic += retryAfter;
      // Closed for a moment only.
      await ok();
      at.monotonic += 10;
    }
    expect(times).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
    at.monotonic += 5_000;
    await fail();
    expect(events.at(-1)).toMatchObject({ to: "open", retryAfter: 1_000 });
  });

  test("by hand: open until it is reset, for one, for a peer's method, for all that will come", async () => {
    const { at, step, ok, state, events } = world();
    step.open({ peer: "bob", method: "work" });
    at.monotonic = 1e9;
    expect([await ok(), await ok("bob", "play"), await ok("carol")]).toEqual(["circuit_open", "ok", "ok"]);
    expect(step.status().circuits.find(({ held: byHand }) => byHand)).toMatchObject({ peer: "bob", method: "work", state: "open" });
    step.reset({ peer: "bob", method: "work" });
    expect([await ok(), state()]).toEqual(["ok", "closed"]);
    step.open();
    expect([await ok(), await ok("dave")]).toEqual(["circuit_open", "circuit_open"]);
    step.reset();
    expect([await ok(), await ok("dave")]).toEqual(["ok", "ok"]);
    expect(events.every(({ reason }) => reason === "manual")).toBe(true);
  });

  test("it may be opened by hand before it is first used", async () => {
    const step = breaker();
    step.open({ peer: "bob" });
    step.reset({ peer: "bob" });
    step.open();
    expect(step.status().circuits).toMatchObject([{ peer: "bob" }]);
    expect(
      await outcome(
        policy(step)
          .bind(virtual())
          .run(() => 1),
      ),
    ).toBe("circuit_open");
  });
});

describe("clocks", () => {
  test("setting the wall clock changes nothing, open or closed", async () => {
    const { at, fail, ok, state } = world({ consecutiveFailures: 1, openFor: 1_000 });
    await fail();
    for (const jump of [-86_400_000, 86_400_000, -(2 ** 40)]) {
      at.wall += jump;
      expect([await ok(), state()]).toEqual(["circuit_open", "open"]);
    }
    at.monotonic = 1_000;
    expect(await ok()).toBe("ok");
  });

  test("even a monotonic clock that goes back while it is open does not keep it open longer than `openFor` from then", async () => {
    const { at, fail, ok, of } = world({ consecutiveFailures: 1, openFor: 1_000 });
    at.monotonic = 1_000_000;
    await fail();
    at.monotonic = 5_000;
    await expect(of.run(() => 1, { key: { peer: "bob", method: "work" } })).rejects.toMatchObject({ retryAfter: 1_000 });
    at.monotonic = 6_000;
    expect(await ok()).toBe("ok");
  });
});

describe("what counts", () => {
  const ignored: readonly ErrorCode[] = ["cancelled", "circuit_open", "invalid_argument", "not_serialisable", "too_large", "overloaded", "unavailable"];
  const own = [...ignored, "issuer_unavailable", "store_locked", "store_full", "store_read_only", "store_failed"];
  const answers = ["forbidden", "no_handler", "invalid_input", "unsupported_version", "idempotency_conflict", "rate_limited"];

  test.each(Object.keys(errorCodes) as ErrorCode[])("%s", async (code) => {
    const { call, step } = world({ consecutiveFailures: 2 });
    await call(failure(code));
    const [here] = step.status().circuits;
    const expected = own.includes(code) ? [0, 0] : answers.includes(code) ? [1, 0] : [1, 1];
    expect([here?.calls, here?.failures]).toEqual(expected);
  });

  test("a peer that says it is overloaded fails, one that refuses a call does not", async () => {
    const { call, step } = world();
    await call(failure("overloaded", { id: "x" }));
    await call(failure("unavailable", { id: "x" }));
    for (const code of ["too_large", "cancelled", "forbidden"] as const) await call(failure(code, { id: "x" }));
    expect(step.status().circuits[0]).toMatchObject({ calls: 5, failures: 2 });
  });

  test("what its caller gave up, and what an inner step refused, counts for nothing, and frees a probe's place", async () => {
    const { at, of, fail, state } = world({ consecutiveFailures: 1, openFor: 1_000 });
    await fail();
    at.monotonic = 1_000;
    const controller = new AbortController();
    const lost = held<void>();
    const asked = outcome(of.run(() => lost.promise, { key: { peer: "bob", method: "work" }, signal: controller.signal }));
    await settle();
    controller.abort();
    lost.reject(failure("delivery_unknown"));
    await asked;
    expect(state()).toBe("half_open");
    await outcome(of.run(() => 1, { key: { peer: "bob", method: "work" } }));
    expect(state()).toBe("closed");

    const outer = breaker({ consecutiveFailures: 1 });
    const inner = breaker();
    inner.open();
    const both = policy(outer, inner).bind(virtual());
    expect(await outcome(both.run(() => 1))).toBe("circuit_open");
    expect(outer.status().circuits[0]).toMatchObject({ state: "closed", calls: 0 });
  });

  test("`isFailure` decides otherwise; when it throws, it is a failure", async () => {
    const { call, step } = world({ isFailure: (error) => (error as { code: string }).code === "forbidden" });
    await call(failure("timeout"));
    await call(failure("forbidden"));
    await call(undefined);
    await call(null);
    expect(step.status().circuits[0]).toMatchObject({ calls: 4, failures: 2 });
  });
});

describe("windows", () => {
  test("property: the last calls, as a plain list would have them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.boolean(), { maxLength: 300 }), (size, calls) => {
        const window = createWindow({ calls: size }, 0);
        for (const failed of calls) window.add(failed, 0);
        const last = calls.slice(-size);
        expect([window.calls, window.failures]).toEqual([last.length, last.filter(Boolean).length]);
      }),
    );
  });

  test("property: no call is forgotten before nine tenths of the window, none kept after all of it", () => {
    const call = fc.record({ wait: fc.nat(400), failed: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 2_000 }), fc.nat(1e6), fc.array(call, { maxLength: 200 }), (ms, start, calls) => {
        const window = createWindow({ ms }, start);
        const made: { at: number; failed: boolean }[] = [];
        let now = start;
        for (const { wait, failed } of calls) {
          now += wait;
          window.add(failed, now);
          made.push({ at: now, failed });
          const within = (span: number, only: boolean) => made.filter((each) => now - each.at < span && (!only || each.failed)).length;
          for (const [count, only] of [
            [window.calls, false],
            [window.failures, true],
          ] as const) {
            expect(count).toBeGreaterThanOrEqual(within(ms * 0.9 - 1e-6, only));
            expect(count).toBeLessThanOrEqual(within(ms + 1e-6, only));
          }
        }
      }),
    );
  });

  test("a rate within a time opens on a burst, not on the same failures spread out", async () => {
    const options: BreakerOptions = { consecutiveFailures: false, failureRate: 0.5, minimumCalls: 10, window: { ms: 1_000 } };
    const burst = world(options);
    for (let i = 0; i < 10; i++) await burst.fail();
    expect(burst.state()).toBe("open");
    const spread = world(options);
    for (let i = 0; i < 200; i++) {
      spread.at.monotonic += 150;
      await spread.fail();
    }
    expect(spread.state()).toBe("closed");
  });
});

describe("keys", () => {
  test.each([
    ["method", ["circuit_open", "ok", "ok"]],
    ["peer", ["circuit_open", "circuit_open", "ok"]],
    ["all", ["circuit_open", "circuit_open", "circuit_open"]],
  ] as const)("per %s", async (per, expected) => {
    const { fail, ok } = world({ per, consecutiveFailures: 1 });
    await fail();
    expect([await ok(), await ok("bob", "play"), await ok("carol")]).toEqual(expected);
  });

  test("the table is bounded and forgets what says nothing; what is open it keeps, and tells when it lets go (TM-176)", async () => {
    const { at, step, fail, ok, state, events } = world({ consecutiveFailures: 1, openFor: 60_000 });
    for (let i = 0; i < limits.circuits + 50; i++) await ok(`idle${i}`);
    expect(step.status().circuits.length).toBeLessThanOrEqual(limits.circuits);
    await fail("bob");
    for (let i = 0; i < limits.circuits + 50; i++) await ok(`more${i}`);
    expect(state("bob")).toBe("open");

    step.reset();
    for (let i = 0; i < limits.circuits + 50; i++) await fail(`down${i}`);
    const full = step.status();
    expect(full.circuits.filter((circuit) => circuit.state === "open")).toHaveLength(limits.circuits);
    expect(full.unwatched).toBe(50);
    expect(await ok("somebody")).toBe("ok");
    expect(step.status().unwatched).toBe(51);
    expect(() => step.open({ peer: "another", method: "work" })).toThrow(expect.objectContaining({ code: "overloaded" }));

    events.length = 0;
    at.monotonic += 60_000;
    await ok("somebody");
    expect(step.status().circuits.some(({ peer }) => peer === "somebody")).toBe(true);
    expect(events.filter(({ from, to, reason }) => from === "open" && to === "closed" && reason === "forgotten")).toHaveLength(limits.circuits);
  }, 60_000);

  test("closed ones with failures go by tenths, the oldest first", async () => {
    const { step, fail, ok } = world({ consecutiveFailures: 3, failureRate: false });
    for (let i = 0; i < limits.circuits; i++) await fail(`peer${i}`);
    await ok("new");
    const peers = step.status().circuits.map(({ peer }) => peer);
    expect(peers).toHaveLength(limits.circuits * 0.9 + 1);
    expect([peers.includes("peer0"), peers.includes(`peer${limits.circuits - 1}`), peers.includes("new")]).toEqual([false, true, true]);
  }, 60_000);
});

test("with retry outside, an open circuit is waited for when there is time, and its retryAfter is honoured", async () => {
  const runtime = virtual();
  const step = breaker({ consecutiveFailures: 1, openFor: 2_000 });
  const of = policy(retry({ attempts: 3, base: 10, budget: false }), step, timeout(5_000)).bind(runtime);
  const starts: number[] = [];
  const run = () =>
    of.run(() => {
      starts.push(runtime.now);
      if (starts.length === 1) throw failure("no_answer");
      return "answer";
    });
  const asked = watch(run());
  await runtime.advance(100);
  expect(starts).toHaveLength(1);
  await runtime.advance(3_000);
  expect(asked.seen).toEqual({ ok: true, value: "answer" });
  expect(starts[1]).toBeGreaterThanOrEqual(2_000);
});

test.each([
  [{ consecutiveFailures: 0 }],
  [{ consecutiveFailures: 1.5 }],
  [{ failureRate: 0 }],
  [{ failureRate: 1.1 }],
  [{ failureRate: "0.5" }],
  [{ consecutiveFailures: false, failureRate: false }],
  [{ minimumCalls: 0 }],
  [{ window: {} }],
  [{ window: { calls: 10, ms: 10 } }],
  [{ window: { calls: 10 }, minimumCalls: 11 }],
  [{ window: { calls: 10_001 } }],
  [{ window: { ms: 0 } }],
  [{ window: null }],
  [{ openFor: 0 }],
  [{ openFor: 100, openForMax: 50 }],
  [{ halfOpenProbes: 0 }],
  [{ isFailure: "timeout" }],
  [{ per: "instance" }],
  [{ threshold: 1 }],
  [null],
])("breaker(%j) is refused", (options) => {
  expect(() => breaker(options as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});
