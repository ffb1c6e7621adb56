import { expect, test } from "vitest";
import * as limits from "../../../src/limits.js";
import { createHeard } from "../../../src/patterns/topics/heard.js";
import { idOf } from "./stage.js";

type Event = Parameters<ReturnType<typeof createHeard>["had"]>[0];

const arrival = (number: number, { topic = "t", lane = 2 as Event["lane"], instance = "i" } = {}): Event =>
  ({ link: { peer: { id: "p", instance } }, header: { id: idOf(number) }, topic, lane }) as Event;

test("what was heard of a topic and lane of an instance is known, and what comes after it is not", () => {
  const heard = createHeard();
  expect(heard.had(arrival(1))).toBe(false);
  heard.note(arrival(2));
  expect([1, 2, 3].map((number) => heard.had(arrival(number)))).toEqual([true, true, false]);
  for (const other of [{ topic: "u" }, { lane: 3 as const }, { instance: "j" }]) expect(heard.had(arrival(1, other))).toBe(false);
  // The next process of the same instance, whose clock was set back.
  heard.note(arrival(1));
  expect(heard.had(arrival(2))).toBe(false);
});

test("so many topics are remembered, the newest of them", () => {
  const heard = createHeard();
  for (let number = 0; number <= limits.topicsHeard; number++) heard.note(arrival(1, { topic: `t${number}` }));
  heard.note(arrival(2, { topic: "t1" }));
  expect(heard.had(arrival(1, { topic: "t0" }))).toBe(false);
  expect(heard.had(arrival(1, { topic: "t1" }))).toBe(true);
  expect(heard.had(arrival(1, { topic: `t${limits.topicsHeard}` }))).toBe(true);
});
