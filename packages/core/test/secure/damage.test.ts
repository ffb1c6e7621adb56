import { describe, expect, it } from "vitest";
import { createWorld, type Packet, type Party, pass, typeOf, type World } from "./world.js";

/** Damage at every place of every frame of a handshake: no session out of a damaged frame, and the honest frame still counts afterwards. */

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const roomy = { handshakesPending: 100_000, handshakesPendingPerSource: 100_000 };
/** Fewer than an attempt looks at. */
const perDial = 60;

type Damage = (frame: Uint8Array, at: number) => Uint8Array;
const flip: Damage = (frame, at) => {
  const copy = frame.slice();
  copy[at] = (copy[at] as number) ^ (1 << (at % 8));
  return copy;
};
const cut: Damage = (frame, at) => frame.slice(0, at);

/** Stops the handshake before frames of `type` arrive, gives the receiver damaged ones, then the honest one. */
async function hurt(world: World, alice: Party, bob: Party, type: number, damage: Damage, from: number, count: number): Promise<number> {
  const before = { alice: alice.handshakes.counters.established, bob: bob.handshakes.counters.established };
  let honest: Packet | undefined;
  world.tap = (packet) => {
    if (typeOf(packet) === type && honest === undefined) {
      honest = packet;
      return [];
    }
    return [packet];
  };
  const dial = alice.handshakes.dial(bob.agent, { timeout: 9_000 });
  for (let i = 0; honest === undefined && i < 50; i++) {
    await world.runtime.advance(1);
    await world.settle();
  }
  if (honest === undefined) throw new Error("the frame to damage never came");
  const { frame, to } = honest as Packet;
  // Only what the initiator had sent before must not complete anything.
  world.tap = (packet) => (typeOf(packet) === type ? [] : [packet]);
  for (let at = from; at < Math.min(frame.length, from + count); at++) {
    world.inject(to, damage(frame, at));
    await world.settle();
    if (type !== 1) continue;
    await world.runtime.advance(2);
    await world.settle();
  }
  const finished = { alice: alice.handshakes.counters.established, bob: bob.handshakes.counters.established };
  // With READY damaged the responder has its session already; in all other cases nobody has one.
  expect(finished).toEqual({ alice: before.alice, bob: type === 4 ? before.bob + 1 : before.bob });
  world.tap = pass;
  world.inject(to, frame);
  let here: Awaited<typeof dial> | undefined;
  void dial.then((value) => {
    here = value;
  });
  await world.settle();
  for (let i = 0; here === undefined && i < 500; i++) {
    await world.runtime.advance(10);
    await world.settle();
  }
  const there = bob.accepted.at(-1);
  expect(there?.session.hash).toEqual(here?.session.hash);
  expect(there?.session.open(here?.session.seal(text("x")) as Uint8Array)).toEqual(text("x"));
  expect(here?.session.open(there?.session.seal(text("y")) as Uint8Array)).toEqual(text("y"));
  return frame.length;
}

async function pair(suite: 0x0101 | 1, seed: number) {
  const world = await createWorld(seed);
  const alice = await world.party("alice", { suites: [suite], localLimits: roomy });
  const bob = await world.party("bob", { suites: [suite], localLimits: roomy });
  return { world, alice, bob };
}

async function everywhere(suite: 0x0101 | 1, type: number, damage: Damage): Promise<void> {
  const { world, alice, bob } = await pair(suite, type);
  const step = type === 3 || type === 4 ? Number.POSITIVE_INFINITY : perDial;
  let length = 1;
  for (let from = 0; from < length; from += step) length = await hurt(world, alice, bob, type, damage, from, step);
  expect(length).toBeGreaterThan(60);
}

const names: Record<number, string> = { 1: "HS1", 2: "HS2", 3: "HS3", 4: "READY" };

describe("TM-44 a flipped bit at any byte of a handshake makes no session, and leaves no trace", () => {
  for (const type of [1, 2, 3, 4]) {
    it(`${names[type]}, classical`, () => everywhere(1, type, flip), 60_000);
    it(`${names[type]}, hybrid`, () => everywhere(0x0101, type, flip), 60_000);
  }
});

describe("TM-45 a handshake frame cut at any length makes no session, and leaves no trace", () => {
  for (const type of [1, 2, 3, 4]) it(`${names[type]}, hybrid`, () => everywhere(0x0101, type, cut), 60_000);
});

describe("TM-46 a medium that damages one frame in five only delays a handshake", () => {
  it.each([1, 2, 3, 4, 5, 6])("seed %i", async (seed) => {
    const { world, alice, bob } = await pair(0x0101, seed);
    const random = (below: number): number => new DataView(world.runtime.random.bytes(4).buffer).getUint32(0) % below;
    world.tap = (packet) => {
      if (random(5) > 0) return [packet];
      const frame = packet.frame.slice();
      const at = random(frame.length);
      frame[at] = (frame[at] as number) ^ (1 << random(8));
      return [{ ...packet, frame }];
    };
    const here = await world.dial(alice, bob.agent, { timeout: 40_000 });
    expect(bob.accepted.some(({ session }) => session.open(here.session.seal(text("x"))) !== undefined)).toBe(true);
  });
});
