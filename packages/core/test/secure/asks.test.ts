import { describe, expect, it } from "vitest";
import { buildAsk, buildRetry, parseHs1, parseRetry } from "../../src/frame/frame.js";
import { createWorld, type Party, typeOf } from "./world.js";

const replicas = async (count: number) => {
  const world = await createWorld(count);
  const alice = await world.party("alice");
  const bobs = await Promise.all(Array.from({ length: count }, (_, index) => world.party(`bob${index}`, { id: "bob" })));
  return { world, alice, bobs, group: (bobs[0] as Party).agent };
};

describe("TM-51 asking a group who is there", () => {
  it("finds the instances that answer, by their own word", async () => {
    const { world, alice, bobs, group } = await replicas(4);
    const found: string[] = [];
    alice.handshakes.ask(group, 8, (instance) => found.push(instance));
    await world.advance(10);
    expect(new Set(found)).toEqual(new Set(bobs.map(({ instance }) => instance)));
    expect(found).toHaveLength(8);
  });

  it("costs whoever is asked no place, no key and no state: one frame that is no longer than the question", async () => {
    const { world, alice, bobs, group } = await replicas(1);
    alice.handshakes.ask(group, 3, () => undefined);
    await world.advance(10);
    expect(world.log.map(typeOf)).toEqual([1, 1, 1, 5, 5, 5]);
    const [question, answer] = [world.log[0], world.log[3]].map((packet) => (packet as { frame: Uint8Array }).frame);
    expect((answer as Uint8Array).length).toBeLessThanOrEqual((question as Uint8Array).length);
    expect((bobs[0] as Party).handshakes.counters).toMatchObject({ started: 0, established: 0, retrySent: 3 });
    expect(alice.handshakes.counters.started).toBe(0);
  });

  it("an answer that names another agent, is no RETRY or comes after 2 s is not told; one without a question is nobody's", async () => {
    const { world, alice, bobs, group } = await replicas(1);
    const found: string[] = [];
    const forge = (frame: Uint8Array, replyTo: string): Uint8Array => {
      const retry = parseRetry(frame);
      if (typeof retry === "string") throw new Error(retry);
      const to = frame.slice(4, 12);
      return buildRetry({ suite: retry.suite, to, replyTo, cookie: retry.cookie });
    };
    world.tap = (packet) =>
      typeOf(packet) === 5
        ? [
            { ...packet, frame: forge(packet.frame, `inbox/mallory/${"m".repeat(22)}`) },
            { ...packet, frame: packet.frame.subarray(0, -1) },
          ]
        : [packet];
    alice.handshakes.ask(group, 1, (instance) => found.push(instance));
    await world.advance(10);
    expect(found).toEqual([]);
    expect(alice.handshakes.counters.refused).toMatchObject({ retry_address: 1, too_short: 1 });

    const late: { to: typeof group; frame: Uint8Array }[] = [];
    world.tap = (packet) => {
      if (typeOf(packet) !== 5) return [packet];
      late.push({ to: packet.to, frame: packet.frame });
      return [];
    };
    alice.handshakes.ask(group, 1, (instance) => found.push(instance));
    await world.advance(2_001);
    for (const { to, frame } of late) world.inject(to, frame);
    expect([late.length, found]).toEqual([1, []]);
    expect((bobs[0] as Party).accepted).toEqual([]);
  });

  it("a question in our own name, or to an inbox that is not an agent's, is dropped", async () => {
    const { world, alice, bobs, group } = await replicas(1);
    const [bob] = bobs as [Party];
    world.inject(group, buildAsk({ suite: 0x0101, sessionId: new Uint8Array(8).fill(1), replyTo: bob.inbox, suites: [0x0101] }));
    world.inject(group, buildAsk({ suite: 0x0101, sessionId: new Uint8Array(8).fill(1), replyTo: "inbox/alice", suites: [0x0101] }));
    world.inject(group, buildAsk({ suite: 0x7777, sessionId: new Uint8Array(8).fill(1), replyTo: alice.inbox, suites: [0x7777] }));
    await world.advance(10);
    expect(world.log).toEqual([]);
    expect(bob.handshakes.counters.refused).toEqual({ self: 1, reply_address: 1, no_common_suite: 1 });
  });

  it("has no keys in it", async () => {
    const { world, alice, group } = await replicas(1);
    alice.handshakes.ask(group, 1, () => undefined);
    await world.advance(10);
    const hs1 = parseHs1((world.log[0] as { frame: Uint8Array }).frame);
    expect(hs1).toMatchObject({ asks: true, message: new Uint8Array(64), cookie: undefined });
  });
});
