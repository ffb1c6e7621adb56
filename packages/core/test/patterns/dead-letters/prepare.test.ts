import { expect, test } from "vitest";
import * as keptLimits from "../../../src/kept-limits.js";
import { createMemoryStore } from "../../../src/store/memory.js";
import { openState } from "../../../src/store/state.js";
import { createDisk } from "../../store/disk.js";
import { idOf, letterOf, openOffice, storeKey } from "./fixtures.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("G-81 a prepared letter is there with the batch it went into, or not at all", async () => {
  const disk = createDisk({ manual: true });
  const open = async () => {
    const opening = openOffice(disk.open());
    for (let i = 0; i < 5; i++) {
      await turn();
      disk.flush();
    }
    return opening;
  };
  const { office } = await open();
  const prepared = office.prepare(letterOf(1));
  expect((await office.letters.list()).letters).toEqual([]);
  disk.crash();
  const again = await open();
  expect((await again.office.letters.list()).letters).toEqual([]);
  disk.crash();
  // Whoever prepared writes the mark and the letter at once.
  const store = disk.open();
  const opening = openState({ store, storeKey, runtime: again.runtime });
  for (let i = 0; i < 5; i++) {
    await turn();
    disk.flush();
  }
  const state = await opening;
  void state.batch([...prepared.changes, { put: "mark/a", value: Uint8Array.of(1) }]);
  await turn();
  disk.flush();
  expect([...disk.entries.keys()].filter((key) => key !== "meta/state").sort()).toEqual([`dead/body/${prepared.id}`, `dead/head/${prepared.id}`, "mark/a"]);
  disk.crash();
  expect((await (await open()).office.letters.list()).letters).toMatchObject([{ id: prepared.id, messageId: idOf(1) }]);
});

test("an abandoned letter gives its room back, and what was to go for it stays", async () => {
  const { office, events } = await openOffice(createMemoryStore(), { retention: { count: 1 } });
  const first = office.prepare(letterOf(1, { side: "sender" }));
  expect(() => office.prepare(letterOf(2, { side: "sender" }))).toThrow(expect.objectContaining({ code: "store_full" }));
  first.committed();
  first.committed();
  const second = office.prepare(letterOf(2, { side: "sender" }));
  expect(second.changes).toHaveLength(4);
  second.abandoned();
  second.committed();
  expect((await office.letters.list()).letters).toMatchObject([{ messageId: idOf(1) }]);
  office.prepare(letterOf(3, { side: "sender" })).committed();
  expect((await office.letters.list()).letters).toMatchObject([{ messageId: idOf(3) }]);
  expect(events.map(({ type }) => type)).toEqual(["dead_letter", "dead_letter", "dead_letters"]);
});

test("G-82 full letters that refuse leave the message where it was, and take it again when there is room", async () => {
  const { office } = await openOffice(createMemoryStore(), { retention: { count: 2, whenFull: "refuse" } });
  office.prepare(letterOf(1, { side: "sender" })).committed();
  office.prepare(letterOf(2, { side: "sender" })).committed();
  expect(() => office.prepare(letterOf(3, { side: "sender" }))).toThrow(expect.objectContaining({ code: "store_full" }));
  expect(await office.letters.statistics()).toMatchObject({ count: 2, dropped: 0 });
});

test("G-82 a store without room is tried again until it has some; what waits is bounded, and what is beyond is said", async () => {
  const disk = createDisk();
  const { office, runtime, events } = await openOffice(disk.open());
  disk.fail("store_full");
  for (let index = 0; index < keptLimits.lettersWaitingOfPeer + 3; index++) office.add(letterOf(index));
  const notKept = events.filter((event) => event.type === "dead_letters");
  expect(notKept).toHaveLength(3);
  expect(notKept[0]).toMatchObject({ what: "not_kept", count: 1, error: { code: "overloaded" } });
  // Others have room still, until all of it is taken.
  office.add(letterOf(5_000, { peer: "carol" }));
  expect(events).toHaveLength(3);
  await runtime.advance(30_000);
  expect(await office.letters.statistics()).toMatchObject({ count: 0, added: 0, notKept: 3 });
  disk.fail(undefined);
  await runtime.advance(keptLimits.letterAgainMaxMs + 1_000);
  expect(await office.letters.statistics()).toMatchObject({ added: keptLimits.lettersWaitingOfPeer + 1, notKept: 3 });
});

test("a batch that failed has taken no room: what is tried again finds as much as before", async () => {
  const disk = createDisk();
  const { office, runtime } = await openOffice(disk.open(), { retention: { count: 3 } });
  disk.fail("store_full");
  for (let index = 0; index < 3; index++) office.add(letterOf(index, { side: "sender" }));
  await runtime.advance(20_000);
  disk.fail(undefined);
  await runtime.advance(keptLimits.letterAgainMaxMs + 1_000);
  expect(await office.letters.statistics()).toMatchObject({ count: 3, added: 3, dropped: 0, notKept: 0 });
});

test("TM-167 what waits to be written is bounded in bytes, and in all", async () => {
  const disk = createDisk();
  const { office, events } = await openOffice(disk.open());
  disk.fail("store_full");
  const mebi = 1024 * 1024;
  for (let index = 0; index < 33; index++) office.add(letterOf(index, { peer: `peer${index}`, envelope: new Uint8Array(mebi) }));
  expect(events).toHaveLength(2);
  for (let index = 0; index < keptLimits.lettersWaiting; index++) office.add(letterOf(index, { peer: `peer${index}`, envelope: new Uint8Array(1) }));
  expect(events.length).toBeGreaterThan(2);
});

test.each(["store_failed", "store_read_only"] as const)(
  "a store that takes nothing more (%s): what cannot be kept is said, and nothing waits for ever",
  async (code) => {
    const disk = createDisk();
    const { office, runtime, events } = await openOffice(disk.open());
    disk.fail(code);
    office.add(letterOf(1));
    office.add(letterOf(2));
    await runtime.advance(10);
    expect(events).toMatchObject([
      { type: "dead_letters", what: "not_kept", count: 1, error: { code } },
      { what: "not_kept", count: 1 },
    ]);
    await office.end();
  },
);

test("at the end what waits gets one more try, and what comes later is said to be lost", async () => {
  const disk = createDisk();
  const { office, runtime, events } = await openOffice(disk.open());
  disk.fail("store_full");
  office.add(letterOf(1));
  await runtime.advance(2_000);
  disk.fail(undefined);
  await office.end();
  expect(await office.letters.statistics()).toMatchObject({ count: 1 });
  office.add(letterOf(2));
  expect(events.at(-1)).toMatchObject({ what: "not_kept" });
});

test("letters that come together share a batch", async () => {
  const disk = createDisk();
  const { office } = await openOffice(disk.open());
  const before = disk.flushes;
  for (let index = 0; index < 600; index++) office.add(letterOf(index));
  await office.end();
  expect(await office.letters.statistics()).toMatchObject({ count: 600 });
  expect(disk.flushes - before).toBeLessThanOrEqual(5);
});
