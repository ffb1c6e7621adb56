import { describe, expect, it } from "vitest";
import { parseHs1 } from "../../src/frame/frame.js";
import type { Trust } from "../../src/identity/index.js";
import { inboxAddress } from "../../src/transport/address.js";
import { rawHs1 } from "./raw.js";
import { createWorld, type Party, typeOf, type World } from "./world.js";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** First messages of one suite, each with keys and an id of its own, from sources that exist only on paper. */
async function strangers(world: World, count: number, source: (i: number) => string): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  const { frame } = await rawHs1(await world.authority.enroll("stranger"), "s".repeat(22), "agent/bob", 0, { replyTo: `inbox/${source(0)}/${"s".repeat(22)}` });
  const hs1 = parseHs1(frame);
  if (typeof hs1 === "string") throw new Error(hs1);
  const { buildHs1Head } = await import("../../src/frame/frame.js");
  for (let i = 0; i < count; i++) {
    const head = buildHs1Head({ suite: 1, sessionId: world.runtime.random.bytes(8), replyTo: inboxAddress(source(i), "s".repeat(22)), suites: [1] });
    frames.push(Uint8Array.from([...head, ...world.runtime.random.bytes(32)]));
  }
  return frames;
}

const sent = (world: World, from: Party, type: number): number => world.log.filter((packet) => packet.from === from.name && typeOf(packet) === type).length;

describe("TM-47 a flood of first messages costs a bounded table and, above half of it, no more than one small frame each", () => {
  it("in a group whose every member wants a cookie, a dial needs one try: the cookie goes back to the one that made it", async () => {
    for (let members = 2; members <= 5; members++) {
      const world = await createWorld(members);
      const bobs = await Promise.all(
        Array.from({ length: members }, (_, index) => world.party(`bob${index}`, { id: "bob", suites: [1], localLimits: { handshakesPending: 64 } })),
      );
      const alice = await world.party("alice", { suites: [1] });
      for (const frame of await strangers(world, 100 * members, (i) => `s${i}`)) world.inject((bobs[0] as Party).agent, frame);
      await world.settle();
      expect(bobs.map(({ handshakes }) => handshakes.counters.started)).toEqual(bobs.map(() => 32));
      const here = await world.dial(alice, (bobs[0] as Party).agent, { timeout: 900 });
      expect(here.peer.id).toBe("bob");
      expect(world.log.filter(({ from }) => from === "alice").map(typeOf)).toEqual([1, 1, 3]);
      expect(bobs.flatMap(({ handshakes }) => Object.keys(handshakes.counters.refused))).not.toContain("cookie");
    }
  });
  it("from many sources: half of the table is worked on, everyone else is asked for a cookie, and an honest dial still works", async () => {
    const world = await createWorld();
    const bob = await world.party("bob", { suites: [1], localLimits: { handshakesPending: 64 } });
    const alice = await world.party("alice", { suites: [1] });
    const flood = await strangers(world, 500, (i) => `s${i}`);
    for (const frame of flood) world.inject(bob.agent, frame);
    await world.settle();
    expect(bob.handshakes.counters.started).toBe(32);
    expect(bob.handshakes.counters.retrySent + (bob.handshakes.counters.refused.send_queue ?? 0)).toBeGreaterThanOrEqual(468);
    expect(sent(world, bob, 2)).toBe(32);
    for (const packet of world.log) if (typeOf(packet) === 5) expect(packet.frame).toHaveLength(99);
    const here = await world.dial(alice, bob.agent);
    expect(here.peer.id).toBe("bob");
    expect(world.log.filter(({ from }) => from === "alice").map(typeOf)).toEqual([1, 1, 3]);
    // The table empties by itself.
    await world.advance(10_100);
    expect(bob.handshakes.counters.refused.deadline).toBe(32);
    for (const frame of flood.slice(40, 42)) world.inject(bob.agent, frame);
    expect(bob.handshakes.counters.started).toBe(35);
  });
  it("answers on their way into a stalled medium are bounded too", async () => {
    const world = await createWorld();
    let calls = 0;
    const bob = await world.party("bob", {
      suites: [1],
      localLimits: { handshakesPending: 8 },
      send: () => {
        calls += 1;
        return new Promise(() => undefined);
      },
    });
    for (const frame of await strangers(world, 1_000, (i) => `s${i}`)) world.inject(bob.agent, frame);
    await world.settle();
    expect(calls).toBe(256);
    expect(bob.handshakes.counters.refused.send_queue).toBeGreaterThan(700);
  });
  it("from one name: 16 without a cookie, then a cookie; nobody can lock the owner of the name out", async () => {
    const world = await createWorld();
    const bob = await world.party("bob", { suites: [1] });
    const alice = await world.party("alice", { suites: [1] });
    for (const frame of await strangers(world, 100, () => "alice")) world.inject(bob.agent, frame);
    await world.settle();
    expect(bob.handshakes.counters).toMatchObject({ started: 16, retrySent: 84 });
    const here = await world.dial(alice, bob.agent);
    expect(here.peer.id).toBe("bob");
  });
  it("with a cookie: 16 per source at once", async () => {
    const world = await createWorld();
    const bob = await world.party("bob", { suites: [1], localLimits: { handshakesPending: 0, handshakesPendingPerSource: 2 } });
    const full = await world.party("full", { suites: [1], localLimits: { handshakesPending: 8, handshakesPendingPerSource: 2 } });
    const alice = await world.party("alice", { suites: [1] });
    for (const frame of await strangers(world, 4, (i) => `s${i}`)) world.inject(full.agent, frame);
    world.tap = (packet) => (typeOf(packet) === 2 ? [] : [packet]);
    const dials = Array.from({ length: 4 }, () => alice.handshakes.dial(full.agent, { timeout: 900 }).catch(() => undefined));
    const none = alice.handshakes.dial(bob.agent, { timeout: 900 }).catch(() => undefined);
    await world.advance(1_000);
    await Promise.all([...dials, none]);
    expect(full.handshakes.counters.started).toBe(6);
    expect(full.handshakes.counters.refused.source_full).toBe(2);
    expect(bob.handshakes.counters.refused.table_full).toBe(1);
  });
  it("a cookie counts for 60 s, for its address and for this process only", async () => {
    const world = await createWorld();
    const bob = await world.party("bob", { suites: [1], localLimits: { handshakesPending: 2, handshakesPendingPerSource: 16 } });
    const alice = await world.party("alice", { suites: [1] });
    for (const frame of await strangers(world, 1, () => "s")) world.inject(bob.agent, frame);
    let second: Uint8Array | undefined;
    world.tap = (packet) => {
      const hs1 = parseHs1(packet.frame);
      if (typeof hs1 === "string" || hs1.cookie === undefined) return [packet];
      second = packet.frame;
      return [];
    };
    await world.failure(alice, bob.agent, { timeout: 500 });
    const frame = second as Uint8Array;
    const elsewhere = await world.party("elsewhere", { id: "carol", suites: [1] });
    world.inject(elsewhere.agent, frame);
    expect(elsewhere.handshakes.counters.refused.cookie).toBe(1);
    const moved = frame.slice();
    moved.set(text("inbox/alicf"), 22);
    world.inject(bob.agent, moved);
    expect(bob.handshakes.counters.refused.cookie).toBe(1);
    for (const at of [12 + 8 + 2 + alice.inbox.length + 1 + 2 + 1, 12 + 8 + 2 + alice.inbox.length + 1 + 2 + 1 + 51]) {
      const forged = frame.slice();
      forged[at] = (forged[at] as number) ^ 1;
      world.inject(bob.agent, forged);
    }
    expect(bob.handshakes.counters.refused.cookie).toBe(3);
    await world.advance(61_000);
    world.inject(bob.agent, frame);
    expect(bob.handshakes.counters.refused.cookie).toBe(4);
    expect(bob.handshakes.counters.started).toBe(1);
  });
  it("a flood of answers costs the dialler at most 64 tries, 4 at a time with the issuer", async () => {
    const world = await createWorld();
    let asked = 0;
    const trust = { verify: () => new Promise<never>(() => void asked++), recheck: async () => undefined } as unknown as Trust;
    const alice = await world.party("alice", { suites: [1], trust: { ...trust, verify: (...args) => trust.verify(...args) } });
    const { rawHs2 } = await import("./raw.js");
    const mallory = await world.authority.enroll("mallory");
    world.tap = () => [];
    const dial = alice.handshakes.dial("agent/bob" as never, { timeout: 500 }).catch((error: { code: string }) => error.code);
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; world.log.length === 0 && i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    const hs1 = world.log[0]?.frame as Uint8Array;
    for (let i = 0; i < 10; i++) world.inject(alice.inbox, (await rawHs2(mallory, "m".repeat(22), "agent/bob", hs1, 0)).frame);
    expect(asked).toBe(4);
    expect(alice.handshakes.counters.refused.hs2_flood).toBe(6);
    await world.runtime.advance(600);
    expect(await dial).toBe("handshake_failed");
  });
});

describe("while message 3 is being checked", () => {
  async function slow() {
    const world = await createWorld();
    const real = world.authority.trust();
    const gates: (() => void)[] = [];
    let asked = 0;
    const bob = await world.party("bob", { suites: [1] });
    const trust: Trust = {
      ...real,
      verify: async (token, options) => {
        asked += 1;
        await new Promise<void>((resolve) => gates.push(resolve));
        return real.verify(token, options);
      },
    };
    // Not through the watching wrapper: the world would wait for the gate.
    const { createHandshakes } = await import("../../src/secure/handshakes.js");
    const delivered: Uint8Array[] = [];
    const accepted: unknown[] = [];
    const carol = createHandshakes({
      runtime: world.runtime,
      identity: await world.authority.enroll("carol"),
      trust,
      instance: "c".repeat(22),
      suites: [1],
      limits: { maxMessageBytes: 1, intakeCount: 1, intakeBytes: 1 },
      addresses: { agent: "agent/carol" as never, inbox: inboxAddress("carol", "c".repeat(22)) },
      send: async (to, frame) => void world.log.push({ from: "carol", to, frame }),
      link: { offer: () => text(""), accept: () => ({ continued: false, link: text("") }), established: (value) => void accepted.push(value) },
      deliver: (frame) => void delivered.push(frame),
    });
    const inbox = inboxAddress("carol", "c".repeat(22));
    const dialler = await rawHs1(await world.authority.enroll("alice"), "a".repeat(22), "agent/carol", 0);
    carol.receive("agent/carol" as never, dialler.frame);
    for (let i = 0; !world.log.some(({ from }) => from === "carol") && i < 2_000; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    const hs2 = world.log.find(({ from }) => from === "carol")?.frame as Uint8Array;
    const hs3 = await dialler.hs3(hs2);
    const data = (fill: number, size = 40): Uint8Array => {
      const frame = new Uint8Array(size).fill(fill);
      frame.set([0x14, 0, 0, 0]);
      frame.set(hs3.subarray(4, 12), 4);
      return frame;
    };
    const open = async (): Promise<void> => {
      for (const gate of gates.splice(0)) gate();
      for (let i = 0; accepted.length === 0 && i < 50; i++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        await world.settle();
      }
    };
    return { world, bob, carol, inbox, hs3, data, open, delivered, accepted, asked: () => asked };
  }
  const readies = (world: World): number => world.log.filter((packet) => packet.from === "carol" && typeOf(packet) === 4).length;

  it("a repeated HS3 joins the running check, and READY is sent again for it in a fresh record", async () => {
    const { world, carol, inbox, hs3, open, accepted, asked } = await slow();
    for (let i = 0; i < 5; i++) carol.receive(inbox, hs3);
    await open();
    expect(asked()).toBe(1);
    expect(accepted).toHaveLength(1);
    expect(readies(world)).toBe(1);
    carol.receive(inbox, hs3);
    expect(readies(world)).toBe(2);
    expect(asked()).toBe(1);
  });
  it("at most 16 frames and 128 KiB are held, and handed on in order afterwards", async () => {
    const { carol, inbox, hs3, data, open, delivered } = await slow();
    carol.receive(inbox, data(99));
    carol.receive(inbox, hs3);
    for (let i = 0; i < 20; i++) carol.receive(inbox, data(i));
    await open();
    expect(delivered.map((frame) => frame[30])).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(carol.counters.refused.early_data).toBe(5);
    const big = await slow();
    big.carol.receive(big.inbox, big.hs3);
    for (let i = 0; i < 5; i++) big.carol.receive(big.inbox, big.data(i, 60_000));
    await big.open();
    expect(big.delivered).toHaveLength(2);
  });
  it("nothing is held longer than 5 s", async () => {
    const { world, carol, inbox, hs3, data, open, delivered } = await slow();
    carol.receive(inbox, hs3);
    carol.receive(inbox, data(1));
    await world.runtime.advance(5_001);
    carol.receive(inbox, data(2));
    await open();
    expect(delivered.map((frame) => frame[30])).toEqual([2]);
  });
  it("a check that outlasts the deadline makes no session", async () => {
    const { world, carol, inbox, hs3, open, accepted } = await slow();
    carol.receive(inbox, hs3);
    await world.runtime.advance(10_001);
    await open();
    expect(accepted).toHaveLength(0);
    expect(readies(world)).toBe(0);
    expect(carol.counters.refused.deadline).toBe(1);
  });
  it("after close() nothing more happens", async () => {
    const { world, carol, inbox, hs3, open, accepted } = await slow();
    carol.receive(inbox, hs3);
    carol.close();
    await open();
    expect(accepted).toHaveLength(0);
    expect(readies(world)).toBe(0);
    expect(carol.receive(inbox, hs3)).toBe(false);
  });
});

describe("TM-48 without randomness nothing is sent", () => {
  const broken = (world: World) => ({
    ...world.runtime,
    random: {
      bytes(): Uint8Array {
        throw new Error("no entropy");
      },
    },
  });
  it("a dial rejects at once", async () => {
    const world = await createWorld();
    const alice = await world.party("alice", { runtime: broken(world) });
    expect(await world.failure(alice, "agent/bob" as never)).toMatchObject({ code: expect.stringMatching(/handshake_failed|internal/), retryable: false });
    expect(world.log).toHaveLength(0);
  });
  it("a generator that gives zeros is refused as well", async () => {
    const world = await createWorld();
    let calls = 0;
    const alice = await world.party("alice", {
      runtime: { ...world.runtime, random: { bytes: (length) => (calls++ === 0 ? new Uint8Array(length).fill(1) : new Uint8Array(length)) } },
    });
    expect(await world.failure(alice, "agent/bob" as never)).toMatchObject({ retryable: false });
    expect(world.log).toHaveLength(0);
    const stuck = await world.party("stuck", { runtime: { ...world.runtime, random: { bytes: (length) => new Uint8Array(length) } } });
    expect(await world.failure(stuck, "agent/bob" as never)).toMatchObject({ code: "internal" });
  });
  it("a responder stays silent and lives on", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob", { runtime: broken(world) });
    expect(await world.failure(alice, bob.agent, { timeout: 3_000 })).toMatchObject({ code: "no_answer" });
    expect(world.log.every(({ from }) => from === "alice")).toBe(true);
    expect(bob.handshakes.counters.refused.internal).toBeGreaterThan(0);
  });
});

it("TM-49 any bytes at all may be given to receive(): it never throws and starts nothing", async () => {
  const fc = await import("fast-check");
  const world = await createWorld();
  const bob = await world.party("bob", { suites: [1] });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(1, 2, 3, 4, 5, 6), fc.constantFrom(bob.agent, bob.inbox), (bytes, type, at) => {
      if (bytes.length > 0) bytes[0] = 0x10 | type;
      bob.handshakes.receive(at, bytes);
    }),
    { numRuns: 2_000 },
  );
  expect(bob.handshakes.counters.started).toBe(0);
  expect(world.log).toHaveLength(0);
});

it("frames for other addresses than the agent's own are dropped", async () => {
  const world = await createWorld();
  const bob = await world.party("bob", { suites: [1] });
  const [frame] = await strangers(world, 1, () => "s");
  bob.handshakes.receive("agent/carol" as never, frame as Uint8Array);
  expect(bob.handshakes.counters.refused).toEqual({ wrong_address: 1 });
});
