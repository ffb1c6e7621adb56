import { expect, test } from "vitest";
import { createMemoryBudget } from "../../src/link/budget.js";
import { createShares } from "../../src/link/share.js";

const fill = (budget: { take(bytes: number): boolean }): number => {
  let taken = 0;
  while (budget.take(1)) taken++;
  return taken;
};

test("TM-62: what an agent left here counts when it comes back: it gets no more by reconnecting", () => {
  const whole = createMemoryBudget(1_000);
  const shares = createShares(whole);
  for (let round = 0; round < 5; round++) {
    const { budget } = shares.change("mallory", 1, 1);
    expect(fill(budget)).toBe(round === 0 ? 500 : 0);
    shares.change("mallory", -1, -1);
  }
  const { budget } = shares.change("mallory", 1, 0);
  budget.give(500);
  expect(whole.used).toBe(0);
  expect(fill(budget)).toBe(500);
});

test("TM-62: what others have paid for counts in the share of each for whom it is kept", () => {
  const whole = createMemoryBudget(1_000);
  const shares = createShares(whole);
  const { budget: mallory } = shares.change("mallory", 1, 0);
  const { budget: bob } = shares.change("bob", 1, 0);
  expect(whole.take(700)).toBe(true);
  expect([mallory.charge(150), mallory.charge(80)]).toEqual([true, false]);
  expect([mallory.take(80), whole.used]).toEqual([false, 700]);
  expect(bob.charge(150)).toBe(true);
  mallory.discharge(150);
  expect([mallory.take(80), whole.used]).toEqual([true, 780]);
});
