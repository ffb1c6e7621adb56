import { expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import { createTopicsOnDemand } from "../../../src/patterns/topics/topics-on-demand.js";
import { setUp } from "./stage.js";

test("what is said while topics are being loaded keeps its order, and nothing passes it", async () => {
  const { topics, linkTo, subscribe } = setUp({ create: createTopicsOnDemand });
  const { link, sent } = linkTo("s");
  const end = topics.declare("t", { retain: 3 });
  expect(topics.topics()).toEqual([{ topic: "t", subscribers: 0, published: 0, retained: 0 }]);
  expect(() => topics.declare("t", {})).toThrowError(/already/);
  expect(() => topics.declare("a b", {})).toThrowError(/topic name/);
  expect(topics.subscribers("t")).toEqual([]);
  const before = topics.publish("t", 0, {});
  const answered = subscribe(link, "t") as Promise<unknown>;
  const rest = [1, 2, 3].map((number) => topics.publish("t", number, {}));
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

test("an event that comes before anything was asked for is refused without loading; a link that ends meanwhile leaves nothing", async () => {
  const { topics, linkTo, subscribe, arrive, refused, outcomes } = setUp({ create: createTopicsOnDemand });
  const { link } = linkTo("s");
  arrive(link, 1);
  expect([refused, outcomes]).toEqual([["unsupported"], ["no_handler"]]);
  const answered = subscribe(link, "t") as Promise<unknown>;
  (link as { state: string }).state = "ended";
  await expect(answered).rejects.toMatchObject({ code: "closed" });
  expect(topics.subscribers("t")).toEqual([]);
});

test("an agent that closes while topics are being loaded publishes nothing", async () => {
  const { topics } = setUp({ create: createTopicsOnDemand });
  const published = topics.publish("t", 1, {});
  topics.stop(new TightbeamError("closed", "The agent was closed."));
  await expect(published).rejects.toMatchObject({ code: "closed" });
  await expect(topics.subscribe("t", () => undefined, {})).rejects.toMatchObject({ code: "closed" });
});
