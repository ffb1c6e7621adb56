import { expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import { idOf, settled, setUp } from "./stage.js";

const idIn = (value: unknown): string => (value as { id: string }).id;
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

test("TM-129: an event that was not asked for, not permitted to its publisher, beyond its credit, or for nobody, reaches no handler", async () => {
  const { topics, linkTo, arrive, asked, refused, outcomes } = setUp({ permits: (_link, permission) => permission !== "publish:secret" });
  const seen: unknown[] = [];
  const { link } = linkTo("p");
  arrive(link, 1);
  expect([refused, outcomes]).toEqual([["unsupported"], ["no_handler"]]);
  await topics.subscribe("*", (event) => void seen.push(event), { queue: 1_000 });
  const [ask] = asked;
  expect(ask).toMatchObject({ link, name: "subscribe", value: { pattern: "*", credit: 1_000 } });
  ask?.answer({});
  await settled();
  arrive(link, 2, { topic: "secret" });
  arrive(link, 3, { topic: "a.b" });
  arrive(link, 4, { correlationId: idOf(77) });
  arrive(link, 5);
  expect([refused.slice(1), seen]).toEqual([["forbidden"], [5]]);
});

test("a publisher is granted what handlers have taken, and gets nothing beyond", async () => {
  const { topics, linkTo, arrive, asked, refused, runtime } = setUp();
  const seen: unknown[] = [];
  const open: (() => void)[] = [];
  const { link } = linkTo("p");
  const handler = (event: unknown): Promise<void> => {
    seen.push(event);
    return new Promise((resolve) => open.push(resolve));
  };
  await topics.subscribe("t", handler, { queue: 1_640 });
  asked[0]?.answer({});
  await settled();
  // Ten of 100 bytes and 64.
  for (const number of range(0, 12)) arrive(link, number);
  expect([seen, refused]).toEqual([[0], ["flow", "flow"]]);
  for (let turn = 0; turn < 4; turn++) {
    open.shift()?.();
    await settled();
  }
  expect([seen, asked.length]).toEqual([range(0, 5), 1]);
  open.shift()?.();
  await settled();
  expect(asked[1]).toMatchObject({ name: "events", value: { credit: 5 * 164 + 1_640 } });
  // Whoever refuses is asked again: nothing else would ever move.
  asked[1]?.refuse(new TightbeamError("rate_limited", "later"));
  await settled();
  await runtime.advance(limits.topicAskAgainMs);
  expect(asked[2]).toMatchObject({ name: "events" });
});

test("what waits for a busy handler is in the agent's memory budget, and given back", async () => {
  const { topics, linkTo, arrive, asked, failures, memory } = setUp({ budget: 5_000 });
  const { link } = linkTo("p");
  let finish = (): void => undefined;
  const subscription = await topics.subscribe("t", () => new Promise<void>((resolve) => (finish = resolve)), {});
  asked[0]?.answer({});
  await settled();
  for (const number of range(0, 50)) arrive(link, number);
  expect(memory.used).toBeLessThanOrEqual(5_000);
  expect(subscription.counters.refused).toBeGreaterThan(30);
  expect(failures[0]).toMatchObject({ code: "overloaded" });
  void subscription.unsubscribe();
  expect(memory.used).toBe(0);
  finish();
});

test("with replay: what came before the answer is held, and each event comes once", async () => {
  const { topics, linkTo, arrive, asked, memory } = setUp();
  const seen: unknown[] = [];
  const { link } = linkTo("p");
  void (await topics.subscribe("t", () => undefined, {}));
  asked[0]?.answer({});
  await settled();
  await topics.subscribe("t", (event, { replayed }) => void seen.push([event, replayed]), { replay: 2 });
  const id = idIn(asked[1]?.value);
  // 3 is of the first subscription alone, 4 and 5 are the replay, 6 is new and overtakes the answer.
  arrive(link, 3);
  arrive(link, 4, { correlationId: id });
  arrive(link, 5, { correlationId: id });
  arrive(link, 6);
  arrive(link, 5);
  expect(seen).toEqual([
    [4, true],
    [5, true],
  ]);
  asked[1]?.answer({ after: idOf(5) });
  await settled();
  arrive(link, 7);
  expect(seen.slice(2)).toEqual([
    [6, false],
    [7, false],
  ]);
  expect(memory.used).toBe(0);
});

test("an answer that is none, and one that says try again, leave nothing behind", async () => {
  const { topics, linkTo, asked, runtime, reports } = setUp();
  linkTo("p");
  await topics.subscribe("t", () => undefined, {});
  asked[0]?.refuse(new TightbeamError("overloaded", "later", { retryAfter: 50 }));
  await settled();
  await runtime.advance(50);
  expect(asked).toHaveLength(2);
  asked[1]?.answer({ after: "no id" });
  await settled();
  expect(reports).toMatchObject([{ type: "unsubscribed", error: { code: "invalid_input" } }]);
  await runtime.advance(60_000);
  expect(asked).toHaveLength(2);
});

test("those named in `from` are asked and no others; when they refuse for good, ready says so", async () => {
  const { topics, linkTo, asked } = setUp();
  const alice = linkTo("alice");
  linkTo("bob");
  const subscribing = topics.subscribe("t", () => undefined, { from: ["alice"], ready: 1 });
  await settled();
  expect(asked.map(({ link }) => link)).toEqual([alice.link]);
  asked[0]?.refuse(new TightbeamError("forbidden", "You may not."));
  await expect(subscribing).rejects.toMatchObject({ code: "forbidden" });
});

test("a publisher that ends a subscription is heard of, and only over its own link", async () => {
  const { topics, linkTo, say, asked, reports } = setUp();
  const alice = linkTo("alice");
  const mallory = linkTo("mallory");
  const subscription = await topics.subscribe("t", () => undefined, {});
  for (const each of asked) each.answer({});
  await settled();
  const id = idIn(asked[0]?.value);
  expect(subscription.publishers).toHaveLength(2);
  say(mallory.link, "unsubscribed", { id });
  expect(subscription.publishers).toMatchObject([{ id: "alice" }]);
  say(alice.link, "unsubscribed", { id: idOf(5) });
  expect(subscription.publishers).toMatchObject([{ id: "alice" }]);
  expect(reports.at(-1)).toMatchObject({ type: "unsubscribed", peer: "mallory", error: { code: "overloaded" } });
});

test("an event that is too old for its handler is not handled", async () => {
  const { topics, linkTo, arrive, asked, runtime } = setUp();
  const { link } = linkTo("p");
  const seen: unknown[] = [];
  let finish = (): void => undefined;
  const handler = (event: unknown): Promise<void> => {
    seen.push(event);
    return new Promise<void>((resolve) => (finish = resolve));
  };
  const subscription = await topics.subscribe("t", handler, {});
  asked[0]?.answer({});
  await settled();
  arrive(link, 1);
  arrive(link, 2, { ttl: 100 });
  arrive(link, 3);
  await runtime.advance(101);
  finish();
  await settled();
  expect([seen, subscription.counters]).toEqual([[1, 3], { received: 2, refused: 1 }]);
});

test("TM-62: what one publisher's instances send to a handler that is busy takes no more than its agent's share of the memory", async () => {
  const { topics, linkTo, arrive, memory, failures } = setUp({ budget: 1_000_000 });
  const instances = Array.from({ length: 6 }, () => linkTo("mallory"));
  const bob = linkTo("bob");
  const subscription = await topics.subscribe("t", () => new Promise(() => undefined), {});
  for (const { link } of instances) for (let number = 0; number < 9; number++) arrive(link, number, {}, 50_000);
  expect(memory.used).toBeGreaterThan(400_000);
  expect(memory.used).toBeLessThanOrEqual(500_000);
  expect(failures).not.toEqual([]);
  const before = failures.length;
  arrive(bob.link, 1, {}, 100_000);
  expect(failures).toHaveLength(before);
  // One that goes and comes again has as much as before.
  for (const { link } of instances) topics.linkEnded(link, new TightbeamError("closed", "gone"));
  const used = memory.used;
  void subscription.unsubscribe();
  expect([used > 500_000, memory.used]).toEqual([true, 0]);
});

test("TM-163: a publisher that says when to ask again is asked neither at once nor for ever later", async () => {
  const { topics, linkTo, asked, runtime } = setUp();
  linkTo("mallory");
  await topics.subscribe("t", () => undefined, {});
  asked[0]?.refuse(new TightbeamError("overloaded", "now", { retryAfter: 0 }));
  await settled();
  await runtime.advance(limits.topicAskAgainMinMs - 1);
  expect(asked).toHaveLength(1);
  await runtime.advance(1);
  expect(asked).toHaveLength(2);
  asked[1]?.refuse(new TightbeamError("overloaded", "in a month", { retryAfter: 2 ** 32 - 1 }));
  await settled();
  await runtime.advance(limits.topicDialMaxMs);
  expect(asked).toHaveLength(3);
});

test("TM-129: a publisher that refused, or ended it, has nothing to replay", async () => {
  const { topics, linkTo, say, asked, arrive } = setUp();
  const { link } = linkTo("mallory");
  const seen: unknown[] = [];
  await topics.subscribe("t", (value) => void seen.push(value), { replay: 5 });
  const [{ value } = { value: undefined }] = asked;
  const { id } = value as { id: string };
  asked[0]?.answer({});
  await settled();
  arrive(link, 1, { correlationId: id });
  say(link, "unsubscribed", { id });
  arrive(link, 2, { correlationId: id });
  expect(seen).toEqual([1]);
});

test("a filter that is async takes nothing, and what it throws is nobody's", async () => {
  const { topics, linkTo, arrive } = setUp();
  const { link } = linkTo("p");
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  const seen: unknown[] = [];
  const filter = (async () => {
    throw new Error("boom");
  }) as unknown as () => boolean;
  await topics.subscribe("t", (value) => void seen.push(value), { filter });
  arrive(link, 1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off("unhandledRejection", note);
  expect([seen, unhandled]).toEqual([[], []]);
});

test("TM-162: what is remembered of one publisher's topics is bounded, and right when it is asked for again", async () => {
  const asked: string[] = [];
  const { topics, linkTo, arrive } = setUp({
    permits: (_, permission) => {
      asked.push(permission);
      return permission !== "publish:t1";
    },
  });
  const { link } = linkTo("p");
  const seen: string[] = [];
  await topics.subscribe(">", (_, { topic }) => void seen.push(topic), {});
  for (let number = 0; number <= limits.answersKept; number++) arrive(link, number, { topic: `t${number}` });
  expect([asked.length, seen.length]).toEqual([limits.answersKept + 1, limits.answersKept]);
  for (const topic of ["t0", "t1", "t0"]) arrive(link, 1_000, { topic });
  expect(asked.slice(limits.answersKept + 1)).toEqual(["publish:t0", "publish:t1"]);
  expect(seen.slice(limits.answersKept)).toEqual(["t0", "t0"]);
});

test("TM-162: nothing that grows with the topics a publisher makes up grows past a bound", async () => {
  const { topics, linkTo, arrive } = setUp();
  const { link } = linkTo("p");
  const grown = new Map<object, number>();
  const set = Map.prototype.set;
  await topics.subscribe(">", () => undefined, {});
  Map.prototype.set = function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
    set.call(this, key, value);
    if (typeof key === "string" && /^t\d+$/.test(key)) set.call(grown, this, this.size);
    return this;
  };
  const most: number[] = [];
  try {
    for (let number = 0; number < 3 * limits.answersKept; number++) {
      arrive(link, number, { topic: `t${number}` });
      most.push(...grown.values());
    }
  } finally {
    Map.prototype.set = set;
  }
  expect(grown.size).toBe(2);
  expect(Math.max(...most)).toBe(limits.answersKept);
});
