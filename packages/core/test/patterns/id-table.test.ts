import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createIds } from "../../src/envelope/id.js";
import { createNumberTable, type Table } from "../../src/open-table.js";
import { createOwnIdTable, createPeerIdTable, createPeerNumberTable } from "../../src/patterns/id-table.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";

const runtime = createVirtualRuntime({ seed: 1 });
const kinds = { own: () => createOwnIdTable<number>(), peers: () => createPeerIdTable<number>(runtime.random) };

/** Whatever comes and goes. */
function holdsWhatAMapHolds<K extends string | number>(create: () => Table<K, number>, id: fc.Arbitrary<K>): void {
  const step = fc.record({ id, value: fc.option(fc.nat(), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const table = create();
      const map = new Map<K, number>();
      for (const { id, value } of steps) {
        if (value === undefined) expect(table.delete(id)).toBe(map.delete(id));
        else {
          table.set(id, value);
          map.set(id, value);
        }
        expect(table.size).toBe(map.size);
        expect(table.get(id)).toBe(map.get(id));
      }
      for (const [id, value] of map) expect(table.get(id)).toBe(value);
      expect(table.values()).toEqual([...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value));
    }),
    { seed: 1 },
  );
}

describe.each(Object.entries(kinds))("a table of ids: %s", (_name, create) => {
  test("holds what a Map holds, whatever comes and goes", () => {
    // Few different ids, half of which end alike: places are shared, and what is behind a gap moves up.
    const id = fc.nat(79).map((number) => (number % 2 === 0 ? `${number}`.padEnd(36, "0") : `${number}`.padStart(36, "0")));
    holdsWhatAMapHolds(create, id);
  });

  test("thousands at once, and in the order in which their ids were made", () => {
    const table = create();
    const ids = createIds(runtime);
    const all = Array.from({ length: 20_000 }, () => ids.text());
    for (const [index, id] of all.entries()) table.set(id, index);
    expect(table.values()).toEqual(all.map((_, index) => index));
    for (const [index, id] of all.entries()) if (index % 3 > 0) table.delete(id);
    expect(all.map((id) => table.get(id))).toEqual(all.map((_, index) => (index % 3 > 0 ? undefined : index)));
    for (const id of all) table.delete(id);
    expect(table.size).toBe(0);
    expect(table.values()).toEqual([]);
  });
});

test("ids that were chosen to be in each other's way are not, where others choose them", () => {
  const alike = Array.from({ length: 8_000 }, (_, index) => `${index}`.padEnd(36, "0"));
  const time = (create: typeof kinds.own): number => {
    const began = performance.now();
    const table = create();
    for (const id of alike) table.set(id, 1);
    return performance.now() - began;
  };
  time(kinds.peers);
  expect(time(kinds.peers) * 5).toBeLessThan(time(kinds.own));
});

describe.each([
  ["own", () => createNumberTable<number>()],
  ["peers'", () => createPeerNumberTable<number>(runtime.random)],
] as const)("a table of numbers: %s", (_name, create) => {
  const top = 2 ** 50;

  test("holds what a Map holds, whatever comes and goes", () => {
    // Neighbours, and such as differ above their lower 32 bits alone.
    const id = fc.oneof(
      fc.nat(79),
      fc.nat(15).map((high) => high * 2 ** 32),
      fc.nat(15).map((below) => top - below),
    );
    holdsWhatAMapHolds(create, id);
  });

  test("a window that moves on for long, and grows and shrinks", () => {
    const table = create();
    let first = 0;
    let next = 0;
    for (let round = 0; round < 200; round++) {
      for (let count = (round * 37) % 900; count > 0; count--) table.set(next, next++);
      let gone = 0;
      for (let count = (round * 53) % 900; count > 0 && first + gone < next; count--) if (table.delete(first + gone)) gone++;
      first += gone;
      expect(table.size).toBe(next - first);
    }
    expect(table.values()).toEqual(Array.from({ length: next - first }, (_, index) => first + index));
  });
});

test("numbers that were chosen to be in each other's way are not, where others choose them", () => {
  const time = (create: () => ReturnType<typeof createNumberTable<number>>): number => {
    const began = performance.now();
    const table = create();
    for (let index = 0; index < 8_000; index++) table.set(index * 2 ** 32, 1);
    return performance.now() - began;
  };
  const peers = () => createPeerNumberTable<number>(runtime.random);
  time(peers);
  expect(time(peers) * 5).toBeLessThan(time(createNumberTable));
});
