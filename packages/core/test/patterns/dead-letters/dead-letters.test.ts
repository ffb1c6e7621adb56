import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import * as keptLimits from "../../../src/kept-limits.js";
import type { DeadLetter, DeadLetterFilter, DeadLetters, NewDeadLetter } from "../../../src/patterns/dead-letters/types.js";
import { createMemoryStore } from "../../../src/store/memory.js";
import { createDisk } from "../../store/disk.js";
import { envelopeOf, idOf, letterOf, openOffice } from "./fixtures.js";

async function addAll(office: Awaited<ReturnType<typeof openOffice>>["office"], letters: readonly NewDeadLetter[]): Promise<void> {
  for (const letter of letters) office.add(letter);
  await settled(office.letters, letters.length);
}

/** Until so many were written or refused. */
async function settled(letters: DeadLetters, count: number): Promise<void> {
  for (;;) {
    const { added, notKept } = await letters.statistics();
    if (added + notKept >= count) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const idsOf = (letters: readonly DeadLetter[]): (string | undefined)[] => letters.map(({ messageId }) => messageId);

describe("dead letters", () => {
  test("a letter says why, how often and when, and has the whole envelope in it", async () => {
    const { office, events } = await openOffice(createMemoryStore());
    await addAll(office, [letterOf(1, { attempts: 5, firstAt: 10.5, lastAt: 20 })]);
    const { letters, next } = await office.letters.list();
    expect(next).toBeUndefined();
    expect(letters).toMatchObject([
      { reason: "handler_failed", cause: "it failed", side: "receiver", peer: "bob", method: "work", attempts: 5, firstAt: 10, lastAt: 20, kept: true },
    ]);
    const [letter] = letters as [DeadLetter];
    expect(letter.bytes).toBe(envelopeOf(1).length);
    const contents = await office.letters.get(letter.id);
    expect(contents).toMatchObject({ ...letter, envelope: { id: idOf(1), from: "bob", to: "alice", method: "work", payload: { number: 1 } } });
    expect(contents?.raw).toEqual(envelopeOf(1));
    expect(events).toEqual([{ type: "dead_letter", id: letter.id, reason: "handler_failed", side: "receiver", peer: "bob", method: "work" }]);
    expect(await office.letters.get("ffffffffffff")).toBeUndefined();
  });

  test("what cannot be decoded is kept as it came", async () => {
    const { office } = await openOffice(createMemoryStore());
    const envelope = Uint8Array.of(0xff, 1, 2);
    await addAll(office, [letterOf(1, { reason: "invalid_envelope", method: "", messageId: undefined, envelope })]);
    const [letter] = (await office.letters.list()).letters as [DeadLetter];
    expect(letter.messageId).toBeUndefined();
    expect(await office.letters.get(letter.id)).toMatchObject({ envelope: undefined, raw: envelope });
    expect(await office.letters.replay(letter.id)).toMatchObject({ replayed: 0, failed: [{ id: letter.id, error: { code: "invalid_envelope" } }] });
  });

  test("TM-165 nothing of a message lies open in the store, and a letter with a flipped bit is reported and replayed by nobody", async () => {
    const disk = createDisk();
    const first = await openOffice(disk.open());
    await addAll(first.office, [letterOf(1, { envelope: envelopeOf(1, "tell nobody of this") }), letterOf(2)]);
    for (const [key, value] of disk.entries) {
      expect(key).toMatch(/^(meta|dead)\//);
      const text = Buffer.from(value).toString("latin1");
      for (const secret of ["tell nobody", "bob", "work", "call:", "it failed"]) expect(text).not.toContain(secret);
    }
    const [letter] = (await first.office.letters.list()).letters as [DeadLetter];
    disk.crash();
    const body = disk.entries.get(`dead/body/${letter.id}`) as Uint8Array;
    disk.entries.set(`dead/body/${letter.id}`, body.with(40, (body[40] as number) ^ 1));
    const served: unknown[] = [];
    const server = { serve: () => void served.push(1), cancel: () => undefined, linkEnded: () => undefined };
    const { office } = await openOffice(disk.open(), {}, { server });
    await expect(office.letters.get(letter.id)).rejects.toMatchObject({ code: "store_damaged" });
    expect(await office.letters.replay(letter.id)).toMatchObject({ replayed: 0, failed: [{ error: { code: "store_damaged" } }] });
    expect(served).toEqual([]);
  });

  test("a damaged head is counted and stays; the others are there", async () => {
    const disk = createDisk();
    const first = await openOffice(disk.open());
    await addAll(first.office, [letterOf(1), letterOf(2)]);
    const [letter] = (await first.office.letters.list()).letters as [DeadLetter];
    await first.office.end();
    disk.crash();
    // Sealed well, and still no letter.
    const plain = createMemoryStore();
    const other = await openOffice(plain);
    await addAll(other.office, [letterOf(1), letterOf(2)]);
    const [inMemory] = (await other.office.letters.list()).letters as [DeadLetter];
    for (const value of [new Uint8Array(0), Uint8Array.of(9), Buffer.from('\u0001{"reason":"no_code"}'), Buffer.from("\u0001[]"), Buffer.from("\u0001{")])
      await plain.batch([{ put: `dead/head/${inMemory.id}`, value: Uint8Array.from(value) }]);
    const again = await openOffice(plain);
    expect(await again.office.letters.statistics()).toMatchObject({ count: 1, damaged: 1 });
    const bit = disk.entries.get(`dead/head/${letter.id}`) as Uint8Array;
    disk.entries.set(`dead/head/${letter.id}`, bit.with(30, (bit[30] as number) ^ 1));
    const { office } = await openOffice(disk.open());
    expect(idsOf((await office.letters.list()).letters)).toEqual([idOf(2)]);
    expect(disk.entries.has(`dead/head/${letter.id}`)).toBe(true);
  });

  test("G-80 letters outlive their process, and no id is used twice", async () => {
    const disk = createDisk();
    const first = await openOffice(disk.open());
    await addAll(first.office, [letterOf(1), letterOf(2), letterOf(3)]);
    const before = (await first.office.letters.list()).letters;
    disk.crash();
    const second = await openOffice(disk.open());
    expect((await second.office.letters.list()).letters).toEqual(before);
    expect(await second.office.letters.discard({})).toBe(3);
    disk.crash();
    const { runtime } = second;
    await runtime.advance(10);
    const third = await openOffice(disk.open(), {}, { runtime });
    await addAll(third.office, [letterOf(4)]);
    const [letter] = (await third.office.letters.list()).letters as [DeadLetter];
    expect(before.map(({ id }) => id)).not.toContain(letter.id);
  });

  test("a replay that kills its process has been tried all the same, and its letter is there", async () => {
    const disk = createDisk();
    const server = { serve: () => disk.crash(), cancel: () => undefined, linkEnded: () => undefined };
    const first = await openOffice(disk.open(), {}, { server });
    await addAll(first.office, [letterOf(1)]);
    void first.office.letters.replay({});
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    const second = await openOffice(disk.open());
    expect((await second.office.letters.list()).letters).toMatchObject([{ attempts: 2, reason: "handler_failed" }]);
    expect(await second.office.letters.replay({})).toMatchObject({ replayed: 1 });
    disk.crash();
    expect((await (await openOffice(disk.open())).office.letters.list()).letters).toEqual([]);
  });

  test("filters and pages give what a plain look at all letters gives", async () => {
    const reasons = ["expired", "handler_failed", "forbidden"] as const;
    const given = fc.record({
      reason: fc.constantFrom(...reasons),
      peer: fc.constantFrom("bob", "carol"),
      method: fc.constantFrom("work", "rest"),
      side: fc.constantFrom("sender" as const, "receiver" as const),
      lastAt: fc.integer({ min: 0, max: 5 }),
    });
    const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
    const filters = fc.record({
      reason: optional(fc.oneof(fc.constantFrom(...reasons), fc.subarray([...reasons]))),
      peer: optional(fc.constantFrom("bob", "carol", "dave")),
      method: optional(fc.constantFrom("work", "rest", "")),
      side: optional(fc.constantFrom("sender" as const, "receiver" as const)),
      from: optional(fc.integer({ min: 0, max: 6 })),
      to: optional(fc.integer({ min: 0, max: 6 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(given, { maxLength: 25 }), filters, fc.integer({ min: 1, max: 7 }), fc.boolean(), async (all, filter, limit, reverse) => {
        const { office } = await openOffice(createMemoryStore(), { retention: { age: 10 ** 12 } });
        await addAll(
          office.letters === undefined ? office : office,
          all.map((one, index) => letterOf(index, one)),
        );
        const fits = ({ reason, peer, method, side, lastAt }: (typeof all)[0]): boolean =>
          (filter.reason === undefined || [filter.reason].flat().includes(reason)) &&
          (filter.peer === undefined || filter.peer === peer) &&
          (filter.method === undefined || filter.method === method) &&
          (filter.side === undefined || filter.side === side) &&
          (filter.from === undefined || lastAt >= filter.from) &&
          (filter.to === undefined || lastAt < filter.to);
        const expected = all.flatMap((one, index) => (fits(one) ? [idOf(index)] : []));
        const found: (string | undefined)[] = [];
        let after: string | undefined;
        const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as DeadLetterFilter;
        do {
          const page = await office.letters.list({ ...given, limit, reverse, ...(after === undefined ? {} : { after }) });
          expect(page.letters.length).toBeLessThanOrEqual(limit);
          found.push(...idsOf(page.letters));
          after = page.next;
        } while (after !== undefined);
        expect(found).toEqual(reverse ? expected.reverse() : expected);
        expect(await office.letters.discard(given)).toBe(expected.length);
        expect((await office.letters.statistics()).count).toBe(all.length - expected.length);
      }),
      { numRuns: 60 },
    );
  });

  test("statistics count what is there and what became of the rest", async () => {
    const { office } = await openOffice(createMemoryStore(), { retention: { count: 4 } });
    await addAll(
      office,
      [1, 2, 3, 4].map((number) => letterOf(number, { side: "sender", reason: number < 3 ? "expired" : "undelivered", lastAt: number })),
    );
    await addAll(office, [letterOf(5, { side: "sender", lastAt: 5 })]);
    const [first] = (await office.letters.list()).letters as [DeadLetter];
    expect(first.messageId).toBe(idOf(2));
    await office.letters.discard(first.id);
    expect(await office.letters.statistics()).toEqual({
      count: 3,
      bytes: envelopeOf(3).length * 3,
      sender: 3,
      receiver: 0,
      reasons: { undelivered: 2, handler_failed: 1 },
      oldest: 3,
      newest: 5,
      added: 5,
      replayed: 0,
      discarded: 1,
      dropped: 1,
      notKept: 0,
      damaged: 0,
    });
  });

  test("retention by age: what was tried last so long ago goes, also with nobody looking", async () => {
    const store = createMemoryStore();
    const { office, runtime, events } = await openOffice(store, { retention: { age: 10_000 } });
    const now = 1_000_000;
    await addAll(office, [letterOf(1, { lastAt: now - 9_000 }), letterOf(2, { lastAt: now })]);
    await runtime.advance(2_000);
    expect(idsOf((await office.letters.list()).letters)).toEqual([idOf(2)]);
    expect(events.at(-1)).toEqual({ type: "dead_letters", what: "dropped", count: 1 });
    await runtime.advance(keptLimits.letterPruneMs);
    const left: string[] = [];
    for await (const [key] of store.scan("dead/")) left.push(key);
    expect(left).toEqual([]);
    await office.end();
  });

  test("an alert comes once at the threshold, and again after there were fewer", async () => {
    const { office, events } = await openOffice(createMemoryStore(), { alert: { threshold: 2 } });
    const alerts = (): unknown[] => events.filter((event) => event.type === "dead_letters");
    await addAll(office, [letterOf(1)]);
    expect(alerts()).toEqual([]);
    await addAll(office, [letterOf(2), letterOf(3)]);
    await settled(office.letters, 3);
    expect(alerts()).toEqual([{ type: "dead_letters", what: "alert", count: 2 }]);
    await office.letters.discard({});
    office.add(letterOf(4));
    office.add(letterOf(5));
    await settled(office.letters, 5);
    expect(alerts()).toHaveLength(2);
  });

  test("TM-166 a peer that fills the letters pushes out its own, not another's, and never more than three quarters of all", async () => {
    const { office } = await openOffice(createMemoryStore(), { retention: { count: 40 } });
    await addAll(
      office,
      [1, 2, 3, 4, 5, 6, 7, 8].map((number) => letterOf(number, { peer: "carol" })),
    );
    await addAll(
      office,
      Array.from({ length: 20 }, (_, index) => letterOf(100 + index, { side: "sender", peer: "dave" })),
    );
    for (let index = 0; index < 500; index++) office.add(letterOf(1_000 + index));
    await settled(office.letters, 528);
    const countOf = async (filter: DeadLetterFilter): Promise<number> => (await office.letters.list({ ...filter, limit: 1_000 })).letters.length;
    expect(await countOf({ peer: "carol" })).toBe(8);
    expect(await countOf({ peer: "bob" })).toBe(20);
    // What was sent gives way down to a quarter of the room, and no further.
    expect(await countOf({ side: "sender" })).toBe(12);
    for (let index = 0; index < 200; index++) office.add(letterOf(2_000 + index, { peer: `peer${index}` }));
    await settled(office.letters, 728);
    expect(await countOf({ side: "sender" })).toBe(10);
    expect(await countOf({})).toBe(40);
    // What is sent pushes out what was sent.
    for (let index = 0; index < 50; index++) office.add(letterOf(3_000 + index, { side: "sender", peer: "dave" }));
    await settled(office.letters, 778);
    expect([await countOf({ side: "sender" }), await countOf({})]).toEqual([10, 40]);
  });

  test("TM-167 bytes are bounded: large letters push out the oldest, and one beyond all room is kept without its message", async () => {
    const { office } = await openOffice(createMemoryStore(), { retention: { bytes: 40_000 } });
    const big = (number: number, bytes: number): NewDeadLetter => letterOf(number, { side: "sender", envelope: new Uint8Array(bytes) });
    for (let index = 0; index < 20; index++) office.add(big(index, 9_000));
    await settled(office.letters, 20);
    expect(await office.letters.statistics()).toMatchObject({ count: 4, bytes: 36_000, dropped: 16 });
    office.add(big(100, 50_000));
    await settled(office.letters, 21);
    const { letters } = await office.letters.list({ reverse: true, limit: 1 });
    expect(letters).toMatchObject([{ messageId: idOf(100), bytes: 50_000, kept: false }]);
    expect(await office.letters.get((letters[0] as DeadLetter).id)).toMatchObject({ envelope: undefined, raw: undefined });
    expect(await office.letters.replay((letters[0] as DeadLetter).id)).toMatchObject({ failed: [{ error: { code: "too_large" } }] });
  });

  test("what a value of the store has no room for is kept without its message; whoever prepares is refused", async () => {
    const { office } = await openOffice(createDisk({ maxValueBytes: 2_000 }).open());
    office.add(letterOf(1, { envelope: new Uint8Array(3_000) }));
    await settled(office.letters, 1);
    expect((await office.letters.list()).letters).toMatchObject([{ kept: false, bytes: 3_000 }]);
    expect(() => office.prepare(letterOf(2, { envelope: new Uint8Array(3_000) }))).toThrow(expect.objectContaining({ code: "too_large" }));
  });

  test.each([
    [{ retention: { count: 0 } }],
    [{ retention: { count: keptLimits.lettersMax + 1 } }],
    [{ retention: { age: Number.NaN } }],
    [{ retention: { whenFull: "shout" } }],
    [{ retention: 3 }],
    [{ alert: { threshold: -1 } }],
    [{ undelivered: 1 }],
    [{ keep: true }],
    [{ retention: { counts: 1 } }],
  ])("an option that is wrong or unknown is refused: %j", async (options) => {
    await expect(openOffice(createMemoryStore(), options as never)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test.each([
    [{ limit: 0 }],
    [{ limit: keptLimits.letterPageMax + 1 }],
    [{ after: "x" }],
    [{ reason: "no_code" }],
    [{ reason: Array.from({ length: keptLimits.letterReasons + 1 }, () => "expired") }],
    [{ peer: "a b" }],
    [{ side: "both" }],
    [{ from: "1" }],
    [{ __proto__: null, constructor: 1 }],
  ])("a query that is wrong or unknown is refused: %j", async (query) => {
    const { office } = await openOffice(createMemoryStore());
    await expect(office.letters.list(query as never)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("an id or an option of a replay that is none is refused", async () => {
    const { office } = await openOffice(createMemoryStore());
    for (const id of ["", "zz", "__proto__", "0".repeat(13)]) {
      await expect(office.letters.get(id)).rejects.toMatchObject({ code: "invalid_argument" });
      await expect(office.letters.discard(id)).rejects.toMatchObject({ code: "invalid_argument" });
    }
    await expect(office.letters.replay({}, { timeout: 0 })).rejects.toBeInstanceOf(TightbeamError);
    await expect(office.letters.replay({}, { newid: true } as never)).rejects.toBeInstanceOf(TightbeamError);
    expect(await office.letters.replay("000000000001")).toMatchObject({ replayed: 0, failedCount: 1, failed: [{ error: { code: "invalid_argument" } }] });
  });
});
