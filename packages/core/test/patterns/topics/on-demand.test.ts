import { expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import { onDemand } from "../../../src/on-demand.js";
import type { PatternHost } from "../../../src/patterns/host.js";
import { createTopicsOnDemand } from "../../../src/patterns/topics/topics-on-demand.js";
import type { TopicEventReport } from "../../../src/patterns/topics/types.js";
import { idOf, setUp } from "./stage.js";

type Code = typeof import("../../../src/patterns/topics/topics.js");

/** Topics whose code is there when the test says so. */
function loadedLater({ budget }: { budget?: number } = {}) {
  const loads: { arrive(): void; fail(cause: Error): void }[] = [];
  const load = onDemand<Code>(
    () =>
      new Promise((resolve, reject) => {
        loads.push({ arrive: () => resolve(import("../../../src/patterns/topics/topics.js")), fail: reject });
      }),
  );
  const create = (host: PatternHost, report: (event: TopicEventReport) => void) => createTopicsOnDemand(host, report, load);
  return { ...setUp({ create, ...(budget === undefined ? {} : { budget }) }), loads };
}

test("what is said while topics are being loaded keeps its order, and nothing passes it", async () => {
  const { topics, linkTo, subscribe, loads } = loadedLater();
  const { link, sent } = linkTo("s");
  const end = topics.declare("t", { retain: 3 });
  expect(topics.topics()).toEqual([{ topic: "t", subscribers: 0, published: 0, retained: 0 }]);
  expect(() => topics.declare("t", {})).toThrowError(/already/);
  expect(() => topics.declare("a b", {})).toThrowError(/topic name/);
  expect(topics.subscribers("t")).toEqual([]);
  const before = topics.publish("t", 0, {});
  const answered = subscribe(link, "t") as Promise<unknown>;
  const rest = [1, 2, 3].map((number) => topics.publish("t", number, {}));
  expect(loads).toHaveLength(1);
  loads[0]?.arrive();
  await Promise.all([before, ...rest, topics.publish("t", 4, {})]);
  // Published before the subscription was answered: not delivered.
  expect(sent.map(({ payload }) => payload)).toEqual([1, 2, 3, 4]);
  expect(await answered).toEqual({ after: expect.any(String) as string });
  expect(topics.topics()).toEqual([{ topic: "t", subscribers: 1, published: 5, retained: 3 }]);
  end();
  end();
  expect(topics.topics()).toMatchObject([{ retained: 0 }]);
  topics.declare("t", {});
});

test("what is published while topics are being loaded is what it was when publish was called", async () => {
  const { topics, linkTo, subscribe, loads } = loadedLater();
  const { link, sent } = linkTo("s");
  void subscribe(link, "t");
  const value = { n: 1 };
  const published = topics.publish("t", value, {});
  value.n = 2;
  loads[0]?.arrive();
  await published;
  expect(sent.map(({ payload }) => payload)).toEqual([{ n: 1 }]);
});

test("TM-126 so many events wait for the code of topics, and so many bytes; they hold the agent's memory only meanwhile", async () => {
  const { topics, memory, loads } = loadedLater({ budget: 1_000_000 });
  const waiting = Array.from({ length: limits.publishesWaiting }, (_, number) => topics.publish("t", number, {}));
  await expect(topics.publish("t", 0, {})).rejects.toMatchObject({ code: "overloaded" });
  expect(memory.used).toBeGreaterThan(limits.publishesWaiting);
  loads[0]?.arrive();
  await Promise.all(waiting);
  expect(memory.used).toBe(0);

  const tight = loadedLater({ budget: 1_000 });
  await expect(tight.topics.publish("t", "x".repeat(1_001), {})).rejects.toMatchObject({ code: "overloaded" });
});

test("timeouts and signals count while topics are being loaded, and nothing comes of what they ended", async () => {
  const { topics, linkTo, subscribe, loads, runtime } = loadedLater();
  const { link, sent } = linkTo("s");
  void subscribe(link, "t");
  const abort = new AbortController();
  const ends = [
    topics.publish("t", 1, { timeout: 50 }),
    topics.publish("t", 2, { signal: abort.signal }),
    topics.subscribe("t", () => undefined, { timeout: 50, ready: 1 }),
  ].map((each) => each.catch((error: TightbeamError) => error.code));
  abort.abort();
  await runtime.advance(60);
  loads[0]?.arrive();
  expect(await Promise.all(ends)).toEqual(["timeout", "cancelled", "timeout"]);
  await topics.publish("t", 3, {});
  expect(sent.map(({ payload }) => payload)).toEqual([3]);
});

test("topics that cannot be loaded are unavailable to what waits, and are loaded again for what comes; what was declared is not lost", async () => {
  const { topics, linkTo, subscribe, loads } = loadedLater();
  const { link } = linkTo("s");
  const end = topics.declare("t", { retain: 1 });
  topics.declare("u", {})();
  const ends = [topics.publish("t", 1, {}), topics.subscribe("t", () => undefined, {}), subscribe(link, "t") as Promise<unknown>];
  loads[0]?.fail(new Error("offline"));
  for (const each of ends) await expect(each).rejects.toMatchObject({ code: "unavailable" });
  const again = topics.publish("t", 2, {});
  expect(loads).toHaveLength(2);
  loads[1]?.arrive();
  await again;
  expect(topics.topics()).toEqual([{ topic: "t", subscribers: 0, published: 1, retained: 1 }]);
  end();
  expect(topics.topics()).toMatchObject([{ retained: 0 }]);
});

test("an event that comes before anything was asked for is refused without loading; a link that ends meanwhile leaves nothing", async () => {
  const { topics, linkTo, subscribe, say, arrive, refused, outcomes, loads } = loadedLater();
  const { link } = linkTo("s");
  arrive(link, 1);
  say(link, "unsubscribed", { id: idOf(1) });
  expect([refused, outcomes, loads]).toEqual([["unsupported"], ["no_handler"], []]);
  const answered = subscribe(link, "t") as Promise<unknown>;
  (link as { state: string }).state = "ended";
  loads[0]?.arrive();
  await expect(answered).rejects.toMatchObject({ code: "closed" });
  expect(topics.subscribers("t")).toEqual([]);
});

test("an agent that closes while topics are being loaded publishes nothing, and loads nothing afterwards", async () => {
  const { topics, linkTo, subscribe, loads } = loadedLater();
  const ends = [topics.publish("t", 1, {}), subscribe(linkTo("s").link, "t") as Promise<unknown>];
  topics.stop(new TightbeamError("closed", "The agent was closed."));
  ends.push(
    topics.publish("t", 1, {}),
    topics.subscribe("t", () => undefined, {}),
  );
  for (const each of ends) await expect(each).rejects.toMatchObject({ code: "closed" });
  loads[0]?.arrive();
  await topics.drain(new TightbeamError("overloaded", "Closing."));
  expect([topics.topics(), loads.length]).toEqual([[], 1]);
});

test("an agent that drains waits for what is published while topics are being loaded, and loads none for it", async () => {
  const busy = new TightbeamError("overloaded", "Closing.");
  const { topics, loads } = loadedLater();
  await topics.drain(busy);
  expect(loads).toEqual([]);
  const published = topics.publish("t", 1, {});
  let drained = false;
  const draining = topics.drain(busy).then(() => (drained = true));
  await Promise.resolve();
  expect(drained).toBe(false);
  loads[0]?.arrive();
  await Promise.all([published, draining]);
});

test("TM-127 so many words of peers wait for the code of topics, of any link, and each is as short as the protocol has them", async () => {
  const { topics, linkTo, subscribe, loads } = loadedLater();
  const waiting: Promise<unknown>[] = [];
  for (let number = 0; number < limits.topicsKept; number++) {
    const { link } = linkTo(`s${number}`);
    waiting.push(subscribe(link, "t") as Promise<unknown>);
    (link as { state: string }).state = "ended";
    topics.linkEnded(link, new TightbeamError("closed", "gone"));
  }
  const { link } = linkTo("bob");
  expect(() => subscribe(link, "t")).toThrow(expect.objectContaining({ code: "overloaded" }));
  loads[0]?.arrive();
  await Promise.allSettled(waiting);
  expect(subscribe(link, "t")).toEqual({});
  const other = loadedLater();
  expect(() => other.subscribe(other.linkTo("bob").link, "t", { more: "x".repeat(10_000) })).toThrow(expect.objectContaining({ code: "overloaded" }));
});
