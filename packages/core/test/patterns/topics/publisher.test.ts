import { expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import { idOf, settled, setUp } from "./stage.js";

const options = {};
const payloads = ({ sent }: { sent: readonly { payload: unknown }[] }): unknown[] => sent.map(({ payload }) => payload);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: TightbeamError) => error.code,
  );

test("an event is encoded once for all, and goes to each link once, however many of its subscriptions match", async () => {
  const { topics, linkTo, subscribe } = setUp();
  const all = range(0, 5).map((number) => linkTo(`s${number}`));
  for (const { link } of all) {
    subscribe(link, "t");
    subscribe(link, ">", { id: idOf(2) });
  }
  await topics.publish("t", 1, options);
  expect(all.map(payloads)).toEqual(all.map(() => [1]));
  expect(new Set(all.map(({ sent }) => sent[0]?.header.id)).size).toBe(1);
});

test("TM-125: a slow subscriber's queue is bounded; after the patience the oldest go, are counted and reported, and nobody else is held back", async () => {
  const { runtime, topics, linkTo, subscribe, reports, memory } = setUp();
  topics.declare("t", { queue: { events: 4 }, patience: 1_000 });
  const slow = linkTo("slow");
  const quick = linkTo("quick");
  slow.open = false;
  subscribe(slow.link, "t");
  subscribe(quick.link, "t");
  // One is with the link, four wait.
  for (const number of range(0, 5)) await topics.publish("t", number, options);
  let done = false;
  const sixth = topics.publish("t", 5, options).then(() => {
    done = true;
  });
  await runtime.advance(999);
  expect([done, payloads(quick)]).toEqual([false, range(0, 5)]);
  await runtime.advance(1);
  await sixth;
  for (const number of range(6, 100)) await topics.publish("t", number, options);
  expect(payloads(quick)).toEqual(range(0, 100));
  expect(topics.subscribers("t")[0]).toMatchObject({ id: "slow", queued: 4, sent: 1, dropped: 95, slow: true });
  expect(memory.used).toBeLessThan(4_000);
  slow.open = true;
  await slow.seal();
  expect(payloads(slow)).toEqual([0, 96, 97, 98, 99]);
  expect(memory.used).toBe(0);
  const slowness = reports.filter(({ type }) => type === "subscriber_slow");
  expect(slowness).toMatchObject([
    { topic: "t", peer: "slow", slow: true, queued: 4 },
    { topic: "t", peer: "slow", slow: false, dropped: 95 },
  ]);
});

test("drop-newest keeps what waits; disconnect ends the subscriptions and says so", async () => {
  const { runtime, topics, linkTo, subscribe, reports, asked } = setUp();
  topics.declare("newest", { queue: { events: 2 }, patience: 10, slow: "drop-newest" });
  topics.declare("gone", { queue: { events: 2 }, patience: 10, slow: "disconnect" });
  const one = linkTo("one");
  const two = linkTo("two");
  one.open = two.open = false;
  subscribe(one.link, "newest");
  subscribe(two.link, "gone");
  // One is with the link, two wait.
  const publishing = (async () => {
    for (const number of range(0, 6)) for (const topic of ["newest", "gone"]) await topics.publish(topic, number, options);
  })();
  await runtime.advance(100);
  await publishing;
  expect(topics.subscribers("newest")).toMatchObject([{ queued: 2, dropped: 3, slow: true }]);
  expect(topics.subscribers("gone")).toEqual([]);
  expect(asked).toMatchObject([{ link: two.link, name: "unsubscribed", value: { id: idOf(1) } }]);
  expect(reports.at(-1)).toMatchObject({ type: "subscriber", peer: "two", gone: true });
  one.open = true;
  await one.seal();
  expect([payloads(one), payloads(two)]).toEqual([[0, 1, 2], [0]]);
});

test("a subscriber that makes progress is waited for, however long it takes", async () => {
  const { runtime, topics, linkTo, subscribe, say } = setUp();
  topics.declare("t", { queue: { events: 16 }, patience: 1_000 });
  const busy = linkTo("busy");
  subscribe(busy.link, "t", { credit: 1 });
  const publishing = (async () => {
    for (const number of range(0, 60)) await topics.publish("t", number, options);
  })();
  // An event in 900 ms, and a publisher that would have had all of them in one.
  for (let credit = 1; busy.sent.length < 60; credit += 93) {
    say(busy.link, "events", { credit });
    await runtime.advance(900);
  }
  await publishing;
  expect(payloads(busy)).toEqual(range(0, 60));
  expect(topics.subscribers("t")).toMatchObject([{ dropped: 0, slow: false }]);
});

test("while our own transport is down nobody is slow", async () => {
  const { runtime, topics, linkTo, subscribe } = setUp();
  topics.declare("t", { queue: { events: 1 }, patience: 100 });
  const away = linkTo("away");
  away.open = false;
  (away.link as { state: string }).state = "down";
  subscribe(away.link, "t");
  await topics.publish("t", 0, options);
  await topics.publish("t", 1, options);
  const third = topics.publish("t", 2, options);
  await runtime.advance(5_000);
  expect(topics.subscribers("t")).toMatchObject([{ slow: false, dropped: 0 }]);
  (away.link as { state: string }).state = "up";
  away.open = true;
  await away.seal();
  await third;
  expect(payloads(away)).toEqual([0, 1, 2]);
});

test("TM-126: events that wait are bounded in number and in memory; they end with their timeout, their signal and the agent", async () => {
  const { runtime, topics, linkTo, subscribe } = setUp();
  topics.declare("t", { queue: { events: 1 }, patience: 2 ** 30 });
  const stuck = linkTo("stuck");
  stuck.open = false;
  subscribe(stuck.link, "t", { credit: 0 });
  await topics.publish("t", 0, options);
  const controller = new AbortController();
  const late = codeOf(topics.publish("t", 1, { timeout: 50 }));
  const aborted = codeOf(topics.publish("t", 2, { signal: controller.signal }));
  const rest = range(2, limits.publishesWaiting).map(() => codeOf(topics.publish("t", 3, { timeout: 2 ** 30 })));
  expect(await codeOf(topics.publish("t", 4, options))).toBe("overloaded");
  controller.abort();
  expect(await aborted).toBe("cancelled");
  await runtime.advance(50);
  expect(await late).toBe("timeout");
  topics.stop(new TightbeamError("closed", "The agent was closed."));
  expect(new Set(await Promise.all(rest))).toEqual(new Set(["closed"]));
  const small = setUp({ budget: 10_000 });
  small.topics.declare("t", { queue: { events: 100_000 } });
  const { link } = small.linkTo("stuck");
  small.subscribe(link, "t", { credit: 0 });
  for (const number of range(0, 1_000)) await small.topics.publish("t", number, options);
  expect(small.memory.used).toBeLessThanOrEqual(10_000);
  expect(small.topics.subscribers("t")[0]?.dropped).toBeGreaterThan(800);
  small.topics.linkEnded(link, new TightbeamError("closed", "gone"));
  expect(small.memory.used).toBe(0);
});

test("nothing goes beyond a subscriber's credit but the one that begins within it", async () => {
  const { topics, linkTo, subscribe, say } = setUp();
  const { link, sent } = linkTo("s");
  subscribe(link, "t", { credit: 1 });
  for (const number of range(0, 10)) await topics.publish("t", number, options);
  expect(sent).toHaveLength(1);
  const cost = (topics.subscribers("t")[0]?.queuedBytes ?? 0) / 9;
  say(link, "events", { credit: Math.ceil(3 * cost) });
  expect(sent).toHaveLength(3);
  // Lower ones are stale.
  say(link, "events", { credit: 1 });
  say(link, "events", { credit: Math.ceil(5 * cost) });
  expect(sent).toHaveLength(5);
});

test("TM-127: what a peer says of subscriptions is checked, and bounded", () => {
  const { linkTo, say, subscribe, reports } = setUp();
  const { link } = linkTo("s");
  const good = { id: idOf(1), pattern: "a", credit: 1 };
  const bad = [
    undefined,
    null,
    5,
    "x",
    [],
    {},
    { ...good, id: "x" },
    { ...good, id: 5 },
    { ...good, credit: -1 },
    { ...good, credit: 1.5 },
    { ...good, credit: 2 ** 60 },
  ];
  const worse = [
    { ...good, credit: "1" },
    { ...good, pattern: "a\r\nb" },
    { ...good, pattern: "tb/>" },
    { ...good, pattern: [] },
    { ...good, replay: -1 },
    { ...good, replay: 1e9 },
  ];
  for (const value of [...bad, ...worse, { ...good, pattern: Array(1_000).fill("*").join(".") }]) {
    expect(() => say(link, "subscribe", value), JSON.stringify(value)).toThrowError(expect.objectContaining({ code: "invalid_input" }));
  }
  for (const value of [undefined, {}, { id: 5 }])
    expect(() => say(link, "unsubscribe", value)).toThrowError(expect.objectContaining({ code: "invalid_input" }));
  for (const value of [undefined, {}, { credit: Number.NaN }])
    expect(() => say(link, "events", value)).toThrowError(expect.objectContaining({ code: "invalid_input" }));
  expect(reports).toEqual([]);
  for (let number = 0; number < limits.topicSubscriptions; number++) subscribe(link, "a", { id: idOf(number) });
  expect(() => subscribe(link, "a", { id: idOf(9_999) })).toThrowError(expect.objectContaining({ code: "overloaded" }));
  // Asked again with an id that is known: the same answer, nothing more.
  expect(subscribe(link, "a", { id: idOf(7) })).toEqual({});
  say(link, "unsubscribe", { id: idOf(123_456) });
  expect(reports).toHaveLength(limits.topicSubscriptions);
});

test("TM-128: a wildcard brings what the subscriber may have and nothing else, by its newest token", async () => {
  const allowed = new Set(["subscribe:a"]);
  const { topics, linkTo, subscribe } = setUp({ permits: (_link, permission) => allowed.has(permission) });
  const { link, sent } = linkTo("s");
  expect(() => subscribe(link, "b")).toThrowError(expect.objectContaining({ code: "forbidden" }));
  expect(topics.subscribers("b")).toEqual([]);
  topics.declare("a", { retain: 5 });
  topics.declare("b", { retain: 5 });
  for (const topic of ["a", "b", "c.d"]) await topics.publish(topic, topic, options);
  subscribe(link, ">", { replay: 10 });
  for (const topic of ["a", "b", "c.d"]) await topics.publish(topic, topic, options);
  expect(sent.map(({ header }) => [header.topic, header.correlationId])).toEqual([
    ["a", idOf(1)],
    ["a", undefined],
  ]);
  allowed.delete("subscribe:a");
  allowed.add("subscribe:b");
  // A new session: a peer object of its own.
  (link as { peer: object }).peer = { ...link.peer };
  for (const topic of ["a", "b", "c.d"]) await topics.publish(topic, topic, options);
  expect(sent.slice(2).map(({ header }) => header.topic)).toEqual(["b"]);
});

test("topics that were not declared are remembered up to a bound; what is retained is bounded", async () => {
  const { topics, linkTo, subscribe, memory } = setUp();
  for (let number = 0; number < limits.topicsKept + 500; number++) await topics.publish(`t.${number}`, number, options);
  expect(topics.topics()).toHaveLength(limits.topicsKept);
  const end = topics.declare("log", { retain: limits.topicRetainMax });
  expect(() => topics.declare("log", {})).toThrowError(/already/);
  for (let number = 0; number < 50; number++) await topics.publish("log", "x".repeat(200_000), options);
  const [log] = topics.topics().filter(({ topic }) => topic === "log");
  expect(log?.retained).toBeLessThan(limits.topicRetainBytes / 200_000);
  expect(memory.used).toBeLessThan(limits.topicRetainBytes);
  for (let number = 0; number < 2_000; number++) await topics.publish("log", number, options);
  expect(topics.topics().find(({ topic }) => topic === "log")?.retained).toBe(limits.topicRetainMax);
  const { link, sent } = linkTo("s");
  subscribe(link, "log", { replay: 3 });
  expect(payloads({ sent })).toEqual([1_997, 1_998, 1_999]);
  end();
  expect(memory.used).toBe(0);
});

test("an event that is larger than a subscriber takes is counted and reported; the others get it", async () => {
  const { topics, linkTo, subscribe, refused } = setUp();
  const one = linkTo("one");
  const two = linkTo("two");
  (two.link.peer.limits as { maxMessageBytes: number }).maxMessageBytes = 1_000_000;
  subscribe(one.link, "t");
  subscribe(two.link, "t");
  await topics.publish("t", "x".repeat(20_000), options);
  expect([one.sent.length, two.sent.length, refused]).toEqual([0, 1, ["too_large"]]);
  expect(topics.subscribers("t")).toMatchObject([{ dropped: 1 }, { dropped: 0 }]);
  await settled();
});

test("TM-62: what waits for one agent's subscribers, replays among it, takes no more than its share of the memory, over all its instances", async () => {
  const { topics, linkTo, say, subscribe, memory } = setUp({ budget: 1_000_000 });
  topics.declare("t", { retain: 100 });
  for (const number of range(0, 20)) await topics.publish("t", "x".repeat(9_000) + number, options);
  const retained = memory.used;
  const instances = range(0, 10).map(() => linkTo("mallory"));
  for (const { link } of instances) subscribe(link, "t", { credit: 0, replay: 100 });
  expect(memory.used).toBeGreaterThan(retained + 200_000);
  expect(memory.used).toBeLessThanOrEqual((1_000_000 + retained) / 2 + 20_000);
  const bob = linkTo("bob");
  bob.open = false;
  subscribe(bob.link, "t", { credit: 0, replay: 20 });
  expect(topics.subscribers("t").find(({ id }) => id === "bob")).toMatchObject({ queued: 20, dropped: 0 });
  for (const { link } of [...instances, bob]) say(link, "unsubscribe", { id: idOf(1) });
  expect(memory.used).toBe(retained);
});

test("an event that waits for many instances of one agent counts once in its share", async () => {
  const { topics, linkTo, subscribe, memory } = setUp({ budget: 100_000 });
  topics.declare("t", { patience: 0 });
  const replicas = range(0, 50).map(() => linkTo("workers"));
  for (const { link } of replicas) subscribe(link, "t", { credit: 0 });
  await topics.publish("t", "x".repeat(9_000), options);
  expect(topics.subscribers("t").every(({ queued, dropped }) => queued === 1 && dropped === 0)).toBe(true);
  expect(memory.used).toBeLessThan(20_000);
});

test("TM-162: subscriptions are bounded for an agent over all its instances; what ends makes room", () => {
  const { linkTo, subscribe, say, topics } = setUp();
  const links: ReturnType<typeof linkTo>[] = [];
  for (let made = 0; made < limits.topicSubscriptionsPerPeer; made++) {
    if (made % limits.topicSubscriptions === 0) links.push(linkTo("mallory"));
    subscribe(links[links.length - 1]?.link as never, "a.>", { id: idOf(made) });
  }
  const { link } = linkTo("mallory");
  expect(() => subscribe(link, "t")).toThrow(expect.objectContaining({ code: "overloaded", retryable: true }));
  subscribe(linkTo("bob").link, "t");
  say(links[0]?.link as never, "unsubscribe", { id: idOf(3) });
  subscribe(link, "t");
  topics.linkEnded(links[1]?.link as never, new TightbeamError("closed", "gone"));
  for (const number of range(10, 200)) subscribe(link, "t", { id: idOf(number) });
});

test("TM-162: a subscription that comes and goes for ever makes others be matched no more for it", async () => {
  let asked = 0;
  const { topics, linkTo, subscribe, say } = setUp({
    permits: () => {
      asked++;
      return true;
    },
  });
  for (const number of range(0, 100)) subscribe(linkTo(`s${number}`).link, ">");
  await topics.publish("t", 0, options);
  const { link } = linkTo("mallory");
  subscribe(link, ">");
  asked = 0;
  for (const number of range(0, 10)) {
    subscribe(link, "a.*", { id: idOf(number + 2) });
    await topics.publish("t", number, options);
    say(link, "unsubscribe", { id: idOf(number + 2) });
    await topics.publish("t", number, options);
  }
  expect(asked).toBe(20);
});
