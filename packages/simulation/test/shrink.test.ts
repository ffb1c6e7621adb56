import { expect, it } from "vitest";
import { drawFaults, faultKinds, faultText } from "../src/index.js";
import { createChance } from "../src/random.js";
import { shrink } from "../src/shrink.js";

const needs =
  (...wanted: readonly number[]) =>
  async (part: readonly number[]) =>
    wanted.every((one) => part.includes(one));
const many = Array.from({ length: 40 }, (_, index) => index);

it("finds the few that are needed", async () => {
  expect(await shrink(many, needs(3))).toEqual([3]);
  expect(await shrink(many, needs(3, 4, 39))).toEqual([3, 4, 39]);
  expect(await shrink(many, needs())).toEqual([]);
  expect(await shrink([7], needs(7))).toEqual([7]);
  expect(await shrink([], needs())).toEqual([]);
});

it("stops when its tries are used up, with a list that fails", async () => {
  let tries = 0;
  const found = await shrink(
    many,
    (part) => {
      tries += 1;
      return needs(0, 13, 26, 39)(part);
    },
    10,
  );
  expect(tries).toBe(10);
  expect(await needs(0, 13, 26, 39)(found)).toBe(true);
});

it("draws faults of every kind, the same for the same chance, inside the phase", () => {
  const draw = (seed: number) => drawFaults(createChance(seed, "faults"), { agents: ["alice", "bob"], duration: 1_000 });
  expect(draw(5)).toEqual(draw(5));
  const faults = Array.from({ length: 200 }, (_, seed) => draw(seed)).flat();
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
  for (const fault of faults) {
    expect(fault.at).toBeGreaterThanOrEqual(0);
    expect(fault.at).toBeLessThan(1_000);
    expect(faultText(fault)).toMatch(/ at \d+ ms$|, \d+ to \d+ ms$/);
  }
  expect(drawFaults(createChance(1), { agents: ["alice"], duration: 10, kinds: [] })).toEqual([]);
});
