import { expect, test } from "vitest";
import { nameShift } from "../../../../src/page/views/overview/draw.js";

test("the name of an agent at the edge moves inwards until it is whole; in the middle it stays, and where there is no room too", () => {
  expect(nameShift(200, 10, 400)).toBe(0);
  expect(nameShift(34, 10, 400)).toBe(7);
  expect(nameShift(390, 10, 400)).toBe(-31);
  expect(nameShift(34, 18, 120)).toBe(0);
});
