import { describe, expect, test } from "vitest";
import { createIds } from "../../../src/envelope/id.js";
import { traceIdOf } from "../../../src/observability/traces/ids.js";
import { createTracer } from "../../../src/observability/traces/tracer.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import type { SpanStart } from "../../../src/telemetry/tracer.js";
import { contextOf, createScene, idOf, requestOf } from "./fixtures.js";

const runtime = createVirtualRuntime({ seed: 3 });
const startOf = (id: string): SpanStart => ({ type: "request", name: "work", id, agent: "alice", peer: { id: "bob" }, bytes: 1, durable: false });

describe("sampling", () => {
  test("of many messages a tenth is kept, and the same tenth by a tracer and a store of the same share", async () => {
    const tracer = createTracer({ sample: 0.1, runtime });
    const scene = await createScene({ sample: 0.1 });
    const ids = createIds(runtime);
    let sampled = 0;
    for (let i = 0; i < 2_000; i++) {
      const id = ids.text();
      const span = tracer.sending(startOf(id), undefined);
      scene.alice.tell({ what: "queued", id });
      const isKept = (await scene.traces.byMessage(id)) !== undefined;
      expect(isKept).toBe(span?.context.sampled ?? false);
      expect(isKept).toBe(createTracer({ sample: 0.1, runtime }).receiving(startOf(id), undefined)?.context.sampled ?? false);
      if (isKept) sampled++;
    }
    // Five standard deviations.
    expect(Math.abs(sampled - 200)).toBeLessThan(67);
  });

  test("who samples more samples all that others do", () => {
    const ids = createIds(runtime);
    const [few, many] = [createTracer({ sample: 0.2, runtime }), createTracer({ sample: 0.6, runtime })];
    for (let i = 0; i < 500; i++) {
      const id = ids.text();
      if (few.sending(startOf(id), undefined)?.context.sampled === true) expect(many.sending(startOf(id), undefined)?.context.sampled).toBe(true);
    }
  });

  test("a trace's flag and the store's share decide", async () => {
    const { traces, alice } = await createScene();
    alice.tell({ what: "queued", id: idOf(1), trace: contextOf(1, { sampled: false }) });
    expect(traces.status().calls).toBe(0);
    alice.tell({ what: "queued", id: idOf(3), trace: contextOf(3) });
    expect(traces.status().calls).toBe(1);
  });

  test("what fails is kept although nobody samples it: who, what, when, how long, and why", async () => {
    const scene = await createScene({ sample: 0 });
    const { traces, alice, bob, runtime: time } = scene;
    requestOf(scene, idOf(1));
    expect(traces.status().calls).toBe(0);
    alice.tell({ what: "failed", id: idOf(2), code: "timeout", duration: 7.5 });
    bob.tell({ what: "expired", direction: "received", id: idOf(3), code: "expired" });
    bob.tell({ what: "dead_lettered", direction: "received", type: "notification", id: idOf(4), code: "handler_failed" });
    const now = time.clock.wall();
    expect((await traces.byMessage(idOf(2)))?.calls).toMatchObject([
      { from: { id: "alice" }, to: { id: "bob" }, method: "work", code: "timeout", status: "failed", duration: 7.5, startedAt: now - 7, sampled: false },
    ]);
    expect((await traces.byMessage(idOf(3)))?.calls).toMatchObject([{ status: "expired", from: { id: "alice" }, to: { id: "bob" } }]);
    expect((await traces.byMessage(idOf(4)))?.calls).toMatchObject([{ status: "dead_lettered", type: "notification" }]);
    expect(await traces.statistics()).toMatchObject({ total: 3, failed: 3 });
  });

  test("failures of unsampled calls join their trace, and both sides one call", async () => {
    const { traces, alice, bob } = await createScene();
    const trace = contextOf(5, { sampled: false });
    bob.tell({ what: "failed", direction: "received", id: idOf(1), trace, code: "handler_failed", duration: 1 });
    alice.tell({ what: "failed", id: idOf(1), trace, code: "handler_failed", duration: 3 });
    expect(await traces.get(trace.traceId)).toMatchObject({ calls: [{ status: "failed", stages: [{ side: "to" }, { side: "from" }] }] });
  });

  test("`whole` keeps the stages of an unsampled call that fails, and its reply's", async () => {
    const { traces, alice, bob } = await createScene({ failures: "whole", sample: 0 });
    for (const id of [idOf(1), idOf(2)]) {
      alice.tell({ what: "queued", id });
      alice.tell({ what: "sent", id });
    }
    bob.tell({ what: "delivered", direction: "received", id: idOf(2) });
    bob.tell({ what: "queued", type: "error", id: idOf(9), correlationId: idOf(2) });
    bob.tell({ what: "failed", direction: "received", id: idOf(2), code: "handler_failed", duration: 1 });
    alice.tell({ what: "answered", id: idOf(1), duration: 2 });
    alice.tell({ what: "failed", id: idOf(2), code: "handler_failed", duration: 3 });
    expect(await traces.byMessage(idOf(1))).toBeUndefined();
    const [call] = (await traces.byMessage(idOf(2)))?.calls ?? [];
    expect(call).toMatchObject({ sampled: false, status: "failed", code: "handler_failed" });
    expect(call?.stages.map(({ side, of, stage }) => `${side} ${of} ${stage}`)).toEqual([
      "from call queued",
      "from call sent",
      "to call delivered",
      "to reply queued",
      "to call failed",
      "from call failed",
    ]);
  });

  test("a trace that begins with a message is named after it", () => {
    expect(traceIdOf("0190f3c2-7a52-7c3e-9d5a-3f2d1c0b9a87")).toBe("0190f3c27a527c3e9d5a3f2d1c0b9a87");
  });
});
