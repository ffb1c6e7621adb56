import { describe, expect, it } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../../src/bytes.js";
import { createPerformanceMonitor, type PerformanceMonitorOptions } from "../../../src/observability/monitor/monitor.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import { createMemoryStore } from "../../../src/store/memory.js";
import { openState } from "../../../src/store/state.js";
import type { Store } from "../../../src/store/types.js";
import { createStage, createTeller } from "./fixtures.js";

const storeKey = new Uint8Array(32).fill(7);
const runtime = createVirtualRuntime({ seed: 1 });
/** Closing the monitor closes the store; what is in it stays for the next one. */
const kept = (store: Store): Store => ({ ...store, close: async () => undefined });
const fails = (code: string): unknown => expect.objectContaining({ code });

async function everything(store: Store): Promise<string> {
  let text = "";
  for await (const [key, value] of store.scan("")) text += `${key} ${decodeUtf8(value.map((byte) => byte & 0x7f))}\n`;
  return text;
}

async function filled(store: Store, options: PerformanceMonitorOptions = {}) {
  const stage = createStage({ store: kept(store), storeKey, ...options });
  for (let i = 0; i < 200; i++) stage.alice.called(`method-${i}`, { duration: i });
  stage.alice.message({ what: "failed", direction: "sent", name: "method-1", code: "timeout", duration: 90_000 });
  stage.alice.retry({ method: "method-1" });
  for (let i = 0; i < 100; i++) stage.alice.called(`more-${i}`);
  await stage.monitor.persist();
  return stage;
}

/** Without rates, which begin anew. */
const figures = (snapshot: ReturnType<ReturnType<typeof createPerformanceMonitor>["snapshot"]>) =>
  [...snapshot.routes, snapshot.other].map((row) => ({ ...row, rate: undefined, failureRate: undefined }));

describe("a monitor that keeps its figures", () => {
  it("has them again in another process, and counts on", async () => {
    const store = createMemoryStore();
    const { monitor } = await filled(store);
    const before = monitor.snapshot();
    await monitor.close();
    const next = createPerformanceMonitor({ store: kept(store), storeKey, runtime });
    expect(await next.reload()).toBe(true);
    const after = next.snapshot();
    expect(figures(after)).toEqual(figures(before));
    expect([after.since, after.other?.count, after.routes.length]).toEqual([before.since, 44, 256]);
    expect(await next.reload()).toBe(true);
    expect(figures(next.snapshot())).toEqual(figures(before));
    const alice = createTeller("alice");
    next.watch(alice);
    alice.called("method-1", { duration: 1 });
    expect(next.snapshot().routes.find(({ method }) => method === "method-1")).toMatchObject({ count: 3, failed: 1, retries: 1, duration: { max: 90_000 } });
  });

  it("replaces what was kept, and a smaller monitor puts the rest into one row", async () => {
    const store = createMemoryStore();
    const { monitor } = await filled(store);
    const small = createPerformanceMonitor({ store: kept(store), storeKey, runtime, routesMax: 10 });
    await small.reload();
    const total = (all: { routes: readonly { count: number }[]; other: { count: number } | null }) =>
      all.routes.reduce((sum, { count }) => sum + count, all.other?.count ?? 0);
    expect([small.snapshot().routes.length, total(small.snapshot())]).toEqual([10, total(monitor.snapshot())]);
    await small.persist();
    const again = createPerformanceMonitor({ store: kept(store), storeKey, runtime });
    await again.reload();
    expect(figures(again.snapshot())).toEqual(figures(small.snapshot()));
    again.reset();
    await again.persist();
    expect((await everything(store)).match(/monitor\/\S+/g)).toEqual(["monitor/head"]);
  });

  it("has nothing where nothing was kept, and is in step with itself", async () => {
    const { monitor, alice } = createStage({ store: createMemoryStore() });
    alice.called("find");
    expect(await monitor.reload()).toBe(false);
    expect(monitor.snapshot().routes).toHaveLength(1);
    const all = [monitor.persist(), monitor.reload(), monitor.persist()];
    await Promise.all(all);
    expect(monitor.snapshot().routes).toMatchObject([{ count: 1 }]);
  });

  it("[TM-220] lies sealed: no agent, method or code can be read in the store, and another key opens nothing", async () => {
    const store = createMemoryStore();
    const persistent: Store = { ...store, capabilities: { ...store.capabilities, durability: "disk" } };
    await filled(persistent);
    expect(await everything(store)).not.toMatch(/alice|bob|method|more|timeout/);
    const other = createPerformanceMonitor({ store: kept(persistent), storeKey: new Uint8Array(32).fill(8), runtime });
    await expect(other.reload()).rejects.toEqual(fails("store_damaged"));
    const open = createPerformanceMonitor({ store: kept(persistent), runtime });
    await expect(open.persist()).rejects.toEqual(fails("invalid_argument"));
  });

  it("[TM-220] an agent's store is not a monitor's, nor the other way round", async () => {
    const store = createMemoryStore();
    await openState({ store, storeKey, runtime, owner: "alice" });
    await expect(createPerformanceMonitor({ store: kept(store), storeKey, runtime }).persist()).rejects.toEqual(fails("invalid_argument"));
    const mine = createMemoryStore();
    await filled(mine);
    await expect(openState({ store: mine, storeKey, runtime, owner: "alice" })).rejects.toEqual(fails("invalid_argument"));
  });

  const wrong: readonly [title: string, key: string, text: string | undefined, code: string][] = [
    ["a head that is no JSON", "monitor/head", "{", "store_damaged"],
    ["a head that is null", "monitor/head", "null", "store_damaged"],
    ["a head of a later version", "monitor/head", '{"format":2,"since":1,"entries":1}', "store_too_new"],
    ["a head that names too many entries", "monitor/head", '{"format":1,"since":1,"entries":9007199254740991}', "store_damaged"],
    ["rows that are missing", "monitor/rows/000000000001", undefined, "store_damaged"],
    ["rows that are no list", "monitor/rows/000000000000", '{"length":1}', "store_damaged"],
    ["a row that lacks something", "monitor/rows/000000000000", '[["sent","request","a","b","c",1,0]]', "store_damaged"],
    ["a row of no type", "monitor/rows/000000000000", '[["sent","__proto__","a","b","c",0,0,[],0,0,0,0,[0,0,0,0,[]]]]', "store_damaged"],
    ["a count below 0", "monitor/rows/000000000000", '[["sent","request","a","b","c",-1,0,[],0,0,0,0,[0,0,0,0,[]]]]', "store_damaged"],
    ["a code that is none", "monitor/rows/000000000000", '[["sent","request","a","b","c",0,1,[["__proto__",1]],0,0,0,0,[0,0,0,0,[]]]]', "store_damaged"],
    ["a bucket that is none", "monitor/rows/000000000000", '[["sent","request","a","b","c",0,0,[],0,0,0,0,[1,0,0,0,[[82,1]]]]]', "store_damaged"],
    ["buckets beside the count", "monitor/rows/000000000000", '[["sent","request","a","b","c",0,0,[],0,0,0,0,[2,0,0,0,[[1,1]]]]]', "store_damaged"],
    ["a duration that is none", "monitor/rows/000000000000", '[["sent","request","a","b","c",0,0,[],0,0,0,0,[0,null,0,0,[]]]]', "store_damaged"],
  ];
  it.each(wrong)("reads strictly, and keeps its own figures: %s", async (_title, key, text, code) => {
    const store = createMemoryStore();
    await filled(store);
    const state = await openState({ store, storeKey, runtime });
    await state.batch([text === undefined ? { remove: key } : { put: key, value: encodeUtf8(text) }]);
    const { monitor, alice } = createStage({ store: kept(store), storeKey });
    alice.called("own");
    await expect(monitor.reload()).rejects.toEqual(fails(code));
    expect(monitor.snapshot().routes).toMatchObject([{ method: "own", count: 1 }]);
  });

  it("refuses without a store, and after its end; closing ends watching and the store", async () => {
    const { monitor } = createStage();
    await expect(monitor.persist()).rejects.toEqual(fails("invalid_argument"));
    await expect(monitor.reload()).rejects.toEqual(fails("invalid_argument"));
    const store = createMemoryStore();
    const stage = createStage({ store });
    await Promise.all([stage.monitor.persist(), stage.monitor.close(), stage.monitor.close()]);
    stage.alice.called("find");
    expect(stage.monitor.snapshot().routes).toEqual([]);
    expect(() => stage.monitor.watch(stage.alice)).toThrow(fails("closed"));
    await expect(stage.monitor.persist()).rejects.toEqual(fails("closed"));
    await expect(store.get("x")).rejects.toEqual(fails("closed"));
  });

  it("can be tried again when the store did not open", async () => {
    const store = createMemoryStore();
    let broken = true;
    const flaky: Store = { ...store, get: async (key) => (broken ? Promise.reject(new Error("not now")) : store.get(key)) };
    const { monitor } = createStage({ store: flaky });
    await expect(monitor.persist()).rejects.toThrow("not now");
    broken = false;
    await monitor.persist();
    expect(await monitor.reload()).toBe(true);
  });
});
