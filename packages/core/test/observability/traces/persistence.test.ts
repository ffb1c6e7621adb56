import { describe, expect, test } from "vitest";
import * as keptLimits from "../../../src/kept-limits.js";
import { decodeCall, encodeCall } from "../../../src/observability/traces/entry.js";
import { createTraceStore } from "../../../src/observability/traces/trace-store.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import { createMemoryStore } from "../../../src/store/memory.js";
import { openState } from "../../../src/store/state.js";
import type { DamagedEntry } from "../../../src/store/types.js";
import { createDisk } from "../../store/disk.js";
import { contextOf, createScene, fakeAgent, idOf, requestOf, startMs } from "./fixtures.js";

const storeKey = new Uint8Array(32).fill(9);
const callKeys = (entries: ReadonlyMap<string, unknown>): string[] => [...entries.keys()].filter((key) => key.startsWith("traces/"));

describe("a trace store over a store", () => {
  test("survives a restart as it was; what was under way is interrupted, until its agent tells more", async () => {
    const disk = createDisk();
    const first = await createScene({ store: disk.open(), storeKey });
    requestOf(first, idOf(1), { trace: contextOf(1) });
    first.alice.tell({ what: "failed", id: idOf(2), code: "timeout", duration: 3 });
    first.alice.tell({ what: "queued", id: idOf(3), type: "notification", durable: true, attempt: 1 });
    await first.runtime.advance(keptLimits.traceWriteMs);
    const [one, two] = [await first.traces.get(contextOf(1).traceId), await first.traces.byMessage(idOf(2))];
    expect(first.traces.status()).toMatchObject({ waiting: 0, notWritten: 0 });
    disk.crash();

    const second = await createScene({ store: disk.open(), storeKey });
    await second.runtime.advance(1_000);
    expect(await second.traces.get(contextOf(1).traceId)).toEqual(one);
    expect(await second.traces.byMessage(idOf(2))).toEqual(two);
    expect((await second.traces.byMessage(idOf(3)))?.calls).toMatchObject([{ status: "interrupted", durable: true }]);
    second.alice.tell({ what: "acknowledged", id: idOf(3), type: "notification", durable: true, attempt: 1, duration: 9 });
    expect((await second.traces.byMessage(idOf(3)))?.calls).toMatchObject([{ status: "completed", stages: [{ stage: "queued" }, { stage: "acknowledged" }] }]);
    await second.traces.close();

    const third = await createScene({ store: disk.open(), storeKey });
    expect((await third.traces.byMessage(idOf(3)))?.calls).toMatchObject([{ status: "completed" }]);
    expect(third.traces.status()).toMatchObject({ calls: 3, damaged: 0 });
  });

  test("close writes what waits", async () => {
    const disk = createDisk();
    const { traces, alice } = await createScene({ store: disk.open(), storeKey });
    for (let number = 0; number < 3 * keptLimits.tracesPerBatch; number++) alice.tell({ what: "queued", id: idOf(number) });
    expect(traces.status().waiting).toBe(3 * keptLimits.tracesPerBatch);
    await traces.close();
    expect(callKeys(disk.entries)).toHaveLength(3 * keptLimits.tracesPerBatch);
  });

  test("cleaning while nothing waits to be written does not end the writing", async () => {
    const disk = createDisk();
    const { traces, alice, runtime } = await createScene({ store: disk.open(), storeKey });
    expect(await traces.clean()).toBe(0);
    alice.tell({ what: "queued", id: idOf(1) });
    await runtime.advance(keptLimits.traceWriteMs);
    expect(traces.status()).toMatchObject({ waiting: 0, notWritten: 0 });
    expect(callKeys(disk.entries)).toHaveLength(1);
    await traces.clean();
    alice.tell({ what: "queued", id: idOf(2) });
    await traces.close();
    expect(callKeys(disk.entries)).toHaveLength(2);
  });

  test("whoever closes it again waits for the same end", async () => {
    const disk = createDisk();
    const { traces, alice } = await createScene({ store: disk.open(), storeKey });
    alice.tell({ what: "queued", id: idOf(1) });
    void traces.close();
    await traces.close();
    expect(callKeys(disk.entries)).toHaveLength(1);
  });

  test("what changes within a quarter of a second is written once", async () => {
    const disk = createDisk();
    const scene = await createScene({ store: disk.open(), storeKey });
    const before = disk.flushes;
    for (let number = 0; number < 5; number++) requestOf(scene, idOf(number));
    await scene.runtime.advance(keptLimits.traceWriteMs);
    expect(disk.flushes - before).toBe(1);
    expect(callKeys(disk.entries)).toHaveLength(5);
  });

  test("retention holds in the store, too: what goes is removed, and a smaller store takes the newest", async () => {
    const disk = createDisk();
    const { traces, alice, runtime } = await createScene({ store: disk.open(), storeKey, retention: { count: 20, age: 60_000 } });
    for (let number = 0; number < 50; number++) {
      alice.tell({ what: "queued", id: idOf(number) });
      if (number % 10 === 0) await runtime.advance(keptLimits.traceWriteMs);
    }
    await traces.close();
    expect(callKeys(disk.entries)).toHaveLength(20);
    const smaller = await createScene({ store: disk.open(), storeKey, retention: { count: 5, age: 60_000 } });
    expect(smaller.traces.status()).toMatchObject({ calls: 5, dropped: 15 });
    expect(await smaller.traces.byMessage(idOf(49))).toBeDefined();
    await smaller.runtime.advance(keptLimits.traceWriteMs);
    expect(callKeys(disk.entries)).toHaveLength(5);
    expect(await smaller.traces.clean({ agent: "alice" })).toBe(5);
    expect(callKeys(disk.entries)).toHaveLength(0);
  });

  test("what is too old goes when the store is opened", async () => {
    const disk = createDisk();
    const first = await createScene({ store: disk.open(), storeKey });
    first.alice.tell({ what: "queued", id: idOf(1) });
    await first.traces.close();
    const runtime = createVirtualRuntime({ seed: 2, start: startMs + keptLimits.traceAgeMs + 1 });
    const later = await createTraceStore({ store: disk.open(), storeKey, runtime });
    expect(later.status()).toMatchObject({ calls: 0, dropped: 1 });
    await later.close();
    expect(callKeys(disk.entries)).toEqual([]);
  });

  test("a full store is tried again, and nothing is lost meanwhile; what goes in between stays away", async () => {
    const disk = createDisk();
    const { traces, alice, runtime } = await createScene({ store: disk.open(), storeKey });
    disk.fail("store_full");
    alice.tell({ what: "queued", id: idOf(1) });
    alice.tell({ what: "queued", id: idOf(2) });
    await runtime.advance(5_000);
    expect(traces.status()).toMatchObject({ waiting: 2, notWritten: 0, calls: 2 });
    disk.fail(undefined);
    await traces.clean({ traceId: (await traces.byMessage(idOf(1)))?.traceId ?? "" });
    await runtime.advance(keptLimits.traceAgainMaxMs);
    expect(traces.status()).toMatchObject({ waiting: 0, calls: 1 });
    expect(callKeys(disk.entries)).toHaveLength(1);
  });

  test("a store that failed for good leaves the calls in memory, and says how many it has not", async () => {
    const disk = createDisk();
    const { traces, alice, runtime } = await createScene({ store: disk.open(), storeKey, retention: { count: 3 } });
    disk.fail("store_failed");
    alice.tell({ what: "queued", id: idOf(1) });
    await runtime.advance(keptLimits.traceWriteMs);
    expect(traces.status()).toMatchObject({ waiting: 0, notWritten: 1 });
    for (let number = 2; number <= 5; number++) {
      alice.tell({ what: "queued", id: idOf(number) });
      alice.tell({ what: "sent", id: idOf(number) });
    }
    expect(traces.status()).toMatchObject({ calls: 3, waiting: 0, notWritten: 5 });
    expect(await traces.byMessage(idOf(5))).toBeDefined();
    await traces.close();
  });

  test("an agent's store is not taken for one of traces, nor the other way round, and a store that persists needs its key", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    const store = createMemoryStore();
    await openState({ store, runtime, owner: "alice" });
    await expect(createTraceStore({ store, runtime })).rejects.toMatchObject({ code: "invalid_argument" });
    const other = createMemoryStore();
    await createTraceStore({ store: other, runtime });
    await expect(openState({ store: other, runtime, owner: "alice" })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(createTraceStore({ store: createDisk().open(), runtime })).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

describe("TM-216 a trace store at rest", () => {
  test("no agent, method, id or code lies open in it", async () => {
    const disk = createDisk();
    const scene = await createScene({ store: disk.open(), storeKey });
    requestOf(scene, idOf(1), { name: "tell-nobody", trace: contextOf(77) });
    scene.alice.tell({ what: "failed", id: idOf(2), code: "timeout" });
    await scene.traces.close();
    expect(callKeys(disk.entries)).toHaveLength(2);
    for (const [key, value] of disk.entries) {
      expect(key).toMatch(/^(meta\/[a-z]+|traces\/[0-9a-f]{12})$/);
      const text = Buffer.from(value).toString("latin1");
      for (const secret of ["alice", "bob", "tell-nobody", idOf(1), contextOf(77).traceId, "timeout", "queued"]) expect(text).not.toContain(secret);
    }
  });

  test("a damaged entry, and one in another's place, is reported and skipped; the others are there", async () => {
    const disk = createDisk();
    const first = await createScene({ store: disk.open(), storeKey });
    for (const number of [1, 2, 3, 4]) requestOf(first, idOf(number));
    await first.traces.close();
    const [one, two] = callKeys(disk.entries) as [string, string];
    const value = disk.entries.get(one) as Uint8Array;
    disk.entries.set(one, value.with(60, (value[60] as number) ^ 1));
    disk.entries.set(two, disk.entries.get(callKeys(disk.entries)[2] as string) as Uint8Array);
    const reported: DamagedEntry[] = [];
    const runtime = createVirtualRuntime({ seed: 5, start: startMs });
    const traces = await createTraceStore({ store: disk.open(), storeKey, runtime, onDamaged: (entry) => void reported.push(entry) });
    expect(traces.status()).toMatchObject({ calls: 2, damaged: 2 });
    expect(reported.map(({ key, error }) => [key, error.code])).toEqual([
      [one, "store_damaged"],
      [two, "store_damaged"],
    ]);
  });

  test.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["a missing field", "{}"],
    ["a prototype", '{"__proto__":{"id":"x"}}'],
    ["a stage of another release", undefined],
  ])("an entry that opens and has %s in it is reported and skipped", async (_, text) => {
    const store = createMemoryStore();
    const runtime = createVirtualRuntime({ seed: 1, start: startMs });
    const first = await createScene({ store });
    const carol = fakeAgent("carol");
    first.traces.watch(carol);
    carol.tell({ what: "queued", id: idOf(1) });
    await first.traces.clean({ agent: "nobody" });
    const entries = [];
    for await (const entry of store.scan("traces/")) entries.push(entry);
    const [key, bytes] = entries[0] as (typeof entries)[number];
    const json = text ?? new TextDecoder().decode(bytes.subarray(1)).replace('"queued"', '"teleported"');
    await store.batch([{ put: "traces/000000000001", value: Uint8Array.of(1, ...new TextEncoder().encode(json)) }]);
    await store.batch([{ put: "traces/x", value: bytes }]);
    const reported: string[] = [];
    const traces = await createTraceStore({
      store,
      runtime,
      onDamaged: ({ key: which }) => {
        reported.push(which);
        throw new Error("a listener's failure is its own");
      },
    });
    expect(traces.status()).toMatchObject({ calls: 1, damaged: 2 });
    expect(reported).toEqual(["traces/000000000001", "traces/x"]);
    const call = decodeCall(key, bytes);
    expect(decodeCall(key, encodeCall(call))).toEqual(call);
  });
});
