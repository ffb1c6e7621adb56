import { beforeEach, describe, expect, it } from "vitest";
import { type Runtime, systemRuntime } from "../../src/runtime/index.js";
import { createMemoryStore, type DamagedEntry, openState, type State, type StateOptions, type StoreKey } from "../../src/store/index.js";
import { createDisk, type Disk } from "./disk.js";

const runtime = systemRuntime();
const storeKey = new Uint8Array(32).fill(7);
const other = new Uint8Array(32).fill(9);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const secret = bytes("a secret that must not lie open");

let disk: Disk;
beforeEach(() => {
  disk = createDisk();
});
const open = (options: Partial<StateOptions> = {}): Promise<State> => openState({ store: disk.open(), storeKey, runtime, ...options });
async function all(state: State, prefix = "", options = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const [key, value] of state.scan(prefix, options)) found.push(`${key}=${new TextDecoder().decode(value)}`);
  return found;
}
const put = (key: string, value: string) => ({ put: key, value: bytes(value) });
const contains = (haystack: Uint8Array, needle: Uint8Array): boolean => Buffer.from(haystack).includes(Buffer.from(needle));

describe("a state", () => {
  it("keeps its id, its instance and its digests across openings, and counts these", async () => {
    const first = await open();
    expect(first).toMatchObject({ incarnation: 1, damaged: [], damagedCount: 0 });
    expect(first.id).toMatch(/^[\w-]{22}$/);
    expect(first.instance).toMatch(/^[\w-]{22}$/);
    expect(first.digest("acme/bob")).toMatch(/^[\w-]{22}$/);
    await first.close();
    const second = await open();
    expect(second).toMatchObject({ id: first.id, instance: first.instance, incarnation: 2 });
    expect(second.digest("acme/bob")).toBe(first.digest("acme/bob"));
    expect(second.digest("acme/bob")).not.toBe(second.digest("acme/eve"));
    expect(second.starts).toEqual([{ incarnation: 2, nonce: expect.stringMatching(/^[\w-]{22}$/) }, ...first.starts]);
  });

  it("frees what it sealed when the store has copied it, and leaves what it was given alone", async () => {
    const store = disk.open();
    const sealed: Uint8Array[] = [];
    const state = await openState({
      storeKey,
      runtime,
      store: {
        ...store,
        batch(changes) {
          const written = store.batch(changes);
          for (const change of changes) if ("put" in change) sealed.push(change.value);
          expect(sealed.every(({ length }) => length > 0)).toBe(true);
          return written;
        },
      },
    });
    const value = new Uint8Array(100_000).fill(7);
    const written = state.batch([{ put: "a", value }]);
    expect(sealed.at(-1)?.length).toBe(0);
    expect(Buffer.compare(value, new Uint8Array(100_000).fill(7))).toBe(0);
    await written;
    expect(Buffer.compare((await state.get("a")) ?? secret, value)).toBe(0);
  });

  it("TM-207 is that of the first agent that opened it, and opens for no other", async () => {
    await (await open()).close();
    await (await open({ owner: "acme/bob" })).close();
    const store = disk.open();
    await expect(openState({ store, storeKey, runtime, owner: "acme/zed" })).rejects.toMatchObject({
      code: "invalid_argument",
      message: "The store is that of acme/bob, not of acme/zed: give each agent a store of its own.",
    });
    await store.close();
    const again = await open({ owner: "acme/bob" });
    expect(again.incarnation).toBe(3);
    await again.close();
    expect((await open()).incarnation).toBe(4);
  });

  it("remembers the last 16 openings, newest first", async () => {
    for (let i = 0; i < 19; i++) await (await open()).close();
    const { starts, incarnation } = await open();
    expect(incarnation).toBe(20);
    expect(starts.map((start) => start.incarnation)).toEqual(Array.from({ length: 16 }, (_, i) => 20 - i));
    expect(new Set(starts.map(({ nonce }) => nonce)).size).toBe(16);
  });

  it("has counted an opening, flushed, before it can be used", async () => {
    disk = createDisk({ manual: true });
    let opened = false;
    const opening = open().then(() => {
      opened = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(opened).toBe(false);
    disk.flush();
    await opening;
    disk.crash();
    const again = open();
    await new Promise((resolve) => setTimeout(resolve, 5));
    disk.flush();
    expect((await again).incarnation).toBe(2);
  });

  it("reads and scans what it wrote, in order, without its own header, and refuses to write that", async () => {
    const state = await open();
    await state.batch([put("meta/other", "m"), put("b/1", "one"), put("b/2", "two"), put("c", "three")]);
    await state.batch([{ remove: "b/1" }, put("b/3", "three")]);
    expect(await state.get("b/2")).toEqual(bytes("two"));
    expect(await state.get("b/1")).toBeUndefined();
    expect(await all(state)).toEqual(["b/2=two", "b/3=three", "c=three", "meta/other=m"]);
    expect(await all(state, "b/", { limit: 1 })).toEqual(["b/2=two"]);
    expect(await all(state, "", { limit: 3, reverse: true })).toEqual(["meta/other=m", "c=three", "b/3=three"]);
    expect(await all(state, "meta", { reverse: true, limit: 1 })).toEqual(["meta/other=m"]);
    expect(await all(state, "", { after: "b/3", limit: 5 })).toEqual(["c=three", "meta/other=m"]);
    expect(await all(state, "", { limit: 0 })).toEqual([]);
    expect(await state.get("meta/state")).toBeUndefined();
    await expect(state.batch([put("fine", ""), put("meta/state", "x")])).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(state.batch([put("no spaces", "x")])).rejects.toMatchObject({ code: "invalid_argument" });
    expect(await state.get("fine")).toBeUndefined();
  });

  it("states how large a value may be: what the store takes, less the seal", async () => {
    disk = createDisk({ maxValueBytes: 300_000 });
    const state = await open();
    const { maxValueBytes } = state.capabilities;
    expect(maxValueBytes).toBe(300_000 - 45);
    await state.batch([{ put: "k", value: new Uint8Array(maxValueBytes) }]);
    await expect(state.batch([{ put: "k", value: new Uint8Array(maxValueBytes + 1) }])).rejects.toMatchObject({ code: "too_large" });
  });

  it("over memory keeps values as they are and needs no key; over anything else it does", async () => {
    const store = createMemoryStore();
    const state = await openState({ store, runtime });
    await state.batch([put("k", "plain")]);
    expect(await store.get("k")).toEqual(bytes("plain"));
    expect(await openState({ store, runtime })).toMatchObject({ id: state.id, incarnation: 2 });
    await expect(openState({ store: disk.open(), runtime })).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("storeKey") });
  });

  it("knows whether the opening before it was closed", async () => {
    const first = await open();
    expect(first.closedCleanly).toBeUndefined();
    disk.crash();
    const second = await open();
    expect(second.closedCleanly).toBe(false);
    await Promise.all([second.close(), second.close()]);
    const said = disk.entries.get("meta/closed") as Uint8Array;
    const third = await open();
    expect(third.closedCleanly).toBe(true);
    expect(disk.entries.has("meta/closed")).toBe(false);
    await expect(third.batch([{ put: "meta/closed", value: said }])).rejects.toMatchObject({ code: "invalid_argument" });
    disk.crash();
    disk.entries.set("meta/closed", said);
    const fourth = await open();
    expect(fourth.closedCleanly).toBe(false);
    disk.fail("store_full");
    await fourth.close();
    disk.fail(undefined);
    expect((await open()).closedCleanly).toBe(false);
  });

  it("closes its store, and says so when it is used later", async () => {
    const state = await open();
    await state.close();
    await state.close();
    await expect(state.get("k")).rejects.toMatchObject({ code: "closed" });
    await expect(state.batch([])).rejects.toMatchObject({ code: "closed" });
    await (await open()).close();
  });
});

describe("what lies in the store", () => {
  it("is sealed: no value, name, id or key can be read (TM-200)", async () => {
    const state = await open();
    await state.batch([{ put: `out/${state.digest("acme/bob")}`, value: secret }]);
    for (const [key, value] of disk.entries) {
      expect(key).not.toContain("bob");
      for (const open of [secret, bytes("acme/bob"), bytes(state.id), bytes(state.instance), storeKey]) expect(contains(value, open)).toBe(false);
    }
  });

  it("is sealed anew each time: the same value twice gives other bytes under another nonce", async () => {
    const state = await open();
    const nonces = new Set<string>();
    const draws = new Set<string>();
    for (let i = 0; i < 1_000; i++) {
      await state.batch([{ put: "k", value: secret }]);
      const nonce = Buffer.from(disk.entries.get("k") as Uint8Array).toString("hex", 5, 29);
      nonces.add(nonce);
      draws.add(nonce.slice(0, 32));
    }
    expect(nonces.size).toBe(1_000);
    expect(draws.size).toBeGreaterThanOrEqual(8);
    expect(draws.size).toBeLessThanOrEqual(9);
  });

  it("counts nonces on over the end of their bytes", async () => {
    const ending: Runtime = { ...runtime, random: { bytes: (length) => new Uint8Array(length).fill(0xff) } };
    const state = await open({ runtime: ending });
    await state.batch([put("a", "1"), put("b", "2"), put("c", "3")]);
    const nonceOf = (key: string): string => Buffer.from(disk.entries.get(key) as Uint8Array).toString("hex", 5, 29);
    // The header had the first.
    expect(["a", "b", "c"].map(nonceOf)).toEqual(["0000", "0001", "0002"].map((end) => `${"ff".repeat(16)}${end.padStart(16, "0")}`));
    expect(await all(state)).toEqual(["a=1", "b=2", "c=3"]);
  });

  it("does not open in another entry's place, with a flipped bit, cut or lengthened (TM-201)", async () => {
    const state = await open();
    await state.batch([put("a", "of a"), put("b", "of b")]);
    const [a, b] = [disk.entries.get("a"), disk.entries.get("b")] as [Uint8Array, Uint8Array];
    disk.entries.set("a", b).set("b", a);
    for (const key of ["a", "b"])
      await expect(state.get(key)).rejects.toMatchObject({ code: "store_damaged", message: expect.stringContaining(`entry ${key} `) });
    for (let i = 0; i < a.length; i++) {
      const bad = a.slice();
      bad[i] = (bad[i] as number) ^ 1;
      disk.entries.set("a", bad);
      await expect(state.get("a")).rejects.toMatchObject({ code: "store_damaged" });
    }
    for (const bad of [a.subarray(0, 44), a.subarray(0, 20), new Uint8Array(0), Uint8Array.of(...a, 0)]) {
      disk.entries.set("a", bad);
      await expect(state.get("a")).rejects.toMatchObject({ code: "store_damaged" });
    }
    disk.entries.set("a", a);
    expect(await state.get("a")).toEqual(bytes("of a"));
  });

  it("that is damaged is reported once, with its key, and what follows is read (TM-202)", async () => {
    const heard: DamagedEntry[] = [];
    const state = await open({
      onDamaged: (entry) => {
        heard.push(entry);
        throw new Error("a listener of the application");
      },
    });
    await state.batch([put("a", "1"), put("b", "2"), put("c", "3")]);
    (disk.entries.get("b") as Uint8Array)[40] = 0;
    (disk.entries.get("b") as Uint8Array)[41] = 0;
    expect(await all(state)).toEqual(["a=1", "c=3"]);
    expect(await all(state)).toEqual(["a=1", "c=3"]);
    await expect(state.get("b")).rejects.toMatchObject({ code: "store_damaged" });
    expect(state.damaged).toMatchObject([{ key: "b", error: { code: "store_damaged" } }]);
    expect(heard).toEqual(state.damaged);
    expect(state.damagedCount).toBe(1);
  });

  it("may be damaged everywhere: 1,000 entries are kept of the report, and the count goes on", async () => {
    const state = await open();
    for (let i = 0; i < 1_100; i++) disk.entries.set(`x/${i}`, Uint8Array.of(1, 2, 3));
    expect(await all(state)).toEqual([]);
    expect(state.damaged.length).toBe(1_000);
    expect(state.damagedCount).toBe(1_100);
  });
});

describe("opening", () => {
  it("refuses a header of a newer version, of another key, damaged, or missing beside entries (G-95)", async () => {
    const state = await open();
    await state.batch([put("k", "v")]);
    await state.close();
    const header = disk.entries.get("meta/state") as Uint8Array;
    const attempt = async (bad: Uint8Array | undefined, key: StoreKey = storeKey) => {
      if (bad === undefined) disk.entries.delete("meta/state");
      else disk.entries.set("meta/state", bad);
      const before = new Map(disk.entries);
      const store = disk.open();
      const result = await openState({ store, storeKey: key, runtime }).catch((error: unknown) => error);
      await store.close();
      expect(disk.entries).toEqual(before);
      return result;
    };
    const newer = header.slice();
    newer[0] = 2;
    expect(await attempt(newer)).toMatchObject({ code: "store_too_new" });
    const flipped = header.slice();
    flipped[60] = (flipped[60] as number) ^ 1;
    expect(await attempt(flipped)).toMatchObject({ code: "store_damaged" });
    expect(await attempt(header.subarray(0, 30))).toMatchObject({ code: "store_damaged" });
    expect(await attempt(new Uint8Array(0))).toMatchObject({ code: "store_damaged" });
    expect(await attempt(Uint8Array.of(0, ...header.subarray(1)))).toMatchObject({ code: "store_damaged" });
    expect(await attempt(disk.entries.get("k"))).toMatchObject({ code: "store_damaged" });
    expect(await attempt(header, other)).toMatchObject({ code: "store_damaged", message: expect.stringContaining("storeKey") });
    expect(await attempt(undefined)).toMatchObject({ code: "store_damaged", message: expect.stringContaining("no header") });
    disk.entries.set("meta/state", header);
    expect(await (await open()).get("k")).toEqual(bytes("v"));
  });

  it.each(["null", "[]", "{}", '{"format":1,"id":"x","instance":"y","digestKey":"z","starts":[]}', '{"format":2}'])("refuses the header %s", async (text) => {
    const store = createMemoryStore();
    await store.batch([{ put: "meta/state", value: Uint8Array.of(1, ...bytes(text)) }]);
    await expect(openState({ store, runtime })).rejects.toMatchObject({ code: "store_damaged" });
  });

  it.each([
    ["too short", new Uint8Array(31).fill(1)],
    ["all zero", new Uint8Array(32)],
    ["text", "0123456789abcdef0123456789abcdef" as unknown as Uint8Array],
    ["a short previous key", { current: storeKey, previous: [other.subarray(1)] }],
    ["too many previous keys", { current: storeKey, previous: Array.from({ length: 17 }, () => other) }],
  ] as const)("refuses a storeKey that is %s", async (_what, key) => {
    await expect(open({ storeKey: key as StoreKey })).rejects.toMatchObject({ code: "invalid_argument", message: expect.not.stringContaining("0123") });
  });

  it.each(["store_full", "store_failed", "store_read_only"] as const)("rejects %s when the header cannot be written", async (code) => {
    disk.fail(code);
    await expect(open()).rejects.toMatchObject({ code });
  });
});

describe("rotation (TM-203)", () => {
  const rotating = { current: other, previous: [storeKey] };
  const sealedWithOld = (): string[] => [...disk.entries.keys()].filter((key) => !key.startsWith("meta/"));

  it("opens with either key, seals with the current one, and after it the old one is not needed", async () => {
    const before = await open();
    await before.batch(Array.from({ length: 200 }, (_, i) => put(`k/${String(i).padStart(3, "0")}`, `${i}`)));
    await before.close();
    const state = await open({ storeKey: rotating });
    expect(state).toMatchObject({ id: before.id, incarnation: 2 });
    expect((await all(state)).length).toBe(200);
    await state.batch([put("k/000", "new")]);
    expect(await state.rotate()).toBe(199);
    expect(await state.rotate()).toBe(0);
    await state.close();
    const after = await open({ storeKey: other });
    expect((await all(after)).slice(0, 2)).toEqual(["k/000=new", "k/001=1"]);
    expect((await all(after)).length).toBe(200);
    expect(after.damagedCount).toBe(0);
    await after.close();
    await expect(open()).rejects.toMatchObject({ code: "store_damaged" });
  });

  it("never brings back what a batch changed or removed meanwhile", async () => {
    const before = await open();
    const keys = Array.from({ length: 300 }, (_, i) => `k/${String(i).padStart(3, "0")}`);
    await before.batch(keys.map((key) => put(key, "old")));
    await before.close();
    const state = await open({ storeKey: rotating });
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 50; i++) writes.push(state.batch([put(keys[i * 6] as string, "new"), { remove: keys[i * 6 + 1] as string }]));
    const rotation = state.rotate();
    for (let i = 0; i < 300; i += 6) {
      writes.push(state.batch([put(keys[i + 2] as string, "new"), { remove: keys[i + 3] as string }]));
      if (i % 30 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all([...writes, rotation]);
    expect(await all(state)).toEqual(keys.flatMap((key, i) => (i % 6 === 1 || i % 6 === 3 ? [] : [`${key}=${i % 6 === 0 || i % 6 === 2 ? "new" : "old"}`])));
    await state.close();
    expect(sealedWithOld().length).toBe(200);
    expect((await all(await open({ storeKey: other }))).length).toBe(200);
  });

  it("reports what it cannot open and leaves it as it is; cut short by a crash it can be done again", async () => {
    const before = await open();
    await before.batch(Array.from({ length: 200 }, (_, i) => put(`k/${String(i).padStart(3, "0")}`, `${i}`)));
    await before.close();
    const broken = disk.entries.get("k/010") as Uint8Array;
    broken[40] = (broken[40] as number) ^ 1;
    const state = await open({ storeKey: rotating });
    void state.rotate();
    while (disk.flushes < 5) await new Promise((resolve) => setImmediate(resolve));
    disk.crash();
    const again = await open({ storeKey: rotating });
    const rest = await again.rotate();
    expect(rest).toBeGreaterThan(0);
    expect(rest).toBeLessThan(199);
    expect(again.damaged.map(({ key }) => key)).toEqual(["k/010"]);
    expect(disk.entries.get("k/010")).toEqual(broken);
    await again.close();
    expect((await all(await open({ storeKey: other }))).length).toBe(199);
  });

  it("that fails leaves a store that works", async () => {
    const before = await open();
    await before.batch([put("a", "1")]);
    await before.close();
    const state = await open({ storeKey: rotating });
    disk.fail("store_full");
    await expect(state.rotate()).rejects.toMatchObject({ code: "store_full" });
    disk.fail(undefined);
    expect(await state.rotate()).toBe(1);
  });
});
