import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createConversations } from "../../../src/page/model/conversations.js";
import { activity, chooseLanes, filterMessages, laneOf, others } from "../../../src/page/model/sequence.js";
import { message } from "../messages.js";

const agents = fc.integer({ min: 0, max: 12 }).map((number) => `agent-${number}`);
const traffic = fc
  .array(fc.tuple(agents, agents), { maxLength: 60 })
  .map((pairs) => pairs.map(([from, to], index) => message({ id: String(index), from, to })));

describe("lines of agents", () => {
  test("never more than there is room for, and every message has a line at both ends", () => {
    fc.assert(
      fc.property(fc.array(traffic, { minLength: 1, maxLength: 4 }), fc.integer({ min: 2, max: 9 }), (rounds, most) => {
        let lanes: readonly string[] = [];
        for (const messages of rounds) {
          lanes = chooseLanes(lanes, messages, most, ["agent-3", "agent-1"]);
          expect(lanes.length).toBeLessThanOrEqual(most);
          expect(new Set(lanes).size).toBe(lanes.length);
          for (const { from, to } of messages) for (const key of [from, to]) expect(lanes[laneOf(lanes, key)]).toBe(lanes.includes(key) ? key : others);
        }
      }),
    );
  });

  test("stand in the order of the agents, and stay while they show nearly as much as the best choice", () => {
    const between = (from: string, to: string, count: number) => Array.from({ length: count }, (_, index) => message({ id: `${from}${index}`, from, to }));
    expect(chooseLanes([], between("b", "a", 3), 4, ["a", "b"])).toEqual(["a", "b"]);
    const busy = [...between("a", "b", 5), ...between("c", "d", 4), ...between("e", "f", 3)];
    const lanes = chooseLanes([], busy, 3, ["a", "b", "c"]);
    expect(lanes).toEqual(["a", "b", others]);
    expect(chooseLanes(lanes, [...busy, ...between("c", "d", 2)], 3, ["a", "b", "c"])).toBe(lanes);
    expect(chooseLanes(lanes, between("c", "d", 50).concat(busy), 3, ["a", "b", "c"])).toEqual(["c", "d", others]);
  });
});

test("whoever was asked is at work from the request to its last reply", () => {
  const conversations = createConversations(10);
  const rows = [
    message({ id: "0", type: "event", from: "a", to: "c" }),
    message({ id: "1", from: "a", to: "b" }),
    message({ id: "2", type: "stream", correlationId: "1", from: "b", to: "a" }),
    message({ id: "3", type: "stream", correlationId: "1", from: "b", to: "a" }),
    message({ id: "4", type: "event", from: "a", to: "c" }),
    message({ id: "5", from: "a", to: "elsewhere" }),
    message({ id: "6", type: "response", correlationId: "5", from: "elsewhere", to: "a" }),
  ];
  for (const row of rows) conversations.take(row);
  expect([...activity(rows, conversations.of, ["a", "b", others])]).toEqual([0, 2, 2, 2, 0, 0, 0]);
});

test("a filter by text, agent and failure; none takes nothing away", () => {
  const rows = [message({ id: "1", name: "search", from: "alice/1" }), message({ id: "2", name: "Plan", to: "carol/1" }), message({ id: "3" })];
  const ids = (filter: Parameters<typeof filterMessages>[1]) =>
    filterMessages(
      rows,
      filter,
      (key) => key.slice(0, -2),
      ({ id }) => id === "3",
    ).map(({ id }) => id);
  const none = { text: "", agent: "", failedOnly: false };
  expect(filterMessages(rows, none, String, () => false)).toBe(rows);
  expect(ids({ ...none, text: " PLAN" })).toEqual(["2"]);
  expect(ids({ ...none, text: "ali" })).toEqual(["1"]);
  expect(ids({ ...none, agent: "carol/1" })).toEqual(["2"]);
  expect(ids({ ...none, failedOnly: true })).toEqual(["3"]);
});
