import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOrderedKeys } from "../../src/store/ordered.js";

const key = fc.stringMatching(/^[ab/_-]{1,4}$/);

describe("ordered keys", () => {
  it("are those of a sorted list, whatever comes and goes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, fc.boolean()), { maxLength: 60 }),
        fc.stringMatching(/^[ab/]{0,2}$/),
        fc.option(key, { nil: undefined }),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        (steps, prefix, from, reverse, count) => {
          const keys = createOrderedKeys();
          const model = new Set<string>();
          for (const [each, add] of steps) {
            if (add) keys.add(each);
            else keys.delete(each);
            if (add) model.add(each);
            else model.delete(each);
            expect(keys.has(each)).toBe(add);
          }
          const all = [...model].sort().filter((each) => each.startsWith(prefix) && (from === undefined || (reverse ? each < from : each > from)));
          expect(keys.page(prefix, from, reverse, count)).toEqual((reverse ? all.reverse() : all).slice(0, count));
          expect(keys.size).toBe(model.size);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("stay in order over many of their lists, growing, at random and shrinking", () => {
    const keys = createOrderedKeys();
    const names = Array.from({ length: 5_000 }, (_, i) => `k/${((i * 2_654_435_761) >>> 0).toString(16).padStart(8, "0")}`);
    for (const name of names) keys.add(name);
    for (let i = 0; i < 3_000; i++) keys.add(`z/${String(i).padStart(6, "0")}`);
    for (const name of names.slice(0, 2_500)) keys.delete(name);
    const expected = [...names.slice(2_500).sort(), ...Array.from({ length: 3_000 }, (_, i) => `z/${String(i).padStart(6, "0")}`)];
    const walk = (reverse: boolean): string[] => {
      const found: string[] = [];
      for (let page = keys.page("", undefined, reverse, 100); page.length > 0; page = keys.page("", page.at(-1), reverse, 100)) found.push(...page);
      return found;
    };
    expect(walk(false)).toEqual(expected);
    expect(walk(true)).toEqual(expected.reverse());
    expect(keys.size).toBe(5_500);
  });
});
