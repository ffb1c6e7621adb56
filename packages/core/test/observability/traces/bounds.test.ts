import { describe, expect, test } from "vitest";
import * as keptLimits from "../../../src/kept-limits.js";
import { idOf as anyId, contextOf, createScene, fakeAgent, idOf, requestOf, startMs } from "./fixtures.js";

describe("what a trace store holds is bounded", () => {
  test("calls: the oldest go, also when they are looked at in between", async () => {
    const { traces, alice } = await createScene({ retention: { count: 10 } });
    for (let number = 1; number <= 25; number++) {
      alice.tell({ what: "queued", id: idOf(number) });
      if (number % 7 === 0) await traces.clean({ traceId: (await traces.byMessage(idOf(number)))?.traceId ?? "" });
    }
    expect(traces.status()).toMatchObject({ calls: 10, traces: 10, dropped: 12 });
    expect(await traces.byMessage(idOf(13))).toBeUndefined();
    expect((await traces.list()).map(({ first }) => first.id).toSorted()).toEqual([15, 16, 17, 18, 19, 20, 22, 23, 24, 25].map((number) => idOf(number)));
  });

  test("stages of a call, where how it ends takes the place of a step", async () => {
    const { traces, alice } = await createScene();
    for (let i = 0; i < keptLimits.traceStages + 5; i++) alice.tell({ what: i === 0 ? "queued" : "sent", id: idOf(1) });
    alice.tell({ what: "failed", id: idOf(1), code: "timeout" });
    const [call] = (await traces.byMessage(idOf(1)))?.calls ?? [];
    expect(call?.stages).toHaveLength(keptLimits.traceStages);
    expect(call).toMatchObject({ moreStages: 6, status: "failed", code: "timeout" });
    for (let i = 0; i < 2 * keptLimits.traceStages; i++) alice.tell({ what: "failed", id: idOf(1), code: "timeout", attempt: i + 1 });
    const [after] = (await traces.byMessage(idOf(1)))?.calls ?? [];
    expect(after?.stages).toHaveLength(keptLimits.traceStages);
    expect(after).toMatchObject({ attempt: 2 * keptLimits.traceStages });
  });

  test("calls of one message id: as many as have a place; others are left out", async () => {
    const { traces, bob } = await createScene();
    for (let peer = 0; peer < 2 * keptLimits.traceCallsOfId; peer++)
      bob.tell({ what: "delivered", direction: "received", id: idOf(1), peer: { id: `peer-${peer}`, instance: "i" } });
    expect(traces.status().calls).toBe(keptLimits.traceCallsOfId);
  });

  test("unsampled messages in case they fail: by number and by age", async () => {
    const scene = await createScene({ failures: "whole", sample: 0 });
    const { traces, alice, runtime } = scene;
    const stagesOf = async (id: string) => (await traces.byMessage(id))?.calls[0]?.stages.map(({ stage }) => stage);
    alice.tell({ what: "queued", id: idOf(1) });
    alice.tell({ what: "queued", id: idOf(2) });
    for (let i = 0; i < keptLimits.traceMoments - 2; i++) alice.tell({ what: "queued", id: idOf(3) });
    alice.tell({ what: "failed", id: idOf(1), code: "timeout" });
    alice.tell({ what: "failed", id: idOf(2), code: "timeout" });
    expect(await stagesOf(idOf(1))).toEqual(["failed"]);
    expect(await stagesOf(idOf(2))).toEqual(["failed"]);
    alice.tell({ what: "queued", id: idOf(4) });
    runtime.advanceSync(keptLimits.traceMomentsMs + 1);
    alice.tell({ what: "failed", id: idOf(4), code: "timeout" });
    expect(await stagesOf(idOf(4))).toEqual(["failed"]);
    alice.tell({ what: "queued", id: idOf(5) });
    alice.tell({ what: "failed", id: idOf(5), code: "timeout" });
    expect(await stagesOf(idOf(5))).toEqual(["queued", "failed"]);
  });
});

describe("TM-217 what peers say of traces", () => {
  test("one peer that fills the store holds half of it, all peers three quarters, and what is sent from here stays", async () => {
    const { traces, alice, bob } = await createScene({ retention: { count: 100 } });
    for (let number = 0; number < 40; number++) alice.tell({ what: "queued", id: idOf(number), peer: { id: "dave", instance: "i" } });
    const flood = (peer: string, from: number) => {
      for (let number = 0; number < 500; number++)
        bob.tell({ what: "delivered", direction: "received", id: anyId(from + number), peer: { id: peer, instance: "i" }, trace: contextOf(from + number) });
    };
    flood("mallory", 1_000);
    const { total } = await traces.statistics({ agent: "mallory" });
    expect(total).toBe(50);
    flood("marvin", 2_000);
    flood("moses", 3_000);
    expect((await traces.statistics({ route: { to: "bob" } })).total).toBe(75);
    expect((await traces.statistics({ agent: "moses" })).total).toBe(50);
    expect((await traces.statistics({ agent: "alice" })).total).toBe(25);
    expect(traces.status().calls).toBe(100);
  });

  test("a trace takes so many calls, half of them on a receiver's word; the rest is counted", async () => {
    const { traces, alice, bob } = await createScene();
    const trace = contextOf(1);
    for (let number = 0; number < keptLimits.traceCalls; number++)
      bob.tell({ what: "delivered", direction: "received", id: idOf(number), trace, peer: { id: "mallory", instance: "i" } });
    expect(await traces.get(trace.traceId)).toMatchObject({ more: keptLimits.traceCalls / 2 });
    for (let number = 0; number < keptLimits.traceCalls; number++) alice.tell({ what: "queued", id: idOf(5_000 + number), trace });
    const whole = await traces.get(trace.traceId);
    expect(whole?.calls).toHaveLength(keptLimits.traceCalls);
    expect(whole?.more).toBe(keptLimits.traceCalls);
    expect(await traces.statistics({ agent: "alice" })).toMatchObject({ total: keptLimits.traceCalls / 2 });
  });

  test("a message with another's id, or its trace, is a call of its own: whose it is the link says", async () => {
    const scene = await createScene();
    const { traces, bob } = scene;
    requestOf(scene, idOf(1), { trace: contextOf(1) });
    bob.tell({ what: "failed", direction: "received", id: idOf(1), trace: contextOf(1), peer: { id: "mallory", instance: "i" }, code: "forbidden" });
    const { calls } = (await traces.get(contextOf(1).traceId)) ?? { calls: [] };
    expect(calls.map(({ from, status }) => `${from.id} ${status}`).toSorted()).toEqual(["alice completed", "mallory failed"]);
  });

  test("which trace a call is of is its sender's to say, whatever the receiver heard", async () => {
    const { traces, alice, bob } = await createScene();
    bob.tell({ what: "delivered", direction: "received", id: idOf(1), trace: contextOf(2) });
    expect(await traces.get(contextOf(2).traceId)).toMatchObject({ calls: [{ id: idOf(1) }] });
    alice.tell({ what: "queued", id: idOf(1), trace: contextOf(1) });
    expect(await traces.get(contextOf(2).traceId)).toBeUndefined();
    expect(await traces.get(contextOf(1).traceId)).toMatchObject({ calls: [{ id: idOf(1), startedAt: startMs }] });
    expect(traces.status()).toMatchObject({ calls: 1, traces: 1 });
  });

  test("a flag that says sampled does not outvote a lower share of this store", async () => {
    const { traces } = await createScene({ sample: 0 });
    const eve = fakeAgent("eve");
    traces.watch(eve);
    for (let number = 1; number < 100; number++) eve.tell({ what: "delivered", direction: "received", id: idOf(number), trace: contextOf(number) });
    expect(traces.status().calls).toBe(0);
  });
});
