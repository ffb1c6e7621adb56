import { expect, test } from "vitest";
import { createMemoryBudget } from "../../../src/link/budget.js";
import { createFifo } from "../../../src/link/fifo.js";
import type { Outlet } from "../../../src/patterns/topics/outlet.js";
import { compile } from "../../../src/patterns/topics/pattern.js";
import type { Retained } from "../../../src/patterns/topics/published.js";
import type { PublishedTopic } from "../../../src/patterns/topics/published-topic.js";
import { replayOf } from "../../../src/patterns/topics/retained.js";
import { idOf } from "./stage.js";

const settings = { retain: 1_000, events: 1_000, bytes: 2 ** 20, patience: 0, slow: "drop-oldest" } as const;

/** Topics that have published in turn, so many events each. */
function topicsOf(count: number, events: number) {
  let looked = 0;
  const topics = Array.from({ length: count }, (_, number) => {
    const fifo = createFifo<Retained>();
    const name = `t${number}`;
    for (let event = 0; event < events; event++) {
      const header = { type: "event", id: idOf(event * count + number), timestamp: 0, priority: "normal", topic: name } as const;
      fifo.push({ header, payload: undefined, lane: 2, size: 1 });
    }
    const at = fifo.at.bind(fifo);
    fifo.at = (index) => {
      looked++;
      return at(index);
    };
    return { name, settings, retained: fifo } as unknown as PublishedTopic;
  });
  return { topics, looked: () => looked };
}

const replay = (topics: readonly PublishedTopic[], most: number): string[] => {
  const outlet = { queued: 0, queuedBytes: 0 } as Outlet;
  const ask = { id: idOf(0), pattern: compile(">"), replay: most, credit: 0 };
  return replayOf(topics, ask, outlet, createMemoryBudget(2 ** 20)).map(({ header }) => header.id);
};

test("TM-127: a replay looks at what it brings, and not at all that is retained", () => {
  const { topics, looked } = topicsOf(100, 1_000);
  expect(replay(topics, 10)).toEqual(Array.from({ length: 10 }, (_, number) => idOf(99_990 + number)));
  expect(looked()).toBeLessThanOrEqual(110);
});

test("a replay of several topics is the last events of all, oldest first, also where one has had many and another few", () => {
  const { topics } = topicsOf(3, 2);
  const { topics: more } = topicsOf(1, 20);
  expect(replay([...topics, ...more], 100)).toHaveLength(26);
  expect(replay([...topics, ...more], 4)).toEqual([16, 17, 18, 19].map(idOf));
  expect(replay(topics, 5)).toEqual([1, 2, 3, 4, 5].map(idOf));
  expect(replay(topics, 0)).toEqual([]);
});
