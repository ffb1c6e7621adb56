import { expect, test } from "vitest";
import { createIntakeQueue } from "../../../src/patterns/admission/intake-queue.js";

const noop = (): void => undefined;
const anyone = (): boolean => true;

test("priorities go in their order, and first in, first out within one", () => {
  const queue = createIntakeQueue();
  const seen: string[] = [];
  for (const priority of ["low", "normal", "critical", "high", "low", "critical"] as const) {
    const number = seen.length + queue.length;
    queue.add("bob", priority, 10, () => seen.push(`${priority}${number}`));
  }
  expect(queue.bytes).toBe(60);
  for (let next = queue.take(false, anyone); next !== undefined; next = queue.take(false, anyone)) next.start();
  expect(seen).toEqual(["critical2", "critical5", "high3", "normal1", "low0", "low4"]);
  expect([queue.length, queue.bytes]).toEqual([0, 0]);
});

test("low never starves: one in sixteen while everything else is critical, and one of each while all three wait", () => {
  const queue = createIntakeQueue();
  const count = { critical: 0, normal: 0, low: 0 };
  const add = (priority: keyof typeof count): void => void queue.add("bob", priority, 1, () => count[priority]++);
  for (let i = 0; i < 1_000; i++) add("low");
  for (let i = 0; i < 1_600; i++) {
    add("critical");
    queue.take(false, anyone)?.start();
  }
  expect(count).toEqual({ critical: 1_500, normal: 0, low: 100 });
  for (let i = 0; i < 1_000; i++) add("normal");
  for (let i = 0; i < 1_600; i++) {
    add("critical");
    queue.take(false, anyone)?.start();
  }
  expect(count.normal).toBeGreaterThan(80);
  expect(count.low).toBeGreaterThan(180);
  expect(count.critical).toBeGreaterThan(2_850);
});

test("a lower class that was empty has saved up nothing", () => {
  const queue = createIntakeQueue();
  const seen: string[] = [];
  for (let i = 0; i < 100; i++) queue.add("bob", "high", 1, () => seen.push("high"));
  for (let i = 0; i < 50; i++) queue.take(false, anyone)?.start();
  queue.add("bob", "low", 1, () => seen.push("low"));
  for (let i = 0; i < 15; i++) queue.take(false, anyone)?.start();
  expect(seen).not.toContain("low");
  queue.take(false, anyone)?.start();
  expect(seen.at(-1)).toBe("low");
});

test("urgent only takes critical and high", () => {
  const queue = createIntakeQueue();
  queue.add("bob", "low", 1, noop);
  queue.add("bob", "normal", 1, noop);
  expect(queue.take(true, anyone)).toBeUndefined();
  const high = queue.add("bob", "high", 1, noop);
  expect(queue.take(true, anyone)).toBe(high);
  expect(queue.length).toBe(2);
});

test("whoever waits no longer leaves at once, from anywhere, and only once", () => {
  const queue = createIntakeQueue();
  const all = Array.from({ length: 5 }, () => queue.add("bob", "normal", 7, noop));
  for (const index of [2, 0, 4]) expect(queue.remove(all[index] as (typeof all)[0])).toBe(true);
  expect(queue.remove(all[2] as (typeof all)[0])).toBe(false);
  expect([queue.length, queue.bytes]).toEqual([2, 14]);
  expect([queue.take(false, anyone), queue.take(false, anyone), queue.take(false, anyone)]).toEqual([all[1], all[3], undefined]);
  expect(queue.remove(all[1] as (typeof all)[0])).toBe(false);
});

test("owners take turns: one with much waiting does not stand before one with little, and one that may not start is passed over", () => {
  const queue = createIntakeQueue();
  const seen: string[] = [];
  const add = (owner: string, count: number): void => {
    for (let i = 0; i < count; i++) queue.add(owner, "normal", 1, () => seen.push(owner));
  };
  add("mallory", 1_000);
  add("bob", 3);
  add("carol", 1);
  for (let i = 0; i < 6; i++) queue.take(false, anyone)?.start();
  expect(seen).toEqual(["mallory", "bob", "carol", "mallory", "bob", "mallory"]);
  queue.take(false, (owner) => owner !== "mallory")?.start();
  expect(seen.at(-1)).toBe("bob");
  expect(queue.take(false, (owner) => owner !== "mallory")).toBeUndefined();
  expect(queue.length).toBe(997);
});
