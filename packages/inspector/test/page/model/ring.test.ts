import fc from "fast-check";
import { expect, test } from "vitest";
import { createRing } from "../../../src/page/model/ring.js";

test("a ring holds the newest, in their order, and never more than its capacity", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.integer(), { maxLength: 100 }), (capacity, items) => {
      const ring = createRing<number>(capacity);
      for (const item of items) ring.push(item);
      const expected = items.slice(-capacity);
      expect(ring.list()).toEqual(expected);
      expect([ring.size, ring.pushed]).toEqual([expected.length, items.length]);
      for (let index = 0; index < expected.length; index += 1)
        expect([ring.at(index), ring.at(index - expected.length)]).toEqual([expected[index], expected[index]]);
      expect([ring.at(expected.length), ring.at(-expected.length - 1)]).toEqual([undefined, undefined]);
    }),
  );
});

test("a cleared ring begins anew", () => {
  const ring = createRing<number>(3);
  for (const item of [1, 2, 3, 4]) ring.push(item);
  ring.clear();
  ring.push(5);
  expect(ring.list()).toEqual([5]);
});
