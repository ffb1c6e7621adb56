import { describe, expect, test } from "vitest";
import { traceIdOf } from "../../../src/observability/traces/ids.js";
import { contextOf, createScene, fakeAgent, idOf, requestOf, startMs } from "./fixtures.js";

describe("a trace store", () => {
  test("a request that both sides see is one call, with the stages of both in their order", async () => {
    const scene = await createScene();
    requestOf(scene, idOf(1), { trace: contextOf(7) });
    const trace = await scene.traces.get(contextOf(7).traceId);
    expect(trace).toMatchObject({ traceId: contextOf(7).traceId, status: "completed", startedAt: startMs, lastAt: startMs + 9, more: 0 });
    expect(trace?.calls).toHaveLength(1);
    const [call] = trace?.calls ?? [];
    expect(call).toMatchObject({
      id: idOf(1),
      type: "request",
      from: { id: "alice", instance: "instance" },
      to: { id: "bob", instance: "instance" },
      method: "work",
      bytes: 256,
      replyBytes: 300,
      status: "completed",
      sampled: true,
      duration: 8,
      clockDifference: 0,
      moreStages: 0,
    });
    expect(call?.stages.map(({ stage, side, of }) => `${side} ${stage} ${of}`)).toEqual([
      "from queued call",
      "from sealed call",
      "from sent call",
      "to delivered call",
      "to processed call",
      "to queued reply",
      "to sent reply",
      "from delivered reply",
      "from answered call",
      "to acknowledged reply",
    ]);
    expect(await scene.traces.byMessage(idOf(1))).toEqual(trace);
    expect(await scene.traces.get("0".repeat(32))).toBeUndefined();
    expect(await scene.traces.byMessage(idOf(2))).toBeUndefined();
  });

  test.each([5_000, -5_000])("a receiver's clock that is %i ms ahead changes neither the order nor what is one call, and is noted", async (ahead) => {
    const scene = await createScene({}, ahead);
    requestOf(scene, idOf(1));
    const [call] = (await scene.traces.byMessage(idOf(1)))?.calls ?? [];
    expect(call?.clockDifference).toBeGreaterThanOrEqual(ahead - 4);
    expect(call?.clockDifference).toBeLessThanOrEqual(ahead + 4);
    expect(call?.stages.map(({ stage, of }) => `${of} ${stage}`).slice(2, 6)).toEqual(["call sent", "call delivered", "call processed", "reply queued"]);
    // As its own clock had it.
    expect(call?.stages.find(({ stage }) => stage === "delivered")?.at).toBe(startMs + 3 + ahead);
    expect(call).toMatchObject({ startedAt: startMs, duration: 8 });
  });

  test("calls of three agents make one trace, and each names the call whose handler sent it", async () => {
    const scene = await createScene();
    const { traces, alice, bob } = scene;
    const [first, second] = [contextOf(1), contextOf(1, { spanId: "b".repeat(16), parentSpanId: "a".repeat(16) })];
    alice.tell({ what: "queued", id: idOf(1), trace: first });
    bob.tell({ what: "delivered", direction: "received", id: idOf(1), trace: { ...first, spanId: "a".repeat(16), parentSpanId: first.spanId } });
    bob.tell({ what: "queued", id: idOf(2), trace: second, peer: { id: "carol", instance: "c" } });
    const trace = await traces.get(first.traceId);
    expect(trace?.calls.map(({ id, parent, from, to }) => [id, parent, from.id, to.id])).toEqual([
      [idOf(1), undefined, "alice", "bob"],
      [idOf(2), idOf(1), "bob", "carol"],
    ]);
    expect(trace?.status).toBe("active");
  });

  test("what has no trace is one of its own, under its message's id", async () => {
    const scene = await createScene();
    requestOf(scene, idOf(3));
    expect(await scene.traces.get(traceIdOf(idOf(3)))).toMatchObject({ calls: [{ id: idOf(3) }] });
  });

  test("a notification has ended when its receiver is done with it, or, where nobody watches that one, when it has it", async () => {
    const { traces, alice, bob } = await createScene();
    const notification = { type: "notification", id: idOf(1) } as const;
    const statusOf = async () => (await traces.byMessage(idOf(1)))?.calls[0];
    alice.tell({ ...notification, what: "queued" });
    expect(await statusOf()).toMatchObject({ status: "active" });
    alice.tell({ ...notification, what: "acknowledged", duration: 2.5 });
    expect(await statusOf()).toMatchObject({ status: "completed", duration: 2.5 });
    bob.tell({ ...notification, what: "delivered", direction: "received" });
    expect(await statusOf()).toMatchObject({ status: "active" });
    bob.tell({ ...notification, what: "failed", direction: "received", code: "handler_failed", duration: 4 });
    expect(await statusOf()).toMatchObject({ status: "failed", code: "handler_failed", duration: 4 });
  });

  test("a durable message that failed and then went well is completed; one that is given up is not", async () => {
    const { traces, bob } = await createScene();
    const tries = (number: number, last: "processed" | "dead_lettered") => {
      const message = { type: "notification", id: idOf(number), durable: true, direction: "received" } as const;
      bob.tell({ ...message, what: "delivered", attempt: 1 });
      bob.tell({ ...message, what: "failed", attempt: 1, code: "handler_failed", duration: 1 });
      bob.tell({ ...message, what: "delivered", attempt: 2 });
      if (last === "dead_lettered") bob.tell({ ...message, what: "failed", attempt: 2, code: "handler_failed", duration: 1 });
      bob.tell({ ...message, what: last, attempt: 2, ...(last === "dead_lettered" ? { code: "handler_failed" } : { duration: 3 }) });
    };
    tries(1, "processed");
    tries(2, "dead_lettered");
    expect((await traces.byMessage(idOf(1)))?.calls[0]).toMatchObject({ status: "completed", attempt: 2, duration: 3, durable: true });
    expect((await traces.byMessage(idOf(2)))?.calls[0]).toMatchObject({ status: "dead_lettered", attempt: 2, code: "handler_failed" });
    expect(await traces.statistics({ failed: true })).toMatchObject({ total: 1, failed: 1 });
  });

  test("a caller's word that it waits no longer begins no call", async () => {
    const { traces, alice, bob } = await createScene();
    alice.tell({ what: "queued", id: idOf(1) });
    alice.tell({ what: "failed", id: idOf(1), code: "cancelled" });
    alice.tell({ what: "queued", type: "error", id: idOf(2), correlationId: idOf(1) });
    bob.tell({ what: "delivered", type: "error", direction: "received", id: idOf(2), correlationId: idOf(1) });
    expect(traces.status()).toMatchObject({ calls: 1 });
    expect((await traces.byMessage(idOf(1)))?.calls).toMatchObject([{ status: "failed", code: "cancelled", from: { id: "alice" } }]);
  });

  test("detail `calls` keeps how a call began and what came of it", async () => {
    const scene = await createScene({ detail: "calls" });
    requestOf(scene, idOf(1));
    const [call] = (await scene.traces.byMessage(idOf(1)))?.calls ?? [];
    expect(call).toMatchObject({ status: "completed", duration: 8, startedAt: startMs });
    expect(call?.stages.some(({ stage }) => stage === "sealed" || stage === "sent")).toBe(false);
  });

  test("queries: by agent, route, failure, time, status, newest first, with a limit", async () => {
    const scene = await createScene();
    const { traces, alice, runtime } = scene;
    for (let number = 1; number <= 5; number++) requestOf(scene, idOf(number), { name: number % 2 === 0 ? "even" : "odd" });
    alice.tell({ what: "queued", id: idOf(6), peer: { id: "carol", instance: "c" } });
    alice.tell({ what: "failed", id: idOf(6), peer: { id: "carol", instance: "c" }, code: "timeout" });
    const ids = async (query: Parameters<typeof traces.list>[0]) => (await traces.list(query)).map(({ first }) => first.id);
    expect(await ids({})).toEqual([6, 5, 4, 3, 2, 1].map((number) => idOf(number)));
    expect(await ids({ limit: 2 })).toEqual([idOf(6), idOf(5)]);
    expect(await ids({ agent: "bob" })).toHaveLength(5);
    expect(await ids({ agent: "carol" })).toEqual([idOf(6)]);
    expect(await ids({ route: { from: "alice", to: "bob", method: "even" } })).toEqual([idOf(4), idOf(2)]);
    expect(await ids({ route: { from: "bob" } })).toEqual([]);
    expect(await ids({ failed: true })).toEqual([idOf(6)]);
    expect(await ids({ failed: false })).toHaveLength(5);
    expect(await ids({ status: "failed" })).toEqual([idOf(6)]);
    expect(await ids({ since: startMs + 10, until: startMs + 30 })).toEqual([idOf(3), idOf(2)]);
    expect(await ids({ traceId: traceIdOf(idOf(3)) })).toEqual([idOf(3)]);
    expect((await traces.list({ limit: 1 }))[0]).toMatchObject({ calls: 1, failed: 1, status: "failed", first: { code: "timeout", to: { id: "carol" } } });
    expect(runtime.now).toBe(50);
  });

  test("clean-up by filter, by age, and by itself", async () => {
    const scene = await createScene({ retention: { age: 60_000 } });
    const { traces, runtime } = scene;
    requestOf(scene, idOf(1), { name: "one" });
    requestOf(scene, idOf(2), { name: "two" });
    expect(await traces.clean({ route: { method: "one" } })).toBe(1);
    expect(await traces.clean()).toBe(0);
    expect(traces.status()).toMatchObject({ calls: 1, traces: 1, dropped: 0 });
    await runtime.advance(70_000);
    expect(traces.status()).toMatchObject({ calls: 0, traces: 0, dropped: 1 });
    expect(await traces.byMessage(idOf(2))).toBeUndefined();
  });

  test("a watch that ends tells no more, and what was under way is interrupted", async () => {
    const { traces, alice } = await createScene();
    const end = traces.watch(alice);
    alice.tell({ what: "queued", id: idOf(1) });
    end();
    end();
    expect(alice.listeners).toBe(1);
    expect((await traces.byMessage(idOf(1)))?.calls[0]?.stages).toHaveLength(1);
    await traces.close();
    expect(alice.listeners).toBe(0);
    await expect(traces.list()).rejects.toMatchObject({ code: "closed" });
    expect(() => traces.watch(alice)).toThrow(expect.objectContaining({ code: "closed" }));
    await traces.close();
  });

  test("an agent that has closed is let go, however often it was watched: what was under way is interrupted", async () => {
    const { traces, alice } = await createScene();
    const end = traces.watch(alice);
    alice.tell({ what: "queued", id: idOf(1) });
    alice.close();
    expect(alice.listeners).toBe(0);
    expect((await traces.byMessage(idOf(1)))?.calls).toMatchObject([{ status: "interrupted" }]);
    end();
    await traces.close();
  });

  test("what its agents no longer tell of is interrupted", async () => {
    const { traces, alice, bob } = await createScene();
    const carol = fakeAgent("carol");
    const end = traces.watch(carol);
    carol.tell({ what: "queued", id: idOf(1) });
    alice.tell({ what: "queued", id: idOf(2) });
    bob.tell({ what: "queued", id: idOf(3) });
    end();
    expect((await traces.list({ agent: "carol" }))[0]?.first).toMatchObject({ status: "interrupted" });
    expect(await traces.statistics()).toMatchObject({ total: 3, active: 2, failed: 0, byStatus: { interrupted: { count: 1 } } });
  });

  test.each([
    [{ retention: { count: 0 } }],
    [{ retention: { count: 100_001 } }],
    [{ retention: { age: 0 } }],
    [{ retention: { size: 1 } }],
    [{ sample: 2 }],
    [{ sample: Number.NaN }],
    [{ detail: "all" }],
    [{ failures: "none" }],
    [{ unknown: 1 }],
  ])("refuses %j", async (options) => {
    await expect(createScene(options as never)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test.each([[{ limit: 0 }], [{ limit: 1_001 }], [{ since: "today" }], [{ route: { via: "x" } }], [{ status: "fine" }], [{ nothing: 1 }]])(
    "refuses the query %j",
    async (query) => {
      const { traces } = await createScene();
      await expect(traces.list(query as never)).rejects.toMatchObject({ code: "invalid_argument" });
      if (!("limit" in query)) await expect(traces.clean(query as never)).rejects.toMatchObject({ code: "invalid_argument" });
    },
  );
});
