import { describe, expect, it } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import { createPerformanceMonitor } from "../../../src/observability/monitor/monitor.js";
import { createStage, createTeller } from "./fixtures.js";

describe("the performance monitor", () => {
  it("counts a request at both ends, with its duration and its bytes each way", () => {
    const { monitor, alice } = createStage();
    alice.called("find", { duration: 10, bytes: 120, reply: 40 });
    alice.called("find", { duration: 30, bytes: 80, reply: 60 });
    alice.handled("sum", { peer: "carol", duration: 4, bytes: 90, reply: 30 });
    const { routes, other } = monitor.snapshot();
    expect(other).toBeNull();
    expect(routes).toMatchObject([
      {
        from: "alice",
        to: "bob",
        method: "find",
        type: "request",
        direction: "sent",
        count: 2,
        succeeded: 2,
        failed: 0,
        errorRate: 0,
        errors: {},
        retries: 0,
        bytes: { calls: 200, replies: 100 },
        duration: { count: 2, sum: 40, min: 10, max: 30, mean: 20 },
      },
      { from: "carol", to: "alice", method: "sum", direction: "received", count: 1, bytes: { calls: 90, replies: 30 }, duration: { count: 1, sum: 4 } },
    ]);
  });

  it("counts failures by code, and what each stage of failing is called", () => {
    const { monitor, alice } = createStage();
    alice.called("find");
    for (const code of ["timeout", "timeout", "circuit_open"] as const) alice.message({ what: "failed", direction: "sent", code, duration: 1_000 });
    alice.message({ what: "expired", direction: "received", name: "late" });
    // Its receiver has put it away.
    alice.message({ what: "dead_lettered", direction: "received", name: "late", duration: 3 });
    alice.message({ what: "failed", direction: "received", name: "late", code: "handler_failed", duration: 7 });
    // What a later version may say.
    alice.message({ what: "failed", direction: "received", name: "late", code: "__proto__" as never });
    alice.message({ what: "failed", direction: "received", name: "late" });
    const [find, late] = monitor.snapshot().routes;
    expect(find).toMatchObject({ count: 4, failed: 3, errorRate: 0.75, errors: { circuit_open: 1, timeout: 2 }, duration: { count: 4, max: 1_000 } });
    expect(Object.keys(find?.errors ?? {})).toEqual(["circuit_open", "timeout"]);
    expect(late).toMatchObject({ count: 5, failed: 5, errors: { "(other)": 2, dead_lettered: 1, expired: 1, handler_failed: 1 } });
  });

  it("keeps types apart: what nobody answers ends when the peer's agent has it", () => {
    const { monitor, alice } = createStage();
    for (const type of ["request", "notification", "event"] as const) {
      alice.message({ what: "acknowledged", direction: "sent", type, duration: 3 });
      alice.message({ what: "processed", direction: "received", type, duration: 2 });
    }
    alice.message({ what: "answered", direction: "sent", type: "request", duration: 9 });
    const sent = monitor.snapshot().routes.filter(({ direction }) => direction === "sent");
    expect(sent.map(({ type, count, duration }) => [type, count, duration.sum])).toEqual([
      ["event", 1, 3],
      ["notification", 1, 3],
      ["request", 1, 9],
    ]);
    expect(monitor.snapshot().routes).toHaveLength(6);
  });

  it("a message that is confirmed ends when its handler is done, and not before", () => {
    const { monitor, alice } = createStage();
    const confirmed = { direction: "sent", type: "notification", confirmed: true } as const;
    alice.message({ ...confirmed, what: "acknowledged", duration: 1 });
    alice.message({ ...confirmed, what: "processed", duration: 20 });
    alice.message({ ...confirmed, what: "acknowledged", duration: 1 });
    alice.message({ ...confirmed, what: "failed", code: "handler_failed", duration: 30 });
    alice.message({ ...confirmed, type: "stream", what: "acknowledged", confirmed: false });
    alice.message({ ...confirmed, type: "stream", what: "answered", confirmed: false, duration: 70 });
    expect(monitor.snapshot().routes).toMatchObject([
      { type: "notification", count: 2, succeeded: 1, errors: { handler_failed: 1 }, duration: { sum: 50 } },
      { type: "stream", count: 1, succeeded: 1, duration: { sum: 70 } },
    ]);
  });

  it("counts dead letters beside the failures they are of", () => {
    const { monitor, alice } = createStage();
    const letter = { what: "dead_lettered", type: "notification", attempt: 2 } as const;
    alice.message({ what: "failed", direction: "received", code: "handler_failed" });
    alice.message({ ...letter, direction: "received" });
    alice.message({ ...letter, direction: "sent", name: "book", code: "expired" });
    alice.message({ ...letter, direction: "received", name: "made-up", code: "no_handler" });
    alice.emit({ kind: "message", at: 0, id: "", priority: "normal", bytes: 1, peer: { id: "bob", instance: "" }, direction: "received", ...letter });
    const { routes, other } = monitor.snapshot();
    expect(routes.map(({ method, type, count, deadLetters }) => [method, type, count, deadLetters])).toEqual([
      ["book", "notification", 0, 1],
      ["find", "request", 1, 1],
    ]);
    expect(other).toMatchObject({ count: 0, deadLetters: 2 });
  });

  it("counts in one row what has no name", () => {
    const { monitor, alice } = createStage();
    const { kind, at, id, type, priority, bytes, peer } = {
      kind: "message",
      at: 0,
      id: "1",
      type: "request",
      priority: "normal",
      bytes: 9,
      peer: { id: "bob", instance: "i" },
    } as const;
    alice.emit({ kind, at, id, type, priority, bytes, peer, what: "processed", direction: "received" });
    alice.emit({ kind, at, id, type: "response", priority, bytes, peer, what: "delivered", direction: "received" });
    expect(monitor.snapshot()).toMatchObject({ routes: [], other: { count: 1, bytes: { calls: 9, replies: 9 } } });
  });

  it("counts what was tried again", () => {
    const { monitor, alice } = createStage();
    alice.called("find");
    alice.retry({});
    alice.retry({ what: "moved" });
    alice.retry({ what: "refused" });
    alice.retry({ method: "fresh" });
    alice.message({ what: "processed", direction: "sent", type: "notification", name: "book", durable: true, confirmed: true });
    alice.retry({ method: "book" });
    alice.message({ what: "processed", direction: "received", type: "notification", name: "book", durable: true, attempt: 3 });
    expect(monitor.snapshot().routes.map(({ method, direction, count, retries }) => [method, direction, count, retries])).toEqual([
      ["book", "sent", 1, 1],
      ["find", "sent", 1, 2],
      ["fresh", "sent", 0, 1],
      ["book", "received", 1, 1],
    ]);
  });

  it("tells rates over its windows", () => {
    const { monitor, alice, runtime } = createStage();
    for (let second = 0; second < 120; second++) {
      alice.called("find");
      if (second % 2 === 0) alice.message({ what: "failed", direction: "sent", code: "timeout" });
      runtime.advanceSync(1_000);
    }
    const [{ rate, failureRate }] = monitor.snapshot().routes as never as [{ rate: { minute: number; fiveMinutes: number }; failureRate: { minute: number } }];
    expect(rate.minute).toBeCloseTo(1.5, 1);
    expect(rate.fiveMinutes).toBeCloseTo(1.5, 1);
    expect(failureRate.minute).toBeCloseTo(0.5, 1);
  });

  it("leaves alone what is no message, and what an agent says after it is watched no more", () => {
    const { monitor, alice, stop } = createStage();
    alice.emit({ kind: "agent", at: 0, what: "opened" });
    alice.emit({ kind: "security", at: 0, what: "forged", reason: "auth", count: 3 });
    for (const what of ["queued", "sealed", "sent", "delivered"] as const) alice.message({ what, direction: "sent" });
    stop();
    stop();
    alice.called("find");
    expect(monitor.snapshot().routes).toEqual([]);
    const again = monitor.watch(alice);
    stop();
    alice.called("find");
    expect(monitor.snapshot().routes).toHaveLength(1);
    again();
  });

  it("does not count an agent twice, and watches several", () => {
    const { monitor, alice } = createStage();
    expect(() => monitor.watch(alice)).toThrow(TightbeamError);
    const carol = createTeller("carol");
    monitor.watch(carol);
    alice.called("find");
    carol.called("find");
    expect(monitor.snapshot().routes.map(({ from }) => from)).toEqual(["alice", "carol"]);
  });

  it("forgets with reset", () => {
    const { monitor, alice, runtime } = createStage();
    const { since } = monitor.snapshot();
    alice.called("find");
    runtime.advanceSync(5_000);
    monitor.reset();
    expect(monitor.snapshot()).toMatchObject({ routes: [], other: null, since: since + 5_000 });
    alice.called("find");
    expect(monitor.snapshot().routes).toMatchObject([{ count: 1 }]);
  });

  it("gives plain data that JSON does not change, whatever the routes are called", () => {
    const { monitor, alice } = createStage({ routesMax: 8 });
    for (const method of ["__proto__", "constructor", "toString", '"\n', "ж"]) alice.called(method, { peer: method });
    for (let i = 0; i < 9; i++) alice.called(`m${i}`);
    const snapshot = monitor.snapshot();
    expect(snapshot.routes).toHaveLength(8);
    expect(snapshot.other?.count).toBe(6);
    expect(JSON.parse(JSON.stringify(snapshot))).toStrictEqual(snapshot);
    expect(({} as { count?: unknown }).count).toBeUndefined();
  });

  it("lets an agent go when it has closed, and keeps what it counted", () => {
    const { monitor, alice, stop } = createStage();
    alice.called("find");
    alice.emit({ kind: "agent", at: 0, what: "closed" });
    alice.called("find");
    expect(monitor.snapshot().routes).toMatchObject([{ count: 1 }]);
    stop();
    monitor.watch(alice);
  });

  it.each([{ routeMax: 5 }, { store: "here" }, { storeKey: "secret" }, null, [], "x"])("refuses %j", (options) => {
    expect(() => createPerformanceMonitor(options as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it.each([0, -1, 1.5, 10_001, Number.NaN, "5"])("refuses routesMax %j", (routesMax) => {
    expect(() => createPerformanceMonitor({ routesMax: routesMax as number })).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});

describe("[TM-219] a peer cannot grow the table of routes", () => {
  it("10,000 made-up methods that nobody serves make no row", () => {
    const { monitor, alice } = createStage();
    for (let i = 0; i < 10_000; i++) alice.refused(`made-up-${i}`, i % 2 === 0 ? "no_handler" : "forbidden", { peer: "mallory" });
    const { routes, other } = monitor.snapshot();
    expect(routes).toEqual([]);
    expect(other).toMatchObject({
      count: 10_000,
      failed: 10_000,
      errors: { forbidden: 5_000, no_handler: 5_000 },
      bytes: { calls: 1_000_000, replies: 500_000 },
    });
  });

  it.each(["rate_limited", "overloaded", "expired", "too_large", "unsupported_version", "invalid_envelope", "idempotency_conflict"] as const)(
    "nor does what is refused before its name is looked at: %s",
    (code) => {
      const { monitor, alice } = createStage();
      for (let i = 0; i < 100; i++) {
        const message = { direction: "received", name: `made-up-${i}`, peer: "mallory" } as const;
        alice.message({ ...message, what: "delivered" });
        alice.message({ ...message, what: code === "expired" ? "expired" : "failed", code, duration: 0 });
      }
      expect(monitor.snapshot()).toMatchObject({ routes: [], other: { count: 100, errors: { [code]: 100 } } });
    },
  );

  it("where a fallback serves whatever is asked, it gets a quarter of the rows, all peers three quarters, and the agent's own calls their place", () => {
    const { monitor, alice } = createStage({ routesMax: 100 });
    for (let i = 0; i < 10_000; i++) alice.handled(`made-up-${i}`, { peer: "mallory" });
    expect(monitor.snapshot().routes).toHaveLength(25);
    for (let i = 0; i < 10_000; i++) alice.handled("any", { peer: `sybil-${i}` });
    expect(monitor.snapshot().routes).toHaveLength(75);
    for (let i = 0; i < 1_000; i++) alice.called(`own-${i}`);
    const { routes, other } = monitor.snapshot();
    expect(routes).toHaveLength(100);
    expect(routes.filter(({ direction }) => direction === "sent")).toHaveLength(25);
    const counted = routes.reduce((sum, { count }) => sum + count, 0) + (other?.count ?? 0);
    expect(counted).toBe(21_000);
    const bytes = [...routes, other].reduce((sum, row) => sum + (row?.bytes.calls ?? 0) + (row?.bytes.replies ?? 0), 0);
    expect(bytes).toBe(21_000 * 150);
  });

  it("a row that was made stays, and a refused call of its method counts there", () => {
    const { monitor, alice } = createStage();
    alice.handled("find");
    alice.refused("find", "forbidden");
    expect(monitor.snapshot()).toMatchObject({ routes: [{ method: "find", count: 2, errors: { forbidden: 1 } }], other: null });
  });
});
