import { copyFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemRuntime } from "@tightbeam/core/runtime";
import { openState } from "@tightbeam/core/store";
import { beforeAll, describe, expect, it } from "vitest";
import { openLmdbStore } from "../src/index.js";
import { metaAt, nodeHeader, pageHeader, u64 } from "../src/pages.js";
import { bytes, place, text } from "./place.js";

const pageBytes = 4_096;
const storeKey = new Uint8Array(32).fill(3);
const runtime = systemRuntime();
let whole: Buffer;
let keys: string[];

/** Small and large values, pages that were freed, several levels. */
async function filled(path: string): Promise<void> {
  const state = await openState({ store: await openLmdbStore({ path }), storeKey, runtime });
  for (let i = 0; i < 12; i++)
    await state.batch(Array.from({ length: 40 }, (_, j) => ({ put: `k/${i * 40 + j}`, value: new Uint8Array(j === 7 ? 9_000 : 200).fill(i) })));
  for (let i = 0; i < 12; i++) await state.batch([{ remove: `k/${i * 31}` }]);
  keys = [];
  for await (const [key] of state.scan("")) keys.push(key);
  await state.close();
}

beforeAll(async () => {
  const path = place();
  await filled(path);
  whole = readFileSync(join(path, "data.mdb"));
});

/** A store whose file is this. */
function storeOf(data: Uint8Array): string {
  const path = join(place(), "store");
  mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(path, "data.mdb"), data, { mode: 0o600 });
  return path;
}

async function attempt(path: string): Promise<string> {
  try {
    const state = await openState({ store: await openLmdbStore({ path }), storeKey, runtime });
    const found: string[] = [];
    for await (const [key] of state.scan("")) found.push(key);
    const reported = state.damagedCount;
    await state.batch([{ put: "k/new", value: new Uint8Array(5_000) }, { remove: "k/5" }]);
    await state.close();
    return found.length + reported === keys.length
      ? `read, ${reported > 0 ? "some" : "none"} reported`
      : `${keys.length - found.length - reported} lost in silence`;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("a damaged file (TM-204, G-95)", () => {
  it("with one bit flipped anywhere is refused, or what does not open is reported: nothing is lost in silence, and the process lives", async () => {
    const outcomes = new Map<string, number>();
    for (let i = 0; i < 40; i++) {
      const data = Buffer.from(whole);
      const page = (i * 7) % Math.floor(whole.length / pageBytes);
      const at = page * pageBytes + (i % 2 === 0 ? (i * 5) % 64 : pageBytes - 1 - ((i * 131) % 4_000));
      data[at] = (data[at] as number) ^ (1 << (i % 8));
      const outcome = await attempt(storeOf(data));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()].filter((outcome) => !/^(?:store_damaged|store_too_new|read, (?:none|some) reported)$/.test(outcome))).toEqual([]);
    expect(outcomes.get("store_damaged")).toBeGreaterThan(6);
    expect(outcomes.get("read, some reported")).toBeGreaterThan(1);
  }, 60_000);

  it("cut short, at any length, is refused with the place; so is one that is something else", async () => {
    for (const part of [0.01, 0.1, 0.33, 0.5, 0.8, 0.999]) {
      const path = storeOf(whole);
      truncateSync(join(path, "data.mdb"), Math.floor(whole.length * part));
      await expect(openLmdbStore({ path })).rejects.toMatchObject({ code: "store_damaged", message: expect.stringMatching(/at byte \d+: .*Restore/) });
    }
    for (const other of [new Uint8Array(whole.length), bytes("no store at all"), Buffer.alloc(whole.length, 0xff)])
      await expect(openLmdbStore({ path: storeOf(other) })).rejects.toMatchObject({ code: "store_damaged" });
  });

  it("with a torn last page is refused, or read as it was before that page", async () => {
    for (let page = 2; page < whole.length / pageBytes; page += 11) {
      const torn = Buffer.from(whole);
      torn.fill(0, page * pageBytes + 512, (page + 1) * pageBytes);
      expect(await attempt(storeOf(torn))).toMatch(/^(?:store_damaged|read, (?:none|some) reported)$/);
    }
  });

  it("whose list of free pages names one that is in use, or one twice, is refused: LMDB would write over what is there", async () => {
    const metas = [0, 1].map((page) => (metaAt(whole.subarray(page * pageBytes)) as NonNullable<ReturnType<typeof metaAt>>).meta);
    const { free, main } = metas.sort((a, b) => b.transaction - a.transaction)[0] as (typeof metas)[number];
    expect(free.depth).toBe(1);
    const leaf = free.root * pageBytes;
    /** Where the numbers of single free pages stand in the file. */
    const places: number[] = [];
    for (let i = 0; i < whole.readUInt16LE(leaf + 20) / 2; i++) {
      const data = leaf + pageHeader + whole.readUInt16LE(leaf + pageHeader + 2 * i) + nodeHeader + 8;
      for (let j = 1; j <= u64(whole, data); j++) {
        const number = whole.readBigInt64LE(data + 8 * j);
        if (number > 0n) places.push(data + 8 * j);
        else if (number < 0n) j++;
      }
    }
    const [one, other] = places as [number, number];
    for (const [place, page] of [
      [one, main.root],
      [one, free.root],
      [other, u64(whole, one)],
    ] as const) {
      const data = Buffer.from(whole);
      data.writeBigInt64LE(BigInt(page), place);
      await expect(openLmdbStore({ path: storeOf(data) })).rejects.toMatchObject({
        code: "store_damaged",
        message: expect.stringContaining(`at byte ${page * pageBytes}: a page is both free and in use, or free twice`),
      });
    }
  });

  it("is not changed by being refused, and its copy opens", async () => {
    const data = Buffer.from(whole);
    data.fill(0xff, 3 * pageBytes, 9 * pageBytes);
    const path = storeOf(data);
    await expect(openLmdbStore({ path })).rejects.toMatchObject({ code: "store_damaged" });
    expect(readFileSync(join(path, "data.mdb")).equals(data)).toBe(true);
    writeFileSync(join(path, "data.mdb"), whole);
    expect(await attempt(path)).toBe("read, none reported");
  });
});

describe("another version", () => {
  it.each([
    ["of LMDB's own format", (data: Buffer) => data.writeUInt32LE(3, 28)],
    [
      "of the record of its owner",
      (data: Buffer) => {
        for (let at = data.indexOf('{"format":1'); at >= 0; at = data.indexOf('{"format":1', at)) data.set(Buffer.from('{"format":2'), at);
      },
    ],
  ])("%s is refused as too new, and nothing is changed", async (_what, change) => {
    const data = Buffer.from(whole);
    change(data);
    const path = storeOf(data);
    await expect(openLmdbStore({ path })).rejects.toMatchObject({ code: "store_too_new" });
    expect(statSync(join(path, "data.mdb")).size).toBe(data.length);
  });

  it("of the state, one byte of its header, is refused too", async () => {
    const path = place();
    await filled(path);
    const raw = await openLmdbStore({ path });
    const header = (await raw.get("meta/state")) as Uint8Array;
    header[0] = 2;
    await raw.batch([{ put: "meta/state", value: header }]);
    await expect(openState({ store: raw, storeKey, runtime })).rejects.toMatchObject({ code: "store_too_new" });
    await raw.close();
  });
});

it("a copy of data.mdb of a store that is closed is a store: what docs/stores.md says of backups", async () => {
  const path = place();
  const store = await openLmdbStore({ path });
  await store.batch([{ put: "k", value: bytes("kept") }]);
  await store.close();
  const copy = join(place(), "copy");
  mkdirSync(copy, { mode: 0o700 });
  copyFileSync(join(path, "data.mdb"), join(copy, "data.mdb"));
  const restored = await openLmdbStore({ path: copy });
  expect(text(await restored.get("k"))).toBe("kept");
  await restored.close();
});
