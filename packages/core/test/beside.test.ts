import { expect, test } from "vitest";
import { createBeside } from "../src/beside.js";

test("a value is kept beside its object, replaced by the next, and seen by nobody else", () => {
  const [one, other] = [createBeside<object, number>(), createBeside<object, string>()];
  const key = { name: "a" };
  expect(one.get(key)).toBeUndefined();
  one.set(key, 1);
  other.set(key, "x");
  expect([one.get(key), other.get(key), one.get({ name: "a" })]).toEqual([1, "x", undefined]);
  one.set(key, 2);
  expect(one.get(key)).toBe(2);
  expect([Object.getOwnPropertyNames(key), Object.getOwnPropertySymbols(key), Object.getPrototypeOf(key)]).toEqual([["name"], [], Object.prototype]);
  expect(one.get({ ...key })).toBeUndefined();
  expect(structuredClone(key)).toEqual({ name: "a" });
});

test("what takes nothing more keeps none, and is left as it is", () => {
  const beside = createBeside<object, number>();
  for (const key of [Object.freeze({ a: 1 }), Object.seal({ a: 1 }), Object.preventExtensions({ a: 1 })]) {
    beside.set(key, 1);
    expect([beside.get(key), key]).toEqual([undefined, { a: 1 }]);
  }
  const late = { a: 1 };
  beside.set(late, 1);
  Object.freeze(late);
  beside.set(late, 2);
  expect(beside.get(late)).toBe(2);
});
