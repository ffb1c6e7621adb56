import type { Trust } from "@tightbeam/core/identity";
import { TightbeamError } from "@tightbeam/core/transport";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeGroup, frameType, parseDropped, parseError, parseWelcome } from "../../src/protocol.js";
import { reasonOf } from "../../src/reasons.js";
import { allowedByDefault, type RelayAgent } from "../../src/relay/policy.js";
import { movableRuntime } from "../clock.js";
import { createFixture, type Fixture, until } from "../fixture.js";
import { instanceOf, logIn, loginBody, open, type RawClient, subscribe } from "../raw.js";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await createFixture();
});
afterEach(() => fixture.close());

const [a, b] = [instanceOf("a"), instanceOf("b")];
const hour = 3_600_000;
const refusedBecause = (frame: { type: number; body: Uint8Array }) => (frame.type === frameType.err ? reasonOf(parseError(frame.body).reason) : "allowed");

describe("TM-81 what an agent may listen to", () => {
  const agent: RelayAgent = { id: "acme/bob", instance: a, permissions: [] };
  const rows: [address: string, group: string | undefined, allowed: boolean, why: string][] = [
    ["agent/acme/bob", "acme/bob", true, "its own address in its own group"],
    ["agent/acme/bob", undefined, false, "its own address outside the group would see every replica's handshakes"],
    ["agent/acme/bob", "acme", false, "its own address in another group"],
    ["agent/acme", "acme", false, "the agent named like its realm"],
    ["agent/acme/alice", "acme/alice", false, "another agent"],
    [`inbox/acme/bob/${a}`, undefined, true, "its own inbox"],
    [`inbox/acme/bob/${a}`, "acme/bob", false, "its own inbox as a group"],
    [`inbox/acme/bob/${b}`, undefined, false, "another instance of itself"],
    [`inbox/acme/${a}`, undefined, false, "the inbox of an agent above"],
    [`inbox/acme/alice/${a}`, undefined, false, "another agent's inbox"],
    ["presence/acme", undefined, false, "presence without the permission"],
    ["anything/else", undefined, false, "an address nobody knows"],
  ];
  it.each(rows)("%s in group %s: %s (%s)", (address, group, allowed) => expect(allowedByDefault(agent, "subscribe", address as never, group)).toBe(allowed));

  it("includes presence with the permission, one realm or all", () => {
    const may = (permissions: string[], realm: string) => allowedByDefault({ ...agent, permissions }, "subscribe", `presence/${realm}` as never, undefined);
    expect(may(["transport:presence"], "acme")).toBe(true);
    expect(may(["transport:presence:acme"], "acme")).toBe(true);
    expect(may(["transport:presence:acme"], "other")).toBe(false);
    expect(may(["transport:presence"], "acme/deeper")).toBe(false);
  });

  it("may send to agents and inboxes, and nowhere else", () => {
    const may = (address: string) => allowedByDefault(agent, "send", address as never, undefined);
    expect(["agent/x", "agent/r/x", `inbox/x/${b}`, `inbox/r/x/${b}`].every(may)).toBe(true);
    expect(["x", "agent", "inbox/x/short", "presence/acme", "agent/a/b/c"].some(may)).toBe(false);
  });

  it("is what the relay enforces, before the table is touched", async () => {
    const relay = await fixture.relay();
    const bob = await logIn(relay.url, await fixture.enroll("bob"), b);
    for (const [number, at, group] of [
      [1, "agent/alice", "alice"],
      [2, `inbox/alice/${b}`, undefined],
      [3, `inbox/bob/deeper/${b}`, undefined],
    ] as const) {
      expect(refusedBecause(await subscribe(bob, number, at, group))).toBe("forbidden");
    }
    expect(relay.stats()).toMatchObject({ addresses: 0, subscriptions: 0, forbidden: 3 });
    bob.send(frameType.send, 0, "presence/acme", new Uint8Array(1));
    expect((await bob.next(frameType.err)).type).toBe(frameType.err);
    bob.socket.close();
  });

  it("can be narrowed and widened by a policy, and one that throws denies", async () => {
    const relay = await fixture.relay({
      policy: (_agent, action, address, _group, allowed) => {
        if (address === "topic/open") return true;
        if (address === "agent/throws") throw new Error("from a test");
        return action === "send" ? false : allowed;
      },
    });
    const bob = await logIn(relay.url, await fixture.enroll("bob"), b);
    expect(refusedBecause(await subscribe(bob, 1, "topic/open"))).toBe("allowed");
    expect(refusedBecause(await subscribe(bob, 2, "agent/throws", "throws"))).toBe("forbidden");
    bob.send(frameType.send, 0, "agent/bob", new Uint8Array(1));
    const refusal = await until(() => bob.frames.some(({ type, request }) => type === frameType.err && request === 0), "the refusal of a send");
    expect(refusal).toBeUndefined();
    bob.socket.close();
  });

  it("is bounded in number, and a number serves one subscription at a time", async () => {
    const relay = await fixture.relay({ limits: { subscriptionsPerSocket: 2 }, policy: () => true });
    const bob = await logIn(relay.url, await fixture.enroll("bob"), b);
    await subscribe(bob, 1, "a/1");
    await subscribe(bob, 2, "a/2");
    expect(refusedBecause(await subscribe(bob, 3, "a/3"))).toBe("too_many");
    bob.send(frameType.unsub, 2);
    expect(refusedBecause(await subscribe(bob, 4, "a/4"))).toBe("allowed");
    bob.send(frameType.sub, 4, "a/5");
    expect(await bob.closed).toBe("unexpected");
    expect(relay.stats().addresses).toBe(0);
  });
});

describe("TM-82 one instance", () => {
  it("is replaced by a new socket of the same key", async () => {
    const relay = await fixture.relay();
    const alice = await fixture.enroll("alice");
    const first = await logIn(relay.url, alice, a);
    const second = await logIn(relay.url, alice, a);
    expect(await first.closed).toBe("replaced");
    const other = await logIn(relay.url, alice, b);
    expect(relay.stats().sockets).toBe(2);
    second.socket.close();
    other.socket.close();
  });

  it("is not given to another key of the same agent", async () => {
    const relay = await fixture.relay();
    const first = await logIn(relay.url, await fixture.enroll("alice"), a);
    const stranger = await fixture.enroll("alice");
    const second = await open(relay.url);
    second.send(frameType.login, 0, "", await loginBody(second, stranger, a, new URL(relay.url).origin));
    expect(await second.closed).toBe("instance_taken");
    expect(relay.stats().sockets).toBe(1);
    first.socket.close();
  });

  it("is one of at most instancesPerAgent: no agent takes every socket", async () => {
    const relay = await fixture.relay({ limits: { instancesPerAgent: 1 } });
    const alice = await fixture.enroll("alice");
    const first = await logIn(relay.url, alice, a);
    const second = await open(relay.url);
    second.send(frameType.login, 0, "", await loginBody(second, alice, b, new URL(relay.url).origin));
    expect(await second.closed).toBe("too_many");
    const bob = await logIn(relay.url, await fixture.enroll("bob"), b);
    expect(relay.stats().sockets).toBe(2);
    first.socket.close();
    await until(() => relay.stats().sockets === 1, "the place to be free");
    const again = await logIn(relay.url, alice, b);
    again.socket.close();
    bob.socket.close();
  });

  it("belongs to its agent: the same instance of another agent is another", async () => {
    const relay = await fixture.relay();
    const clients = [await logIn(relay.url, await fixture.enroll("alice"), a), await logIn(relay.url, await fixture.enroll("bob"), a)];
    expect(relay.stats().sockets).toBe(2);
    for (const { socket } of clients) socket.close();
  });
});

describe("TM-83 an authorisation", () => {
  const renew = async (client: RawClient, identity: Parameters<typeof loginBody>[1], url: string, number: number, lies = {}) => {
    const before = client.frames.length;
    client.send(frameType.renew, number, "", await loginBody(client, identity, a, new URL(url).origin, lies));
    await until(() => client.frames.length > before, "an answer to RENEW");
    return client.frames.at(-1) as { type: number; body: Uint8Array; request: number };
  };

  it("ends with the token and a minute of grace, and a late login with it is refused", async () => {
    const runtime = movableRuntime();
    const relay = await fixture.relay({ runtime });
    const alice = await fixture.enroll("alice", { lifetime: hour });
    const client = await logIn(relay.url, alice, a);
    runtime.move(hour + 30_000);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(relay.stats().sockets).toBe(1);
    runtime.move(31_000);
    expect(await client.closed).toBe("expired_token");
    const late = await open(relay.url);
    late.send(frameType.login, 0, "", await loginBody(late, alice, a, new URL(relay.url).origin));
    expect(await late.closed).toBe("expired_token");
  });

  it("is prolonged by RENEW on the same socket, also with a new key", async () => {
    const relay = await fixture.relay();
    const alice = await fixture.enroll("alice");
    const client = await logIn(relay.url, alice, a);
    await alice.rotateKey();
    const answer = await renew(client, alice, relay.url, 9);
    expect(answer).toMatchObject({ type: frameType.welcome, request: 9 });
    expect(parseWelcome(answer.body).authorisedMs).toBeGreaterThan(hour - 60_000);
    expect(relay.stats()).toMatchObject({ sockets: 1, renewals: 1 });
    const again = await logIn(relay.url, alice, a);
    expect(await client.closed).toBe("replaced");
    again.socket.close();
  });

  it("is not prolonged for another agent, with a stolen token, or twice at once", async () => {
    const relay = await fixture.relay();
    const [alice, bob] = [await fixture.enroll("alice"), await fixture.enroll("bob")];
    const client = await logIn(relay.url, alice, a);
    expect(refusedBecause(await renew(client, bob, relay.url, 5))).toBe("invalid_token");
    expect(refusedBecause(await renew(client, bob, relay.url, 6, { token: await alice.token(new URL(relay.url).origin) }))).toBe("wrong_proof");
    expect(relay.stats()).toMatchObject({ sockets: 1, renewals: 0 });
    const body = await loginBody(client, alice, a, new URL(relay.url).origin);
    client.send(frameType.renew, 7, "", body);
    client.send(frameType.renew, 8, "", body);
    expect(await client.closed).toBe("unexpected");
  });

  it("loses the subscriptions its new token does not permit", async () => {
    const relay = await fixture.relay();
    const origin = new URL(relay.url).origin;
    const alice = await fixture.enroll("alice", { permissions: ["transport:presence"] });
    const client = await logIn(relay.url, alice, a);
    expect(refusedBecause(await subscribe(client, 1, "presence/acme"))).toBe("allowed");
    const less = await fixture.authority.issue({ id: "alice", publicKey: alice.key.publicJwk, audience: origin });
    client.send(frameType.renew, 2, "", await loginBody(client, alice, a, origin, { token: less }));
    await until(() => client.frames.some(({ type, request }) => type === frameType.err && request === 1), "the end of the subscription");
    expect(relay.stats().subscriptions).toBe(0);
    client.socket.close();
  });

  it("ends at the next check after a revocation", async () => {
    const relay = await fixture.relay({ limits: { recheckMs: 50 } });
    const client = await logIn(relay.url, await fixture.enroll("alice"), a);
    fixture.authority.revoke({ id: "alice" });
    expect(await client.closed).toBe("revoked_token");
  });

  it("goes on while the issuer cannot be asked", async () => {
    let asked = 0;
    const trust = {
      verify: fixture.authority.trust().verify,
      recheck: async () => {
        asked++;
        throw new TightbeamError("issuer_unavailable", "The issuer does not answer.");
      },
    };
    const relay = await fixture.relay({ trust, limits: { recheckMs: 20 } });
    const client = await logIn(relay.url, await fixture.enroll("alice"), a);
    await until(() => asked >= 3, "three checks");
    expect(relay.stats().sockets).toBe(1);
    client.socket.close();
  });
});

describe("TM-84 a socket", () => {
  it("that says nothing is asked, and given up within two heartbeats", async () => {
    const relay = await fixture.relay({ limits: { heartbeatMs: 200 } });
    const client = await logIn(relay.url, await fixture.enroll("alice"), a);
    const began = performance.now();
    await client.next(frameType.ping);
    await client.closed;
    expect(performance.now() - began).toBeLessThan(1_000);
    await until(() => relay.stats().sockets === 0, "the relay forgetting it");
  });

  it("that answers is kept", async () => {
    const relay = await fixture.relay({ limits: { heartbeatMs: 100 } });
    const client = await logIn(relay.url, await fixture.enroll("alice"), a);
    client.socket.on("message", (data: Buffer) => {
      if (data[0] === frameType.ping) client.send(frameType.pong, 0);
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(relay.stats().sockets).toBe(1);
    client.socket.close();
  });

  it("that stops reading loses its newest frames, delays nobody, is told when it reads again, and else is closed", async () => {
    const relay = await fixture.relay({ limits: { outgoingBytes: 512 * 1024, slowConsumerMs: 1_000 } });
    const [slow, good, sender] = [
      await logIn(relay.url, await fixture.enroll("slow"), a),
      await logIn(relay.url, await fixture.enroll("good"), a),
      await logIn(relay.url, await fixture.enroll("sender"), a),
    ];
    await subscribe(slow, 1, `inbox/slow/${a}`);
    await subscribe(good, 1, `inbox/good/${a}`);
    slow.socket.pause();
    const frame = new Uint8Array(64 * 1024);
    const flood = () => {
      for (let i = 0; i < 64; i++) sender.send(frameType.send, 0, `inbox/slow/${a}`, frame);
    };
    const before = process.memoryUsage().rss;
    for (let i = 0; relay.stats().framesDropped < 64 && i < 200; i++) {
      flood();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(relay.stats().framesDropped).toBeGreaterThanOrEqual(64);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
    sender.send(frameType.send, 0, `inbox/good/${a}`, new Uint8Array([1]));
    expect((await good.next(frameType.msg)).body).toHaveLength(1);

    slow.socket.resume();
    const report = await slow.next(frameType.dropped);
    expect(parseDropped(report.body).frames).toBeGreaterThan(0);

    slow.socket.pause();
    const until10 = performance.now() + 10_000;
    while (relay.stats().ended.slow_consumer === undefined && performance.now() < until10) {
      flood();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(relay.stats().ended.slow_consumer).toBe(1);
    for (const { socket } of [slow, good, sender]) socket.terminate();
  });

  it("that sends more frames than allowed is read more slowly and loses nothing", async () => {
    const relay = await fixture.relay({ limits: { framesPerSecond: 1_000 } });
    const client = await logIn(relay.url, await fixture.enroll("alice"), a);
    await subscribe(client, 1, `inbox/alice/${a}`);
    for (let i = 0; i < 400; i++) client.send(frameType.send, 0, `inbox/alice/${a}`, new Uint8Array(8_000));
    await until(() => client.frames.filter(({ type }) => type === frameType.msg).length === 400, "all 400 frames", 10_000);
    expect(relay.stats().throttled).toBeGreaterThan(0);
    client.socket.close();
  });

  it("that asks too often is closed: PING, subscriptions, the WebSocket's own pings", async () => {
    const relay = await fixture.relay({ limits: { controlPerSecond: 10 } });
    const alice = await fixture.enroll("alice");
    const asks: ((client: RawClient, i: number) => void)[] = [
      (client) => client.send(frameType.ping, 0),
      (client, i) => client.send(frameType.sub, i + 1, "agent/alice", encodeGroup("alice")),
      (client) => client.socket.ping(),
    ];
    for (const ask of asks) {
      const client = await logIn(relay.url, alice, a);
      for (let i = 0; i < 200; i++) ask(client, i);
      expect(await client.closed).toBe("rate_limited");
    }
  });

  it("that pings while its login is being judged is closed before its answers fill the memory", async () => {
    const never = new Promise<never>(() => undefined);
    const trust: Trust = { verify: () => never, recheck: async () => undefined };
    const relay = await fixture.relay({ trust });
    const client = await open(relay.url);
    client.send(frameType.login, 0, "", await loginBody(client, await fixture.enroll("alice"), a, new URL(relay.url).origin));
    let answers = 0;
    client.socket.on("pong", () => (answers += 1));
    for (let i = 0; i < 10; i++) client.socket.ping();
    await until(() => answers === 10, "what a careful client asks meanwhile");
    for (let i = 0; i < 1_000; i++) client.socket.ping(new Uint8Array(125));
    expect(await client.closed).toBe("rate_limited");
    expect(answers).toBeLessThan(100);
  });
});
