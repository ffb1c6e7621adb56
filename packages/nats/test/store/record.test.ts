import type { StoreChange } from "@tightbeam/core/store";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Change, createReplay, cutRecords, encodeChanges } from "../../src/store/record.js";

const change: fc.Arbitrary<StoreChange> = fc.oneof(
  fc.record({ put: fc.stringMatching(/^[a-z/]{1,20}$/), value: fc.uint8Array({ maxLength: 50 }) }),
  fc.record({ remove: fc.stringMatching(/^[a-z/]{1,20}$/) }),
);
const plain = (changes: readonly StoreChange[]): Change[] => changes.map((each) => ("put" in each ? [each.put, each.value] : [each.remove, undefined]));

describe("records of the log", () => {
  it("come back as they were, cut into messages of any size", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(change, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 3, max: 200 }),
        (batches, most) => {
          const records = cutRecords(
            batches.map((batch) => encodeChanges(batch).bytes),
            most,
          );
          const got: Change[][] = [];
          const replay = createReplay((changes) => void got.push([...changes]));
          for (const record of records) {
            expect(record.length).toBeLessThanOrEqual(most);
            replay(record);
          }
          expect(got).toEqual([batches.flatMap(plain)]);
        },
      ),
    );
  });

  it("of a group whose last part never came are left out", () => {
    const got: Change[][] = [];
    const replay = createReplay((changes) => void got.push([...changes]));
    const group = (key: string): Uint8Array[] => cutRecords([encodeChanges([{ put: key, value: new Uint8Array(20) }]).bytes], 10);
    for (const record of group("lost").slice(0, -1)) replay(record);
    for (const record of group("there")) replay(record);
    expect(got).toEqual([[["there", new Uint8Array(20)]]]);
  });

  it("keep the bytes that were given, whatever becomes of the caller's", () => {
    const value = new Uint8Array([1, 2, 3]);
    const { changes } = encodeChanges([{ put: "k", value }]);
    value.fill(9);
    expect(changes).toEqual([["k", new Uint8Array([1, 2, 3])]]);
  });

  it("of a newer version are refused as such", () => {
    expect(() => createReplay(() => undefined)(new Uint8Array([2, 3, 0]))).toThrow(expect.objectContaining({ code: "store_too_new" }));
  });

  it("TM-182: that are damaged give store_damaged or changes of the grammar, and nothing else", () => {
    const record = cutRecords([encodeChanges([{ put: "key/a", value: new Uint8Array(9) }, { remove: "key/b" }]).bytes], 1_000)[0] as Uint8Array;
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: record.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 3, max: record.length }),
        (at, flip, length) => {
          const bad = record.slice(0, length);
          if (at < length) bad[at] = (bad[at] ?? 0) ^ flip;
          try {
            createReplay((changes) => {
              for (const [key] of changes) expect(key).toMatch(/^[A-Za-z0-9_/-]{1,256}$/);
            })(bad);
          } catch (error) {
            expect(error).toMatchObject({ code: "store_damaged" });
          }
        },
      ),
      { numRuns: 300 },
    );
    for (const bad of [[], [1], [1, 3], [1, 0, 5], [1, 7, 5]])
      expect(() => createReplay(() => undefined)(new Uint8Array(bad))).toThrow(expect.objectContaining({ code: "store_damaged" }));
  });
});
