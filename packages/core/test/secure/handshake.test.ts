import { describe, expect, it } from "vitest";
import { inboxAddress } from "../../src/transport/address.js";
import { announced, createWorld, dropFirst, linkOf, type Party, pass, typeOf } from "./world.js";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const accepted = (party: Party, index = 0) => {
  const found = party.accepted[index];
  if (found === undefined) throw new Error(`${party.name} accepted no session`);
  return found;
};
const types = (log: readonly { frame: Uint8Array }[]): number[] => log.map(({ frame }) => (frame[0] as number) & 15);

describe("a handshake", () => {
  it.each([0x0101, 0x0001] as const)("ends with one session on both sides, suite %i", async (suite) => {
    const world = await createWorld();
    const alice = await world.party("alice", { suites: [suite] });
    const bob = await world.party("bob", { id: "acme/bob", suites: [suite] });
    const here = await world.dial(alice, bob.agent);
    const there = accepted(bob);
    expect(types(world.log)).toEqual([1, 2, 3, 4]);
    expect(here).toMatchObject({ role: "initiator", continued: false, link: linkOf("bob"), cells: new Uint8Array(0) });
    expect(there).toMatchObject({ role: "responder", continued: false, link: linkOf("alice") });
    expect(here.peer).toMatchObject({ id: "acme/bob", instance: bob.instance, inbox: bob.inbox, limits: announced, clockOffset: -1 });
    expect(there.peer).toMatchObject({
      id: "alice",
      instance: alice.instance,
      inbox: alice.inbox,
      limits: announced,
      thumbprint: alice.identity.key.thumbprint,
    });
    expect(here.session).toMatchObject({ suite, hash: there.session.hash, exporter: there.session.exporter });
    expect(here.proofHash).toEqual(there.proofHash);
    expect(here.session.hash).not.toEqual(here.proofHash);
    expect(here.session.exporter).not.toEqual(here.session.hash);
    expect(there.session.open(here.session.seal(text("hello")))).toEqual(text("hello"));
    expect(here.session.open(there.session.seal(text("hi")))).toEqual(text("hi"));
    expect(alice.handshakes.counters).toMatchObject({ started: 1, established: 1, failed: 0 });
    expect(bob.handshakes.counters).toMatchObject({ started: 1, established: 1, failed: 0 });
    expect(alice.events).toMatchObject([{ type: "established", role: "initiator", peer: "acme/bob", suite }]);
    expect(bob.events).toMatchObject([{ type: "established", role: "responder", peer: "alice", suite }]);
  });

  it("READY is the first record, and its verdict and the link values arrive", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob", { link: { accept: (_peer, offered) => ({ continued: true, link: Uint8Array.from([...offered, 33]) }) } });
    const here = await world.dial(alice, bob.agent);
    expect(here.continued).toBe(true);
    expect(here.link).toEqual(Uint8Array.from([...linkOf("alice"), 33]));
    expect(here.session.lastOpened).toBe(0);
  });

  it("what the link layer is told: the peer, the proof's hash and the final hash", async () => {
    const world = await createWorld();
    const seen: unknown[] = [];
    const alice = await world.party("alice", {
      link: {
        offer(peer, h) {
          seen.push(peer.id, h);
          return text("offer");
        },
      },
    });
    const bob = await world.party("bob", {
      link: {
        accept(peer, offered, h, finalHash) {
          seen.push(peer.id, offered, h, finalHash);
          return { continued: false, link: text("answer") };
        },
      },
    });
    const here = await world.dial(alice, bob.inbox);
    expect(seen).toEqual(["bob", here.proofHash, "alice", text("offer"), here.proofHash, here.session.hash]);
  });

  it("tells the peer's clock from ours", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob", {
      runtime: { ...world.runtime, clock: { monotonic: () => world.runtime.now, wall: () => world.runtime.clock.wall() + 5_000 } },
    });
    const here = await world.dial(alice, bob.agent);
    expect(here.peer.clockOffset).toBeGreaterThan(4_990);
    expect(here.peer.clockOffset).toBeLessThanOrEqual(5_000);
    expect(accepted(bob).peer.clockOffset).toBeLessThanOrEqual(-5_000);
  });

  it("both kinds of identity key", async () => {
    const world = await createWorld();
    const alice = await world.party("alice", { identity: await world.authority.enroll("alice", { alg: "ES256" }) });
    const bob = await world.party("bob");
    const here = await world.dial(alice, bob.agent);
    expect(accepted(bob).peer.token.key.alg).toBe("ES256");
    expect(here.peer.token.key.alg).toBe("EdDSA");
  });

  it("session ids avoid those in use", async () => {
    const world = await createWorld();
    const asked: number[] = [];
    const alice = await world.party("alice", {
      isSessionIdTaken(id) {
        asked.push(id);
        return asked.length < 3;
      },
    });
    const bob = await world.party("bob");
    const here = await world.dial(alice, bob.agent);
    expect(asked).toHaveLength(3);
    expect(here.session.localId).toBe(asked[2]);
    expect(here.session.localId).toBeLessThan(2 ** 53);
  });
});

describe("TM-30 every message of a handshake may be lost", () => {
  it.each([
    [1, 1],
    [1, 3],
    [2, 1],
    [2, 3],
    [3, 1],
    [3, 4],
    [4, 1],
    [4, 4],
  ])("type %i, %i times: the same attempt completes by repetition", async (type, count) => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob");
    world.tap = dropFirst(type, count);
    const here = await world.dial(alice, bob.agent);
    expect(alice.handshakes.counters.started).toBe(1);
    expect(bob.handshakes.counters).toMatchObject({ started: 1, established: 1 });
    expect(bob.accepted).toHaveLength(1);
    expect(accepted(bob).session.open(here.session.seal(text("x")))).toEqual(text("x"));
  });
  it("HS1 goes out again 1, 2, 4, 6 and 8 s after the first, byte for byte", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const times: number[] = [];
    world.tap = () => {
      times.push(Math.round(world.runtime.now / 100) * 100);
      return [];
    };
    expect(await world.failure(alice, "agent/nobody" as never, { timeout: 9_000 })).toMatchObject({ code: "no_answer" });
    expect(times).toEqual([0, 1_000, 2_000, 4_000, 6_000, 8_000]);
    for (const packet of world.log) expect(packet.frame).toEqual(world.log[0]?.frame);
  });
  it("HS3 goes out again after 0.5, 1, 2, 4, 6 and 8 s and on each repeated HS2, always the same", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob");
    const times: number[] = [];
    let hs2: Uint8Array | undefined;
    world.tap = (packet) => {
      if (typeOf(packet) === 2) hs2 = packet.frame;
      if (typeOf(packet) === 3) times.push(Math.round(world.runtime.now / 100) * 100);
      return typeOf(packet) === 3 ? [] : [packet];
    };
    const result = alice.handshakes.dial(bob.agent, { timeout: 9_000 }).catch((error: { code: string }) => error.code);
    await world.advance(3_000);
    world.inject(alice.inbox, hs2 as Uint8Array);
    await world.advance(7_000);
    expect(times).toEqual([0, 500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000]);
    const sent = world.log.filter((packet) => typeOf(packet) === 3);
    for (const packet of sent) expect(packet.frame).toEqual(sent[0]?.frame);
    expect(await result).toBe("handshake_failed");
  });
  it("READY repeated for a repeated HS3 is a fresh record", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob");
    world.tap = dropFirst(4, 2);
    const here = await world.dial(alice, bob.agent);
    const readies = world.log.filter((packet) => typeOf(packet) === 4);
    expect(readies).toHaveLength(3);
    expect(here.session.lastOpened).toBe(2);
  });
  it("records that overtake READY are dropped and counted, unacknowledged", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob");
    world.tap = dropFirst(4, 1);
    const dial = world.dial(alice, bob.agent);
    await world.advance(100);
    const early = accepted(bob).session.seal(Uint8Array.of(5, 0, 0, 0));
    world.inject(alice.inbox, early);
    const here = await dial;
    expect(alice.handshakes.counters.refused.before_ready).toBe(1);
    expect(here.cells).toEqual(new Uint8Array(0));
  });
  it("a lost link costs a new attempt with new keys until the operation's own timeout", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob");
    world.tap = () => [];
    const dial = world.dial(alice, bob.agent, { timeout: 25_000 });
    await world.advance(13_000);
    world.tap = pass;
    const here = await dial;
    expect(here.peer.id).toBe("bob");
    const firsts = new Set(world.log.filter((packet) => typeOf(packet) === 1).map(({ frame }) => Buffer.from(frame).toString("hex")));
    expect(firsts.size).toBe(2);
    expect(alice.handshakes.counters.started).toBe(2);
  });
  it("a medium that is down is asked again until it is up", async () => {
    const world = await createWorld();
    const { TransportError } = await import("../../src/transport/transport.js");
    const bob = await world.party("bob");
    let up = false;
    const alice = await world.party("alice", {
      async send(to, frame) {
        if (!up) throw new TransportError("unavailable", "down");
        world.runtime.timers.after(1, () => void bob.handshakes.receive(to, frame));
      },
    });
    const dial = world.dial(alice, bob.agent, { timeout: 9_500 });
    await world.advance(7_000);
    up = true;
    await world.advance(600);
    expect(bob.handshakes.counters.started).toBe(1);
    expect(((await dial.catch((error: { code: string }) => error)) as { code?: string }).code).toBeUndefined();
  });
});

describe("a dial that cannot succeed says why", () => {
  it("no_answer with the address and the time waited", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const error = await world.failure(alice, "agent/acme/nobody" as never, { timeout: 3_000 });
    expect(error).toMatchObject({ code: "no_answer", retryable: true });
    expect(error.message).toContain("agent/acme/nobody");
    expect(error.message).toContain("3000 ms");
  });
  it("the signal's reason", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const abort = new AbortController();
    const dial = alice.handshakes.dial("agent/nobody" as never, { timeout: 5_000, signal: abort.signal });
    abort.abort("enough");
    await expect(dial).rejects.toBe("enough");
    await expect(alice.handshakes.dial("agent/nobody" as never, { timeout: 5_000, signal: abort.signal })).rejects.toBe("enough");
  });
  it("a transport that will never send", async () => {
    const world = await createWorld();
    const { TransportError } = await import("../../src/transport/transport.js");
    const alice = await world.party("alice", { send: () => Promise.reject(new TransportError("denied", "not allowed")) });
    expect(await world.failure(alice, "agent/bob" as never)).toMatchObject({ code: "denied" });
    expect(world.runtime.now).toBeLessThan(100);
  });
  it("addresses nobody can dial, timeouts that are none, a closed agent", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    for (const to of ["presence/acme", "inbox/bob", "agent"]) expect(await world.failure(alice, to as never)).toMatchObject({ code: "invalid_address" });
    expect(await world.failure(alice, "agent/bob" as never, { timeout: Number.NaN })).toMatchObject({ code: "invalid_argument" });
    const dial = alice.handshakes.dial("agent/bob" as never, { timeout: 5_000 });
    alice.handshakes.close();
    await expect(dial).rejects.toMatchObject({ code: "closed" });
    expect(await world.failure(alice, "agent/bob" as never)).toMatchObject({ code: "closed" });
  });
  it("a link layer that gives up", async () => {
    const world = await createWorld();
    const alice = await world.party("alice", {
      link: {
        offer() {
          throw new Error("no more links");
        },
      },
    });
    const bob = await world.party("bob");
    await expect(world.dial(alice, bob.agent)).rejects.toThrow("no more links");
  });
  it("a token and link data that do not fit into one frame", async () => {
    const world = await createWorld();
    const alice = await world.party("alice", { link: { offer: () => new Uint8Array(15_000) } });
    const bob = await world.party("bob");
    expect(await world.failure(alice, bob.agent)).toMatchObject({ code: "too_large" });
    expect(types(world.log)).not.toContain(3);
  });
  it("a responder whose link layer refuses stays silent; the dial says what is known", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob", {
      link: {
        accept() {
          throw new Error("full");
        },
      },
    });
    expect(await world.failure(alice, bob.agent, { timeout: 5_000 })).toMatchObject({ code: "handshake_failed" });
    expect(types(world.log.filter(({ from }) => from === "bob"))).not.toContain(4);
    expect(bob.handshakes.counters.failed).toBe(1);
  });
  it("an instance that is gone", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    await world.party("bob");
    expect(await world.failure(alice, inboxAddress("bob", "x".repeat(22)), { timeout: 2_000 })).toMatchObject({ code: "no_answer" });
  });
});

describe("several at once", () => {
  it("two parties that dial each other get two sessions", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob");
    const [one, two] = await Promise.all([world.dial(alice, bob.agent), world.dial(bob, alice.agent)]);
    expect(accepted(bob).session.hash).toEqual(one.session.hash);
    expect(accepted(alice).session.hash).toEqual(two.session.hash);
    expect(one.session.hash).not.toEqual(two.session.hash);
  });
  it("TM-31 when two instances of a group answer, the first that authenticates wins and the other dies alone", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const first = await world.party("first", { id: "bob" });
    const second = await world.party("second", { id: "bob" });
    world.tap = (packet) => (typeOf(packet) === 1 ? [packet, packet] : [packet]);
    const here = await world.dial(alice, first.agent);
    const winner = here.peer.instance === first.instance ? first : second;
    const loser = winner === first ? second : first;
    expect(winner.accepted).toHaveLength(1);
    expect(loser.accepted).toHaveLength(0);
    expect(loser.handshakes.counters.started).toBe(1);
    await world.advance(10_100);
    expect(loser.handshakes.counters.refused.deadline).toBe(1);
  });
  it("a DATA frame that comes before the dialler has registered its session is handed on", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob");
    let frame: Uint8Array | undefined;
    world.tap = (packet) => {
      if (typeOf(packet) !== 4) return [packet];
      frame = accepted(bob).session.seal(text("right behind"));
      return [packet, { ...packet, frame }];
    };
    const here = await world.dial(alice, bob.agent);
    expect(alice.delivered).toEqual([frame]);
    expect(here.session.open(frame as Uint8Array)).toEqual(text("right behind"));
  });
});
