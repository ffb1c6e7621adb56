import { describe, expect, test } from "vitest";
import type { Link } from "../../../src/link/link-types.js";
import type { OutgoingMessage } from "../../../src/link/message.js";
import type { PatternHost } from "../../../src/patterns/host.js";
import { createForwarder } from "../../../src/patterns/via/forwarder.js";
import { bodyAt, encodeMessage, kindOf, kinds, subscriptionOf } from "../../../src/patterns/via/message.js";
import { type ForwardingLimits, limitsOf } from "../../../src/patterns/via/options.js";

/** A link that keeps what is sent, and takes no more than it is told. */
function fakeLink(id: string, permissions: readonly string[] = []) {
  const sent: Uint8Array[] = [];
  const queue: OutgoingMessage[] = [];
  const link = {
    peer: { id, permissions },
    state: "up" as Link["state"],
    room: true,
    offer(message: OutgoingMessage) {
      if (link.room) sent.push(message.bytes);
      return link.room;
    },
    send(message: OutgoingMessage) {
      queue.push(message);
      return {
        giveUp: () => {
          const index = queue.indexOf(message);
          if (index >= 0) queue.splice(index, 1);
          return index >= 0;
        },
      };
    },
  };
  return {
    link: link as unknown as Link,
    control: link,
    sent,
    queue,
    drain() {
      for (const message of queue.splice(0)) {
        sent.push(message.bytes);
        message.watch?.sealed?.();
      }
    },
  };
}

function setUp(limits: Partial<ForwardingLimits> = {}, permits: (permission: string) => boolean = () => true) {
  const time = { now: 0 };
  const host = {
    identity: { id: "gate" },
    admission: { permits: (_: Link, permission: string) => permits(permission) },
    runtime: { clock: { monotonic: () => time.now } },
  } as unknown as PatternHost;
  const forwarder = createForwarder(host, limitsOf(limits), undefined);
  const join = (id: string, permissions: readonly string[] = []) => {
    const made = fakeLink(id, permissions);
    forwarder.join(made.link, { version: 1 });
    return made;
  };
  return { forwarder, join, time };
}

const codeOf = async (run: () => unknown): Promise<string> => {
  try {
    await run();
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
};
const message = (to: string, bytes = 4, hops = 8) => encodeMessage(kinds.send, hops, 0, to, new Uint8Array(bytes));

describe("TM-153: what clients make an intermediate keep is bounded", () => {
  test("links, in all and for each agent", async () => {
    const { forwarder, join } = setUp({ clients: 3, clientsPerAgent: 2 });
    const [first] = [join("a"), join("a")];
    expect(await codeOf(() => join("a"))).toBe("overloaded");
    join("b");
    expect(await codeOf(() => join("c"))).toBe("overloaded");
    // Again on the same link is the same client.
    forwarder.join(first.link, { version: 1 });
    forwarder.linkEnded(first.link);
    join("a");
    expect(forwarder.clients).toBe(3);
  });

  test("subscriptions, in all and for each client", async () => {
    const { forwarder, join } = setUp({ subscriptions: 5, subscriptionsPerClient: 2 });
    const a = join("a");
    const subscribe = (link: Link, id: number, at: string, hops?: number) => forwarder.subscribe(link, { id, at, ...(hops === undefined ? {} : { hops }) });
    for (const id of [1, 2]) await subscribe(a.link, id, "agent/a");
    expect(await codeOf(() => subscribe(a.link, 3, "agent/a"))).toBe("overloaded");
    const proxy = join("p", ["forward:*"]);
    for (const id of [1, 2, 3]) await subscribe(proxy.link, id, `agent/x${id}`, 3);
    expect(await codeOf(() => subscribe(proxy.link, 4, "agent/x4", 3))).toBe("overloaded");
    expect(forwarder.subscriptions).toBe(5);
    forwarder.unsubscribe(a.link, { id: 1 });
    forwarder.unsubscribe(a.link, { id: 1 });
    await subscribe(proxy.link, 4, "agent/x4", 3);
    forwarder.linkEnded(proxy.link);
    expect(forwarder.subscriptions).toBe(1);
  });

  test("who says that it forwards gets no more subscriptions for itself than others", async () => {
    const { forwarder, join } = setUp({ subscriptions: 100, subscriptionsPerClient: 2 });
    const { link } = join("x/a", ["forward:b"]);
    await forwarder.subscribe(link, { id: 1, at: "agent/x/a", hops: 3 });
    await forwarder.subscribe(link, { id: 2, at: "presence/x", hops: 3 });
    expect(await codeOf(() => forwarder.subscribe(link, { id: 3, at: "agent/x/a", hops: 3 }))).toBe("overloaded");
    expect(await codeOf(() => forwarder.subscribe(link, { id: 3, at: "presence/x", hops: 3 }))).toBe("overloaded");
    await forwarder.subscribe(link, { id: 3, at: "agent/b", hops: 3 });
  });

  test("one agent listens at one address as often as it may have links, so that a frame becomes no more copies than that", async () => {
    const { forwarder, join } = setUp({ clientsPerAgent: 2 });
    const [one, other] = [join("x/a"), join("x/a")];
    for (const at of ["agent/x/a", "presence/x"]) {
      const id = forwarder.subscriptions + 1;
      await forwarder.subscribe(one.link, { id, at });
      await forwarder.subscribe(one.link, { id: id + 1, at });
      expect(await codeOf(() => forwarder.subscribe(other.link, { id, at }))).toBe("overloaded");
      forwarder.unsubscribe(one.link, { id });
      await forwarder.subscribe(other.link, { id, at });
    }
    await forwarder.subscribe(join("x/b").link, { id: 1, at: "presence/x" });
    // Of a group one gets it.
    for (const id of [10, 11, 12]) await forwarder.subscribe(one.link, { id, at: "agent/x/a", group: "x/a" });
    await forwarder.subscribe(one.link, { id: 13, at: "agent/x/a", group: "b" });
    expect(await codeOf(() => forwarder.subscribe(one.link, { id: 14, at: "agent/x/a", group: "c" }))).toBe("overloaded");
    forwarder.unsubscribe(one.link, { id: 13 });
    forwarder.take(other.link, message("agent/x/a"));
    expect([one.sent.length, other.sent.length]).toEqual([2, 1]);
  });

  test("copies of one agent's frames in a second, over all its links; frames to one are none", async () => {
    const { forwarder, join, time } = setUp({ copiesPerSecond: 10 });
    const hearers = ["x/a", "x/b", "x/c"].map((id) => join(id));
    for (const { link } of hearers) await forwarder.subscribe(link, { id: 1, at: "presence/x" });
    await forwarder.subscribe((hearers[0] as (typeof hearers)[number]).link, { id: 2, at: "agent/x/a" });
    const [one, again, other] = [join("x/m"), join("x/m"), join("x/n")];
    const heard = () => hearers.map(({ sent }) => sent.length);
    for (let count = 0; count < 10; count++) forwarder.take((count % 2 === 0 ? one : again).link, message("presence/x"));
    // Three times three, and one that is paid for afterwards.
    expect(heard()).toEqual([4, 4, 4]);
    expect(forwarder.counters).toMatchObject({ taken: 10, delivered: 12, dropped: 6 });
    forwarder.take(one.link, message("agent/x/a"));
    forwarder.take(other.link, message("presence/x"));
    expect(heard()).toEqual([6, 5, 5]);
    time.now = 199;
    forwarder.take(one.link, message("presence/x"));
    time.now = 310;
    forwarder.take(one.link, message("presence/x"));
    expect(heard()).toEqual([7, 6, 6]);
    time.now = 1e9;
    for (let count = 0; count < 10; count++) forwarder.take(one.link, message("presence/x"));
    expect(heard()).toEqual([11, 10, 10]);
  });

  test("what waits for one, and for all: the newest is dropped, and told of when there is room", async () => {
    const { forwarder, join } = setUp({ queueBytes: 10_000, queueTotalBytes: 21_000 });
    const [a, b, from] = [join("a"), join("b"), join("c")];
    for (const [one, at] of [
      [a, "agent/a"],
      [b, "agent/b"],
    ] as const)
      await forwarder.subscribe(one.link, { id: 7, at });
    for (const one of [a, b]) one.control.room = false;
    for (let count = 0; count < 20; count++) forwarder.take(from.link, message("agent/a", 1_000));
    expect(a.queue).toHaveLength(9);
    expect(forwarder.queuedBytes).toBeLessThanOrEqual(10_000);
    for (let count = 0; count < 20; count++) forwarder.take(from.link, message("agent/b", 1_000));
    // Half of what is left: another agent gets as much of the rest.
    expect(b.queue).toHaveLength(5);
    expect(forwarder.queuedBytes).toBeLessThanOrEqual(21_000);
    expect(forwarder.counters).toMatchObject({ taken: 40, delivered: 14, dropped: 26 });
    a.drain();
    a.drain();
    const loss = a.sent.at(-1) as Uint8Array;
    expect([kindOf(loss), subscriptionOf(loss), Buffer.from(loss.subarray(bodyAt(loss))).toString("hex")]).toEqual([3, 7, "0000000b00000000" + "2af8"]);
    forwarder.linkEnded(b.link);
    expect(forwarder.queuedBytes).toBe(0);
    expect(b.queue).toHaveLength(0);
  });

  test("a link that is down gets nothing that would be old when it is up", async () => {
    const { forwarder, join } = setUp();
    const [a, from] = [join("a"), join("c")];
    await forwarder.subscribe(a.link, { id: 1, at: "agent/a" });
    a.control.state = "down";
    forwarder.take(from.link, message("agent/a"));
    expect([a.sent.length, a.queue.length, forwarder.counters.dropped]).toEqual([0, 0, 1]);
    a.control.state = "up";
    forwarder.linkUp(a.link);
    expect(a.sent.map(kindOf)).toEqual([kinds.dropped]);
  });

  test("what is malformed, and whoever has not joined, is refused", async () => {
    const { forwarder, join } = setUp();
    const a = join("a");
    const stranger = fakeLink("s");
    expect(await codeOf(() => forwarder.subscribe(stranger.link, { id: 1, at: "agent/s" }))).toBe("forbidden");
    expect(forwarder.take(stranger.link, message("agent/a"))).toBe(false);
    expect(forwarder.take(a.link, encodeMessage(kinds.send, 8, 0, "no address", new Uint8Array(1)))).toBe(false);
    for (const value of [undefined, null, 1, "x", [], {}, { version: 2 }, new Uint8Array(4)])
      expect(await codeOf(() => forwarder.join(a.link, value)), String(value)).toBe("invalid_input");
    const good = { id: 1, at: "agent/a" };
    const bad = [
      null,
      [good],
      {},
      { ...good, id: 0 },
      { ...good, id: 2 ** 32 },
      { ...good, id: 1.5 },
      { ...good, id: "1" },
      { ...good, at: "agent/*" },
      { ...good, at: "x".repeat(300) },
      { ...good, at: 5 },
      { ...good, group: "*" },
      { ...good, group: "" },
      { ...good, group: "g".repeat(200) },
      { ...good, group: null },
      { ...good, hops: 0 },
      { ...good, hops: 33 },
      { ...good, hops: "8" },
    ];
    for (const value of bad) expect(await codeOf(() => forwarder.subscribe(a.link, value)), JSON.stringify(value)).toBe("invalid_input");
    await forwarder.subscribe(a.link, good);
    expect(await codeOf(() => forwarder.subscribe(a.link, good))).toBe("invalid_input");
    expect(await codeOf(() => forwarder.unsubscribe(a.link, { id: -1 }))).toBe("invalid_input");
    expect(forwarder.subscriptions).toBe(1);
  });
});

describe("who may", () => {
  test("TM-155: with a policy, only whom it permits to have frames forwarded", async () => {
    const asked: string[] = [];
    const { forwarder } = setUp({}, (permission) => {
      asked.push(permission);
      return permission === "forward:acme/ann";
    });
    forwarder.join(fakeLink("acme/ann").link, { version: 1 });
    expect(await codeOf(() => forwarder.join(fakeLink("bob").link, { version: 1 }))).toBe("forbidden");
    expect(asked).toEqual(["forward:acme/ann", "forward:bob"]);
    expect(forwarder.clients).toBe(1);
  });

  test("TM-155: a newer token that the policy does not permit it with ends it: its frames go nowhere, and it is told", async () => {
    let permitted = true;
    const { forwarder, join } = setUp({}, () => permitted);
    const [a, b] = [join("a"), join("b")];
    await forwarder.subscribe(a.link, { id: 1, at: "agent/a" });
    await forwarder.subscribe(b.link, { id: 1, at: "agent/b" });
    permitted = false;
    // The same token is not asked about again.
    expect(forwarder.take(a.link, message("agent/b"))).toBe(true);
    expect(b.sent).toHaveLength(1);
    Object.assign(a.control, { peer: { id: "a", permissions: [] } });
    expect(forwarder.take(a.link, message("agent/b"))).toBe(false);
    expect(b.sent).toHaveLength(1);
    expect(a.sent.map((bytes) => kindOf(bytes))).toEqual([kinds.stopped]);
    expect(await codeOf(() => forwarder.subscribe(a.link, { id: 2, at: "agent/a" }))).toBe("forbidden");
    // One that only listens is found out by the next frame for it.
    Object.assign(b.control, { peer: { id: "b", permissions: [] } });
    permitted = true;
    const c = join("c");
    permitted = false;
    expect(forwarder.take(c.link, message("agent/b"))).toBe(true);
    expect([b.sent.map((bytes) => kindOf(bytes)), forwarder.clients, forwarder.subscriptions]).toEqual([[kinds.deliver, kinds.stopped], 1, 0]);
  });

  test("TM-151: a token that says less than the one before loses the subscriptions it does not allow any more", async () => {
    const { forwarder, join } = setUp();
    const proxy = join("p", ["forward:*"]);
    const from = join("c");
    await forwarder.subscribe(proxy.link, { id: 1, at: "agent/x", hops: 3 });
    await forwarder.subscribe(proxy.link, { id: 2, at: "agent/p" });
    forwarder.take(from.link, message("agent/x"));
    expect(proxy.sent).toHaveLength(1);
    proxy.control.peer = { id: "p", permissions: ["forward:y"] };
    forwarder.take(from.link, message("agent/x"));
    expect(proxy.sent).toHaveLength(1);
    expect(forwarder.subscriptions).toBe(1);
    forwarder.take(from.link, message("agent/p"));
    expect(proxy.sent).toHaveLength(2);
  });

  test("a group takes turns among those who answer, and a client gets back nothing it forwarded", async () => {
    const { forwarder, join } = setUp();
    const [a1, a2, from] = [join("a"), join("a"), join("c", ["forward:*"])];
    for (const one of [a1, a2]) await forwarder.subscribe(one.link, { id: 1, at: "agent/a", group: "a" });
    await forwarder.subscribe(from.link, { id: 1, at: "agent/a", group: "a", hops: 3 });
    await forwarder.subscribe(from.link, { id: 2, at: "agent/a", hops: 3 });
    const forwarded = () => {
      const made = message("agent/a");
      made[1] = (made[1] as number) | 0x80;
      return made;
    };
    for (let count = 0; count < 4; count++) forwarder.take(from.link, forwarded());
    expect([a1.sent.length + a2.sent.length, from.sent.length]).toEqual([4, 0]);
    a1.control.state = "suspect";
    const before = a1.sent.length;
    for (let count = 0; count < 4; count++) forwarder.take(from.link, forwarded());
    expect(a1.sent.length).toBe(before);
    expect(a2.sent.length + before).toBe(8);
  });
});
