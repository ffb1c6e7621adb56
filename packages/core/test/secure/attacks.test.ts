import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.js";
import { buildRetry, parseHs1 } from "../../src/frame/frame.js";
import { createAuthority, generateKey, type Identity } from "../../src/identity/index.js";
import { inboxAddress } from "../../src/transport/address.js";
import { createWorld, type Packet, type Party, pass, type Tap, typeOf, type World } from "./world.js";

const both = [0x0101, 1] as const;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const change =
  (type: number, rewrite: (frame: Uint8Array) => Uint8Array): Tap =>
  (packet) => [typeOf(packet) === type ? { ...packet, frame: rewrite(packet.frame.slice()) } : packet];
const refused = (party: Party): Record<string, number> => ({ ...party.handshakes.counters.refused });
const first = (world: World, type: number): Packet => {
  const found = world.log.find((packet) => typeOf(packet) === type);
  if (found === undefined) throw new Error(`no frame of type ${type} was sent`);
  return found;
};
const nobody = (...parties: Party[]): void => {
  for (const party of parties) {
    expect(party.accepted).toHaveLength(0);
    expect(party.handshakes.counters.established).toBe(0);
  }
};

async function three() {
  const world = await createWorld();
  const [alice, bob, mallory] = [
    await world.party("alice", { suites: both }),
    await world.party("bob", { suites: both }),
    await world.party("mallory", { suites: both }),
  ];
  return { world, alice, bob, mallory };
}

describe("TM-32 a suite list that was stripped on the way makes no session", () => {
  const strip = (frame: Uint8Array, message: (bytes: Uint8Array) => Uint8Array): Uint8Array => {
    const hs1 = parseHs1(frame);
    if (typeof hs1 === "string") throw new Error(hs1);
    const count = hs1.head.length - 2 * hs1.suites.length - 1;
    const head = Uint8Array.from([...hs1.head.subarray(0, count), 1, 0, 1]);
    head.set([0, 1], 2);
    return concat(head, message(hs1.message));
  };
  it("the whole message 1 kept: dropped for its size", async () => {
    const { world, alice, bob } = await three();
    world.tap = change(1, (frame) => strip(frame, (message) => message));
    expect(await world.failure(alice, bob.agent, { timeout: 9_000 })).toMatchObject({ code: "no_answer" });
    expect(refused(bob)).toEqual({ malformed: 6 });
  });
  it("message 1 cut to the weaker suite: the answer is not for the attempt", async () => {
    const { world, alice, bob } = await three();
    world.tap = change(1, (frame) => strip(frame, (message) => message.slice(0, 32)));
    expect(await world.failure(alice, bob.agent, { timeout: 9_000 })).toMatchObject({ code: "no_answer" });
    expect(refused(alice).hs2_state).toBeGreaterThan(0);
    nobody(alice, bob);
  });
  it("the list alone stripped, the suite kept: the transcripts differ", async () => {
    const { world, alice, bob } = await three();
    world.tap = change(1, (frame) => {
      const hs1 = parseHs1(frame);
      if (typeof hs1 === "string") throw new Error(hs1);
      return concat(hs1.head.slice(0, -5), Uint8Array.of(1, 1, 1), hs1.message);
    });
    expect(await world.failure(alice, bob.agent, { timeout: 9_000 })).toMatchObject({ code: "handshake_failed" });
    expect(refused(alice).hs2_auth).toBeGreaterThan(0);
    nobody(alice, bob);
  });
});

describe("TM-33 a dial reaches whom it named, or nobody", () => {
  it("HS1 carried to another address of the same agent", async () => {
    const { world, alice, bob } = await three();
    world.tap = (packet) => [typeOf(packet) === 1 ? { ...packet, to: bob.inbox } : packet];
    expect(await world.failure(alice, bob.agent, { timeout: 9_000 })).toMatchObject({ code: "handshake_failed" });
    nobody(alice, bob);
  });
  it("HS1 carried to another agent", async () => {
    const { world, alice, bob, mallory } = await three();
    world.tap = (packet) => [typeOf(packet) === 1 ? { ...packet, to: mallory.agent } : packet];
    expect(await world.failure(alice, bob.agent, { timeout: 9_000 })).toMatchObject({ code: "handshake_failed" });
    nobody(alice, mallory);
  });
  it("another agent that listens on the dialled address: wrong_peer, and HS3 is never sent", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const mallory = await world.party("mallory", {
      addresses: { agent: "agent/bob" as never, inbox: inboxAddress("mallory", "m".repeat(22)) },
      instance: "m".repeat(22),
    });
    expect(await world.failure(alice, "agent/bob" as never)).toMatchObject({ code: "wrong_peer", retryable: false });
    expect(world.log.some((packet) => typeOf(packet) === 3)).toBe(false);
    nobody(alice, mallory);
  });
  it("another instance than the one dialled", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const dialled = inboxAddress("bob", "d".repeat(22));
    const other = await world.party("other", { id: "bob", addresses: { agent: "agent/bob" as never, inbox: dialled }, instance: "o".repeat(22) });
    expect(await world.failure(alice, dialled)).toMatchObject({ code: "wrong_peer" });
    nobody(alice, other);
  });
  it("a reply address in HS1 that was changed on the way", async () => {
    const { world, alice, bob, mallory } = await three();
    world.tap = (packet) => {
      if (typeof parseHs1(packet.frame) === "string") return [packet];
      const at = 12 + 8 + 2;
      const frame = concat(
        packet.frame.subarray(0, 20),
        Uint8Array.of(0, mallory.inbox.length),
        text(mallory.inbox),
        packet.frame.subarray(at + alice.inbox.length),
      );
      return [{ ...packet, frame }];
    };
    // What comes to mallory is sent on, as a network could.
    const passOn = world.tap;
    world.tap = (packet) => (packet.to === mallory.inbox ? [{ ...packet, to: alice.inbox }] : passOn(packet));
    expect(await world.failure(alice, bob.agent, { timeout: 9_000 })).toMatchObject({ code: "handshake_failed" });
    nobody(alice, bob);
  });
});

describe("TM-34 HS2's header is bound by the proof: a changed one is refused, and the repeated one still succeeds", () => {
  const once = (rewrite: (frame: Uint8Array, at: number) => void): Tap => {
    let done = false;
    return (packet) => {
      if (typeOf(packet) !== 2 || done) return [packet];
      done = true;
      const frame = packet.frame.slice();
      rewrite(frame, 12);
      return [{ ...packet, frame }];
    };
  };
  it("session id", async () => {
    const { world, alice, bob } = await three();
    world.tap = once((frame, at) => frame.set([1, 2, 3, 4, 5, 6, 7, 8], at));
    const here = await world.dial(alice, bob.agent);
    expect(refused(alice)).toEqual({ wrong_peer: 1 });
    expect(bob.accepted[0]?.session.open(here.session.seal(text("x")))).toEqual(text("x"));
  });
  it("reply address", async () => {
    const { world, alice, bob } = await three();
    world.tap = once((frame, at) => frame.set(text("inbox/eve"), at + 10));
    await world.dial(alice, bob.agent);
    expect(refused(alice)).toEqual({ wrong_peer: 1 });
  });
  it("always changed: wrong_peer", async () => {
    const { world, alice, bob } = await three();
    world.tap = change(2, (frame) => {
      frame.set([1, 2, 3, 4, 5, 6, 7, 8], 12);
      return frame;
    });
    expect(await world.failure(alice, bob.agent)).toMatchObject({ code: "wrong_peer" });
  });
});

describe("TM-35 a token is useless without its key", () => {
  const thief = (victim: Identity, own: Identity): Identity => ({
    id: victim.id,
    key: { alg: victim.key.alg, publicJwk: victim.key.publicJwk, thumbprint: victim.key.thumbprint, sign: (data) => own.key.sign(data) },
    token: (audience) => victim.token(audience),
  });
  it("as responder", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const stolen = thief(await world.authority.enroll("bob"), await world.authority.enroll("mallory"));
    const mallory = await world.party("mallory", { id: "bob", identity: stolen });
    expect(await world.failure(alice, mallory.agent)).toMatchObject({ code: "invalid_token", message: expect.stringContaining("does not hold") });
    nobody(alice, mallory);
  });
  it("as initiator", async () => {
    const world = await createWorld();
    const bob = await world.party("bob");
    const mallory = await world.party("mallory", {
      id: "alice",
      identity: thief(await world.authority.enroll("alice"), await world.authority.enroll("mallory")),
    });
    expect(await world.failure(mallory, bob.agent, { timeout: 9_000 })).toMatchObject({ code: "handshake_failed" });
    nobody(mallory, bob);
    expect(refused(bob).invalid_token).toBeGreaterThan(0);
    expect(bob.events).toMatchObject([{ type: "failed", role: "responder", peer: "alice", error: { code: "invalid_token" } }]);
  });
});

describe("TM-36 a token that does not count makes no session, in either role", () => {
  const cases: [string, string, (world: World, id: string) => Promise<Identity>][] = [
    [
      "expired",
      "expired_token",
      async (world, id) => {
        const key = await generateKey();
        const token = await world.authority.issue({ id, publicKey: key.publicJwk, lifetime: 30_000 });
        await world.advance(91_000);
        return { id, key, token: async () => token };
      },
    ],
    [
      "revoked",
      "revoked_token",
      async (world, id) => {
        const identity = await world.authority.enroll(id);
        await identity.token();
        world.authority.revoke({ id });
        return identity;
      },
    ],
    [
      "of an unknown issuer",
      "unknown_issuer",
      async (world, id) => (await createAuthority({ issuer: "https://elsewhere.example", runtime: world.runtime })).enroll(id),
    ],
    ["that is no token", "invalid_token", async (_world, id) => ({ id, key: await generateKey(), token: async () => "a.b.c" })],
  ];
  it.each(cases.slice(0, 3))("%s: the responder's", async (_name, code, identity) => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob", { identity: await identity(world, "bob") });
    expect(await world.failure(alice, bob.agent)).toMatchObject({ code });
    expect(world.log.some((packet) => typeOf(packet) === 3)).toBe(false);
    nobody(alice, bob);
  });
  it.each(cases.slice(0, 3))("%s: the initiator's, told at home only", async (_name, code, identity) => {
    const world = await createWorld();
    const alice = await world.party("alice", { identity: await identity(world, "alice") });
    const bob = await world.party("bob");
    expect(await world.failure(alice, bob.agent, { timeout: 9_000 })).toMatchObject({ code: "handshake_failed" });
    expect(alice.events).toMatchObject([{ type: "failed", role: "initiator", peer: "bob" }]);
    expect(bob.events).toMatchObject([{ type: "failed", role: "responder", peer: "alice", error: { code } }]);
    if (code === "unknown_issuer")
      expect(bob.events).toMatchObject([{ error: { message: expect.stringContaining("'https://elsewhere.example' as it says") } }]);
    expect(world.log.filter((packet) => packet.from === "bob").map(typeOf)).toEqual([2]);
    nobody(alice, bob);
  });
  it("one's own broken token is told at once", async () => {
    const world = await createWorld();
    const alice = await world.party("alice", { identity: await (cases[3] as (typeof cases)[number])[2](world, "alice") });
    const bob = await world.party("bob");
    expect(await world.failure(alice, bob.agent)).toMatchObject({ code: "invalid_token" });
    expect(world.runtime.now).toBeLessThan(1_000);
  });
  it("an issuer that cannot be reached is retried, and named in the end", async () => {
    const world = await createWorld();
    const { TightbeamError } = await import("../../src/errors.js");
    const real = world.authority.trust();
    let down = true;
    const trust = {
      ...real,
      verify: (token: string, options: never) => (down ? Promise.reject(new TightbeamError("issuer_unavailable", "down")) : real.verify(token, options)),
    };
    const alice = await world.party("alice", { trust });
    const bob = await world.party("bob");
    expect(await world.failure(alice, bob.agent, { timeout: 12_000 })).toMatchObject({ code: "issuer_unavailable" });
    expect(alice.handshakes.counters.started).toBe(2);
    down = false;
    await world.dial(alice, bob.agent);
  });
});

describe("TM-37 RETRY", () => {
  it("a responder that prefers another suite asks for it once, and the second HS1 carries the cookie", async () => {
    const world = await createWorld();
    const alice = await world.party("alice", { suites: both });
    const bob = await world.party("bob", { suites: [1] });
    const here = await world.dial(alice, bob.agent);
    expect(here.session.suite).toBe(1);
    expect(world.log.map(typeOf)).toEqual([1, 5, 1, 2, 3, 4]);
    const [one, two] = world.log.filter((packet) => typeOf(packet) === 1).map((packet) => parseHs1(packet.frame));
    if (typeof one !== "object" || typeof two !== "object") throw new Error("HS1 does not parse");
    expect(two).toMatchObject({ sessionId: one.sessionId, replyTo: one.replyTo, suites: one.suites, suite: 1 });
    expect(two.cookie).toHaveLength(52);
    expect(two.message.slice(0, 32)).not.toEqual(one.message.slice(0, 32));
    expect(bob.handshakes.counters).toMatchObject({ retrySent: 1, started: 1 });
  });
  it("in a group the second HS1 goes to the instance that asked for it: another would not know its cookie", async () => {
    for (let members = 2; members <= 5; members++) {
      const world = await createWorld(members);
      const alice = await world.party("alice", { suites: both });
      const bobs = await Promise.all(Array.from({ length: members }, (_, index) => world.party(`bob${index}`, { id: "bob", suites: [1] })));
      const here = await world.dial(alice, (bobs[0] as Party).agent, { timeout: 900 });
      const asked = world.log.find((packet) => typeOf(packet) === 5)?.from;
      expect(here.peer.instance).toBe(bobs.find(({ name }) => name === asked)?.instance);
      expect(world.log.map(typeOf)).toEqual([1, 5, 1, 2, 3, 4]);
    }
  });
  it("that names another agent, another instance than the one dialled, or ourselves is ignored", async () => {
    const { world, alice, bob, mallory } = await three();
    for (const [to, from] of [
      [bob.agent, mallory.inbox],
      [bob.agent, alice.inbox],
      [bob.inbox, `inbox/bob/${"other".padEnd(22, "_")}`],
    ] as const) {
      const before = refused(alice).retry_address ?? 0;
      world.tap = forge(world, alice, 0x0101, from).retry("right hash");
      const here = await world.dial(alice, to);
      expect(here.peer.instance).toBe(bob.instance);
      expect(refused(alice).retry_address).toBe(before + 1);
    }
  });
  it("no common suite: silence, and nothing is spent", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob", { suites: [1] });
    expect(await world.failure(alice, bob.agent, { timeout: 9_000 })).toMatchObject({ code: "no_answer" });
    expect(refused(bob)).toEqual({ no_common_suite: 6 });
    expect(world.log.filter((packet) => packet.from === "bob")).toHaveLength(0);
  });
  it("classical is off unless allowed, and a RETRY cannot allow it", async () => {
    const world = await createWorld();
    const alice = await world.party("alice");
    const bob = await world.party("bob", { suites: both });
    const { retry } = forge(world, alice, 1);
    world.tap = retry("right hash");
    const here = await world.dial(alice, bob.agent);
    expect(here.session.suite).toBe(0x0101);
    expect(refused(alice)).toEqual({ retry_suite: 1 });
  });

  /** A RETRY that the network makes up in answer to the first HS1. */
  function forge(world: World, victim: Party, suite: number, replyTo = `inbox/bob/${"bob".padEnd(22, "_")}`) {
    const retry =
      (kind: "right hash" | "wrong hash"): Tap =>
      (packet) => {
        const hs1 = parseHs1(packet.frame);
        if (typeof hs1 === "string" || hs1.cookie !== undefined) return [packet];
        const cookie = world.runtime.random.bytes(52);
        if (kind === "right hash") cookie.set(sha256(packet.frame), 4);
        return [{ from: "network", to: victim.inbox, frame: buildRetry({ suite, to: hs1.sessionId, replyTo, cookie }) }, packet];
      };
    return { retry };
  }

  it("forged without having seen HS1: ignored", async () => {
    const { world, alice, bob } = await three();
    world.tap = forge(world, alice, 1).retry("wrong hash");
    const here = await world.dial(alice, bob.agent);
    expect(here.session.suite).toBe(0x0101);
    expect(refused(alice)).toEqual({ retry_cookie: 1 });
  });
  it("forged by someone who saw HS1: the attempt fails, never a session with it; the next attempt succeeds", async () => {
    for (const suite of both) {
      const { world, alice, bob } = await three();
      world.tap = forge(world, alice, suite).retry("right hash");
      const dial = world.dial(alice, bob.agent, { timeout: 25_000 });
      await world.advance(9_000);
      nobody(alice, bob);
      expect(refused(bob)[suite === 1 ? "retried_suite" : "cookie"]).toBeGreaterThan(0);
      world.tap = pass;
      const here = await dial;
      expect(here.session.suite).toBe(0x0101);
    }
  });
  it("one per attempt", async () => {
    const world = await createWorld();
    const alice = await world.party("alice", { suites: both });
    const bob = await world.party("bob", { suites: [1] });
    world.tap = (packet) => (typeOf(packet) === 5 ? [packet, packet, packet] : [packet]);
    await world.dial(alice, bob.agent);
    expect(world.log.filter((packet) => typeOf(packet) === 1)).toHaveLength(2);
    expect(refused(alice)).toEqual({ late_retry: 2 });
  });
  it("the suite that was asked for is where the next attempt begins", async () => {
    const world = await createWorld();
    const alice = await world.party("alice", { suites: both });
    const bob = await world.party("bob", { suites: [1] });
    world.tap = (packet) => (typeOf(packet) === 2 ? [] : [packet]);
    const dial = world.dial(alice, bob.agent, { timeout: 25_000 });
    await world.advance(9_000);
    world.tap = pass;
    await dial;
    expect(bob.handshakes.counters.retrySent).toBe(1);
  });
});

describe("TM-38 nothing of one handshake counts in another", () => {
  it("message 2 of session A in session B", async () => {
    const { world, alice, bob } = await three();
    world.tap = (packet) => (typeOf(packet) === 2 ? [] : [packet]);
    const results = [alice.handshakes.dial(bob.agent, { timeout: 9_000 }), alice.handshakes.dial(bob.agent, { timeout: 9_000 })].map((dial) =>
      dial.catch((error: { code: string }) => error.code),
    );
    await world.advance(100);
    const [a, b] = world.log.filter((packet) => typeOf(packet) === 2).map(({ frame }) => frame) as [Uint8Array, Uint8Array];
    const swapped = a.slice();
    swapped.set(b.subarray(4, 12), 4);
    world.inject(alice.inbox, swapped);
    expect(refused(alice)).toEqual({ hs2_auth: 1 });
    await world.advance(9_000);
    expect(new Set(await Promise.all(results))).toEqual(new Set(["handshake_failed", "no_answer"]));
    nobody(alice, bob);
  });
  it("a whole recorded handshake, played again", async () => {
    const { world, alice, bob } = await three();
    await world.dial(alice, bob.agent);
    const recorded = world.log.filter((packet) => packet.from === "alice").map(({ to, frame }) => ({ to, frame }));
    await world.advance(40_000);
    for (const { to, frame } of recorded) {
      world.inject(to, frame);
      await world.advance(100);
    }
    expect(bob.accepted).toHaveLength(1);
    expect(bob.handshakes.counters.established).toBe(1);
  });
  it("an HS1 played again within 30 s is answered from the cache: no second handshake", async () => {
    const { world, alice, bob } = await three();
    await world.dial(alice, bob.agent);
    const { to, frame } = first(world, 1);
    for (let i = 0; i < 100; i++) world.inject(to, frame);
    await world.advance(20_000);
    expect(bob.handshakes.counters.started).toBe(1);
    expect(world.log.filter((packet) => typeOf(packet) === 2).length).toBeLessThanOrEqual(17);
    await world.advance(15_000);
    world.inject(to, frame);
    await world.advance(100);
    expect(bob.handshakes.counters.started).toBe(2);
  });
  it("an HS3 played again is answered with READY a bounded number of times, and no more once the initiator has spoken", async () => {
    const { world, alice, bob } = await three();
    const here = await world.dial(alice, bob.agent);
    const { to, frame } = first(world, 3);
    for (let i = 0; i < 100; i++) world.inject(to, frame);
    await world.settle();
    expect(bob.accepted[0]?.session.counters.sealed).toBe(17);
    bob.accepted[0]?.session.open(here.session.seal(text("x")));
    world.inject(to, frame);
    expect(bob.accepted[0]?.session.counters.sealed).toBe(17);
    expect(bob.accepted).toHaveLength(1);
  });
  it("HS2 played back to its sender, HS3 too", async () => {
    const { world, alice, bob } = await three();
    await world.dial(alice, bob.agent);
    const before = { ...bob.handshakes.counters };
    expect(bob.handshakes.receive(bob.inbox, first(world, 2).frame)).toBe(false);
    expect(alice.handshakes.receive(alice.inbox, first(world, 3).frame)).toBe(false);
    expect(bob.handshakes.counters.established).toBe(before.established);
  });
});

describe("TM-39 a handshake with oneself is refused", () => {
  it("one's own instance, at once", async () => {
    const { world, alice } = await three();
    expect(await world.failure(alice, alice.inbox)).toMatchObject({ code: "self" });
    expect(world.log).toHaveLength(0);
  });
  it("one's own agent address without another instance", async () => {
    const { world, alice } = await three();
    const { now } = world.runtime;
    expect(await world.failure(alice, alice.agent)).toMatchObject({ code: "self" });
    // The repeats go at once: nobody waits for an answer that cannot come.
    expect(world.runtime.now - now).toBeLessThan(1_000);
    expect(world.log.filter((packet) => typeOf(packet) === 1)).toHaveLength(4);
    expect(world.runtime.now).toBeLessThan(5_000);
    nobody(alice);
  });
  it("with another instance in the group it is that one", async () => {
    const world = await createWorld();
    const one = await world.party("one", { id: "bob" });
    const two = await world.party("two", { id: "bob" });
    const here = await world.dial(one, one.agent);
    expect(here.peer.instance).toBe(two.instance);
  });
  it("an HS1 reflected by the network stops nothing", async () => {
    const { world, alice, bob } = await three();
    world.tap = (packet) => (typeOf(packet) === 1 ? [{ ...packet, to: alice.inbox }, { ...packet, to: alice.agent }, packet] : [packet]);
    await world.dial(alice, bob.agent);
    expect(refused(alice)).toEqual({ self: 2 });
  });
});

describe("TM-50 public keys that make every secret the same are refused", () => {
  it("in message 1 and in message 2", async () => {
    const world = await createWorld();
    const alice = await world.party("alice", { suites: [1] });
    const bob = await world.party("bob", { suites: [1] });
    world.tap = change(1, (frame) => frame.fill(0, frame.length - 32));
    expect(await world.failure(alice, bob.agent, { timeout: 5_000 })).toMatchObject({ code: "no_answer" });
    expect(refused(bob).hs1_key).toBe(4);
    expect(bob.events).toHaveLength(0);
    world.tap = change(2, (frame) => {
      const at = 12 + 8 + 2 + bob.inbox.length;
      return frame.fill(0, at, at + 32);
    });
    expect(await world.failure(alice, bob.agent, { timeout: 5_000 })).toMatchObject({ code: "handshake_failed" });
    expect(refused(alice).hs2_auth).toBe(1);
    nobody(alice, bob);
  });
});

function sha256(bytes: Uint8Array): Uint8Array {
  const { createHash } = process.getBuiltinModule("node:crypto");
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
