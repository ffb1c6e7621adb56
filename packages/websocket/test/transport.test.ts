import { address, type StateChange } from "@tightbeam/core/transport";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { reconnectDelay } from "../src/backoff.js";
import { connectWebSocket } from "../src/index.js";
import { asciiBytes, encodeChallenge, encodeError, encodeFrame, encodeWelcome, frameType, noBytes } from "../src/protocol.js";
import { bytes, codeOf, createFixture, createMortalRelay, type Fixture, text, until } from "./fixture.js";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await createFixture();
});
afterEach(() => fixture.close());
const reconnect = { minMs: 10, maxMs: 50 };

describe("a transport over a relay", () => {
  it("says its instance, so that an agent can take it as its own", async () => {
    const relay = await fixture.relay();
    const transport = fixture.closeLater(await connectWebSocket(relay.url, { identity: await fixture.enroll("alice") }));
    expect(transport.instance).toMatch(/^[A-Za-z0-9_-]{22}$/);
    const fixed = fixture.closeLater(await connectWebSocket(relay.url, { identity: await fixture.enroll("bob"), instance: "b".repeat(22) }));
    expect(fixed.instance).toBe("b".repeat(22));
  });

  it("ends with `replaced` for good when the same instance connects again", async () => {
    const relay = await fixture.relay();
    const identity = await fixture.enroll("alice");
    const first = await connectWebSocket(relay.url, { identity, reconnect });
    const second = fixture.closeLater(await connectWebSocket(relay.url, { identity, instance: first.instance, reconnect }));
    expect(await first.closed).toMatchObject({ code: "replaced" });
    expect(first.state.current).toBe("down");
    expect(await codeOf(first.send(address("agent", "bob"), bytes("x")))).toBe("closed");
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(second.state.current).toBe("up");
    expect(relay.stats()).toMatchObject({ sockets: 1, logins: 2 });
  });

  it("comes back with its subscriptions after the relay was killed, again and again", async () => {
    const mortal = await createMortalRelay(fixture.authority);
    const identity = await fixture.enroll("alice");
    const transport = await connectWebSocket(mortal.url, { identity, reconnect });
    const at = address("inbox", "alice", transport.instance);
    const got: string[] = [];
    await transport.subscribe(at, (frame) => void got.push(text(frame)));
    for (let round = 0; round < 5; round++) {
      await mortal.kill();
      await until(() => transport.state.current === "down", "going down");
      await mortal.start();
      await until(() => transport.state.current === "up", "coming up");
      await transport.send(at, bytes(`round ${round}`));
      await until(() => got.includes(`round ${round}`), "a frame after the restart");
    }
    expect(got).toHaveLength(5);
    await transport.close();
    await mortal.kill();
  });

  it("rejects a subscription the relay refuses, and reports a refused send, with the address", async () => {
    const relay = await fixture.relay();
    const transport = fixture.closeLater(await connectWebSocket(relay.url, { identity: await fixture.enroll("alice") }));
    const changes: StateChange[] = [];
    transport.state.subscribe((change) => void changes.push(change));
    expect(await codeOf(transport.subscribe(address("agent", "bob"), () => {}, { group: "bob" }))).toBe("denied");
    const nowhere = address("somewhere", "else");
    await transport.send(nowhere, bytes("x"));
    await until(() => changes.length > 0, "the refusal");
    expect(changes[0]).toMatchObject({ type: "send_failed", to: nowhere, error: { code: "denied" } });
    expect(transport.state.current).toBe("up");
  });

  it("renews its login on the same socket when the identity has a newer token", async () => {
    const relay = await fixture.relay();
    const identity = await fixture.enroll("alice");
    const transport = fixture.closeLater(await connectWebSocket(relay.url, { identity }));
    const changes: StateChange[] = [];
    transport.state.subscribe((change) => void changes.push(change));
    await identity.rotateKey();
    await until(() => relay.stats().renewals > 0, "RENEW");
    expect(relay.stats()).toMatchObject({ sockets: 1, logins: 1 });
    expect(changes).toEqual([]);
  });

  it("gives up a relay that no longer answers, within two heartbeats, and connects again", async () => {
    let accepted = 0;
    const mute = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    mute.on("connection", (socket) => {
      accepted += 1;
      socket.send(encodeFrame(frameType.challenge, 0, noBytes, encodeChallenge(new Uint8Array(32))));
      const welcome = { maxFrameBytes: 262_144, subscriptionsMax: 8, heartbeatMs: 200, authorisedMs: 3_600_000 };
      socket.once("message", () => socket.send(encodeFrame(frameType.welcome, 0, noBytes, encodeWelcome(welcome))));
    });
    await new Promise((resolve) => mute.once("listening", resolve));
    const url = `ws://127.0.0.1:${(mute.address() as { port: number }).port}/`;
    const transport = await connectWebSocket(url, { identity: await fixture.enroll("alice"), reconnect });
    const began = performance.now();
    await until(() => accepted >= 2, "the second connection", 3_000);
    expect(performance.now() - began).toBeLessThan(1_000);
    await transport.close();
    for (const socket of mute.clients) socket.terminate();
    mute.close();
  });

  it("is not harmed by a relay that sends what it should not", async () => {
    const frames = [
      encodeFrame(frameType.msg, 999, noBytes, new Uint8Array(8)),
      encodeFrame(frameType.subOk, 999, noBytes, noBytes),
      encodeFrame(frameType.dropped, 999, noBytes, new Uint8Array(3)),
      encodeFrame(frameType.err, 999, noBytes, new Uint8Array([200])),
    ];
    const relay = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    relay.on("connection", (socket) => {
      socket.on("error", () => {});
      socket.send(encodeFrame(frameType.challenge, 0, noBytes, encodeChallenge(new Uint8Array(32))));
      const welcome = { maxFrameBytes: 262_144, subscriptionsMax: 8, heartbeatMs: 20_000, authorisedMs: 3_600_000 };
      socket.once("message", () => {
        socket.send(encodeFrame(frameType.welcome, 0, noBytes, encodeWelcome(welcome)));
        setTimeout(() => {
          for (const frame of frames) socket.send(frame);
        }, 20);
      });
    });
    await new Promise((resolve) => relay.once("listening", resolve));
    const transport = await connectWebSocket(`ws://127.0.0.1:${(relay.address() as { port: number }).port}/`, {
      identity: await fixture.enroll("alice"),
      reconnect,
    });
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(transport.state.current).toBe("up");
    for (const socket of relay.clients) socket.send("text");
    await until(() => transport.state.current === "down", "leaving a relay that sends text");
    await transport.close();
    for (const socket of relay.clients) socket.terminate();
    relay.close();
  });

  it("answers no PING while its line is full: a relay that asks and does not read fills no memory", async () => {
    const relay = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    const pongs: number[] = [];
    relay.on("connection", (socket) => {
      socket.send(encodeFrame(frameType.challenge, 0, noBytes, encodeChallenge(new Uint8Array(32))));
      const welcome = { maxFrameBytes: 262_144, subscriptionsMax: 8, heartbeatMs: 3_600_000, authorisedMs: 3_600_000 };
      socket.once("message", () => {
        socket.on("message", (data: Buffer) => data[0] === frameType.pong && pongs.push(data.readUInt32BE(1)));
        socket.send(encodeFrame(frameType.welcome, 0, noBytes, encodeWelcome(welcome)));
      });
    });
    await new Promise((resolve) => relay.once("listening", resolve));
    const url = `ws://127.0.0.1:${(relay.address() as { port: number }).port}/`;
    const transport = await connectWebSocket(url, { identity: await fixture.enroll("alice"), reconnect, highWaterBytes: 1024 * 1024 });
    let asked = 0;
    transport.state.subscribe((change) => {
      if (change.type === "send_failed") asked += 1;
    });
    const [socket] = relay.clients as Set<WebSocket>;
    if (socket === undefined) throw new Error("no connection");
    socket.pause();
    // More than the system holds of a connection between them.
    const sends = Array.from({ length: 512 }, () => transport.send(address("agent", "bob"), new Uint8Array(32 * 1024)).catch(() => undefined));
    for (let i = 1; i <= 100; i++) socket.send(encodeFrame(frameType.ping, i, noBytes, noBytes));
    // Frames come in order: once this one was heard, every PING was.
    socket.send(encodeFrame(frameType.err, 0, asciiBytes("agent/bob"), encodeError(13, "x")));
    await until(() => asked === 1, "the frame after the PINGs");
    socket.resume();
    await Promise.all(sends);
    socket.send(encodeFrame(frameType.ping, 1_000, noBytes, noBytes));
    await until(() => pongs.includes(1_000), "an answer once the line has room again");
    expect(pongs).toEqual([1_000]);
    await transport.close();
    for (const client of relay.clients) client.terminate();
    relay.close();
  });

  it("stops a caller that does not await its sends", async () => {
    const relay = await fixture.relay();
    const transport = fixture.closeLater(await connectWebSocket(relay.url, { identity: await fixture.enroll("alice"), highWaterBytes: 16 * 1024 }));
    const frame = new Uint8Array(128 * 1024);
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => transport.send(address("agent", "bob"), frame)));
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused.length).toBeGreaterThan(50);
    expect((refused[0] as PromiseRejectedResult).reason).toMatchObject({ code: "unavailable", message: expect.stringContaining("await each send") });
    expect(transport.state.current).toBe("up");
  });
});

describe("waiting before a reconnect", () => {
  const random = (byte: number) => ({ bytes: (length: number) => new Uint8Array(length).fill(byte) });
  it("is uniform between nothing and a bound that doubles up to the largest", () => {
    const bound = (attempt: number) => Math.round(reconnectDelay(random(255), attempt, 100, 5_000));
    expect([0, 1, 2, 3, 6, 40].map(bound)).toEqual([50, 200, 400, 800, 5_000, 5_000]);
    expect(reconnectDelay(random(0), 9, 100, 5_000)).toBe(0);
  });
});
