import { beforeAll, expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import * as keptLimits from "../../../src/kept-limits.js";
import { decodeRecord, encodeRecord, notKept } from "../../../src/patterns/idempotency/record.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import { createMemoryStore } from "../../../src/store/memory.js";
import { createDisk, type Disk } from "../../store/disk.js";
import { openDesk, turn } from "./fixtures.js";

beforeAll(() => import("../../../src/patterns/idempotency/keyed.js"));

/** A desk over a disk that flushes only when told. */
async function openSlow(disk: Disk, options: Omit<Parameters<typeof openDesk>[0] & object, "store"> = {}) {
  const opening = openDesk({ store: disk.open(), ...options });
  for (let i = 0; i < 5; i++) {
    await turn();
    disk.flush();
  }
  return opening;
}

const soon = async (promise: Promise<unknown>): Promise<boolean> => {
  for (let i = 0; i < 6; i++) await turn();
  return Promise.race([promise.then(() => true), Promise.resolve(false)]);
};

const repliesOn = (disk: Disk): string[] => [...disk.entries.keys()].filter((key) => key.startsWith("idem/"));

test("G-87 a reply is on the disk before it is sent; after a crash its repetition gets it, and one that was not flushed runs again", async () => {
  const disk = createDisk({ manual: true });
  const first = await openSlow(disk);
  let runs = 0;
  first.handle("work", (input) => [input, ++runs]);
  const kept = first.ask({ key: "kept" });
  const repeated = first.ask({ key: "kept" });
  expect(await soon(kept.reply)).toBe(false);
  expect(runs).toBe(1);
  expect(repliesOn(disk)).toHaveLength(0);
  disk.flush();
  expect((await kept.reply).payload).toEqual([1, 1]);
  expect((await repeated.reply).payload).toEqual([1, 1]);
  expect(repliesOn(disk)).toHaveLength(1);
  const lost = first.ask({ key: "lost" });
  expect(await soon(lost.reply)).toBe(false);
  disk.crash();
  const second = await openSlow(disk);
  second.handle("work", (input) => [input, ++runs]);
  expect((await second.ask({ key: "kept" }).reply).payload).toEqual([1, 1]);
  expect((await second.ask({ key: "kept", input: 2 }).reply).code).toBe("idempotency_conflict");
  // The crash came between the effect and the flush: at least once.
  const again = second.ask({ key: "lost" });
  await soon(again.reply);
  disk.flush();
  expect((await again.reply).payload).toEqual([1, 3]);
});

test("TM-165 nothing of a reply, a key or a peer lies open in the store", async () => {
  const disk = createDisk();
  const desk = await openDesk({ store: disk.open() });
  desk.handle("work", () => "tell nobody of this");
  await desk.ask({ peer: "bob", key: "invoice-17-of-bob" }).reply;
  expect(repliesOn(disk)).toHaveLength(1);
  for (const [key, value] of disk.entries) {
    const text = key + Buffer.from(value).toString("latin1");
    for (const secret of ["tell nobody", "invoice", "bob", "work"]) expect(text).not.toContain(secret);
  }
});

test("G-87 a reply that cannot be flushed is not sent; its operation is not done again, and its repetition gets it when there is room", async () => {
  const disk = createDisk();
  const desk = await openDesk({ store: disk.open() });
  let runs = 0;
  desk.handle("work", () => ++runs);
  await desk.ask({ key: "before" }).reply;
  disk.fail("store_full");
  expect((await desk.ask({ key: "a" }).reply).code).toBe("store_full");
  expect((await desk.ask({ key: "a" }).reply).code).toBe("store_full");
  expect((await desk.ask({ key: "a", input: 2 }).reply).code).toBe("idempotency_conflict");
  expect((await desk.ask({ key: "before" }).reply).payload).toBe(1);
  disk.fail(undefined);
  expect((await desk.ask({ key: "a" }).reply).payload).toBe(2);
  expect(runs).toBe(2);
  disk.crash();
  const second = await openDesk({ store: disk.open() });
  second.handle("work", () => "again");
  expect((await second.ask({ key: "a" }).reply).payload).toBe(2);
});

test("TM-170 replies that wait for a store without room are bounded: beyond that they say only that it was done", async () => {
  const disk = createDisk();
  const desk = await openDesk({ store: disk.open() });
  desk.handle("work", () => "x".repeat(900_000));
  disk.fail("store_full");
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  for (const key of keys) expect((await desk.ask({ key }).reply).code).toBe("store_full");
  disk.fail(undefined);
  const outcomes = new Map<string, number>();
  for (const key of keys) {
    const { type, code = type } = await desk.ask({ key }).reply;
    outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
  }
  const most = Math.floor(keptLimits.idempotencyUnkeptBytes / 900_002);
  expect(Object.fromEntries(outcomes)).toEqual({ response: most, too_large: keys.length - most });
});

test("a store that fails for good: what it has not kept is refused, and nothing is done twice", async () => {
  const disk = createDisk();
  const desk = await openDesk({ store: disk.open() });
  let runs = 0;
  desk.handle("work", () => ++runs);
  disk.fail("store_failed");
  for (let i = 0; i < 3; i++) expect((await desk.ask({ key: "a" }).reply).code).toBe("store_failed");
  expect(runs).toBe(1);
  await desk.runtime.advance(keptLimits.idempotencyKeepMs + keptLimits.idempotencyPruneMs);
  expect((await desk.ask({ key: "a" }).reply).code).toBe("store_failed");
  expect(runs).toBe(2);
});

test("TM-171 a reply that was damaged or moved is reported, and its operation is not done again", async () => {
  const disk = createDisk();
  const first = await openDesk({ store: disk.open() });
  let runs = 0;
  first.handle("work", () => ++runs);
  await first.ask({ key: "a" }).reply;
  await first.ask({ key: "b" }).reply;
  const [one, other] = repliesOn(disk) as [string, string];
  const [valueOfOne, valueOfOther] = [disk.entries.get(one) as Uint8Array, disk.entries.get(other) as Uint8Array];
  disk.entries.set(one, valueOfOther);
  disk.entries.set(other, valueOfOne.with(40, (valueOfOne[40] as number) ^ 1));
  for (const key of ["a", "b"]) expect((await first.ask({ key }).reply).code).toBe("store_damaged");
  disk.crash();
  const second = await openDesk({ store: disk.open() });
  second.handle("work", () => ++runs);
  for (const key of ["a", "b"]) expect((await second.ask({ key }).reply).code).toBe("store_damaged");
  expect(runs).toBe(2);
});

test("where what is known of keys cannot be read nothing with a key runs, and it is tried again with the next one", async () => {
  const store = createMemoryStore();
  let broken = false;
  const desk = await openDesk({
    store: {
      ...store,
      scan(...query) {
        if (broken) throw new TightbeamError("store_failed", "as the test wants it");
        return store.scan(...query);
      },
    },
  });
  let runs = 0;
  desk.handle("work", () => ++runs);
  broken = true;
  expect((await desk.ask({ key: "a" }).reply).code).toBe("store_failed");
  expect((await desk.ask({}).reply).payload).toBe(1);
  broken = false;
  expect((await desk.ask({ key: "a" }).reply).payload).toBe(2);
  expect(desk.used).toBe(0);
});

test("what goes from memory goes from the store, and what is too old is not read again", async () => {
  const disk = createDisk();
  const runtime = createVirtualRuntime({ seed: 1 });
  const desk = await openDesk({ store: disk.open(), runtime, options: { keys: 3, live: 0, keep: 100_000 } });
  let runs = 0;
  desk.handle("work", () => ++runs);
  for (let index = 0; index < 10; index++) await desk.ask({ key: `k${index}` }).reply;
  expect(repliesOn(disk)).toHaveLength(3);
  await runtime.advance(keptLimits.idempotencyPruneMs);
  await turn();
  await turn();
  expect(repliesOn(disk)).toHaveLength(0);
  await desk.ask({ key: "last" }).reply;
  disk.crash();
  await runtime.advance(200_000);
  const second = await openDesk({ store: disk.open(), runtime, options: { keep: 100_000 } });
  second.handle("work", () => "again");
  expect((await second.ask({ key: "last" }).reply).payload).toBe("again");
});

test("TM-170 what the store has counts after a restart", async () => {
  const store = createMemoryStore();
  const first = await openDesk({ store, options: { keys: 4 } });
  first.handle("work", () => 1);
  for (const key of ["a", "b", "c", "d"]) await first.ask({ key }).reply;
  const second = await openDesk({ store, options: { keys: 4 } });
  second.handle("work", () => 2);
  expect((await second.ask({ key: "e" }).reply).code).toBe("overloaded");
  expect((await second.ask({ key: "a" }).reply).payload).toBe(1);
});

test("TM-170 who holds the most keys gives way when all of the room is taken, and never what is live", async () => {
  const { createLedger, keyBytes } = await import("../../../src/patterns/idempotency/ledger.js");
  const ledger = createLedger({ keepMs: 1_000_000, liveMs: 100, keys: 1_000, bytes: keyBytes * 20 });
  const add = (peer: string, key: string, now: number): number => {
    const { wait } = ledger.begin(peer, key, now);
    if (wait === 0) ledger.finish(peer, key, { at: now, bytes: keyBytes, kept: undefined }, now);
    return wait;
  };
  for (let index = 0; index < 10; index++) expect(add("bob", `b${index}`, 0)).toBe(0);
  expect(add("bob", "b10", 1)).toBeGreaterThan(0);
  for (let index = 0; index < 8; index++) expect(add("carol", `c${index}`, 0)).toBe(0);
  expect(add("dave", "d0", 0)).toBe(0);
  expect(add("erin", "e0", 0)).toBe(0);
  expect(add("frank", "f0", 50)).toBeGreaterThan(0);
  expect(ledger.keys).toBe(20);
  expect(add("frank", "f0", 100)).toBe(0);
  expect(ledger.find("bob", "b0")).toBeUndefined();
  expect(ledger.find("dave", "d0")).toBeDefined();
  for (let index = 0; index < 200; index++) add(`peer${index}`, "k", 200 + index);
  expect(ledger.bytes).toBeLessThanOrEqual(keyBytes * 20);
  // A reply that finds no room is told so, and what was reserved for its key stays.
  const before = ledger.bytes;
  expect(ledger.begin("large", "k", 1_000).wait).toBe(0);
  expect(ledger.finish("large", "k", { at: 1_000, bytes: keyBytes * 11, kept: undefined }, 1_000).fits).toBe(false);
  expect(ledger.bytes).toBeLessThanOrEqual(before);
  ledger.forget("large", "k");
  for (const { peer, key } of ledger.prune(10_000_000)) expect(ledger.find(peer, key)).toBeUndefined();
  expect([ledger.keys, ledger.bytes]).toEqual([0, 0]);
});

test("a record of a reply reads as it was written, and nothing else reads as one", () => {
  const content = new Uint8Array(32).fill(3);
  const replies = [
    { outcome: "ok", payload: undefined, error: undefined },
    { outcome: "ok", payload: { kind: "json", bytes: Uint8Array.of(49) }, error: undefined },
    { outcome: "ok", payload: { kind: "bytes", bytes: new Uint8Array(0) }, error: undefined },
    notKept,
  ] as const;
  for (const reply of replies) expect(decodeRecord(encodeRecord({ at: 2 ** 41 + 7, content, reply }))).toEqual({ at: 2 ** 41 + 7, content, reply });
  const good = encodeRecord({ at: 1, content, reply: replies[0] });
  const wrong = [new Uint8Array(0), good.subarray(0, 39), good.with(0, 2), good.with(39, 9), Uint8Array.from([...good, 1]), good.with(39, 3)];
  for (const bytes of wrong) expect(() => decodeRecord(bytes)).toThrow(expect.objectContaining({ code: "store_damaged" }));
  for (const json of ["{", "1", '{"code":"nope","message":"x"}', '{"code":"closed","message":"\\u0007"}'])
    expect(() => decodeRecord(Uint8Array.from([...good.with(39, 3), ...Buffer.from(json)]))).toThrow(expect.objectContaining({ code: "store_damaged" }));
});
