import { testTransport } from "@tightbeam/conformance";
import { createAuthority } from "@tightbeam/core/identity";
import { systemRuntime } from "@tightbeam/core/runtime";
import { address } from "@tightbeam/core/transport";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectWebSocket } from "../../src/index.js";
import { createRelay } from "../../src/relay/index.js";
import { bytes, codeOf, createFixture, type Fixture, text, until } from "../fixture.js";

const uncuttable = (rule: string) => ({ rule, reason: "an agent in the relay's own process cannot lose the medium without ending" });

testTransport({
  name: "an agent in the relay's process",
  deadlineMs: 1_000,
  skip: ["T1/comes-back", "T1/subscriptions-first", "T1/state-listeners", "T2/close-while-down", "T2/pending-rejects", "T3/unavailable-at-once"].map(
    uncuttable,
  ),
  async create() {
    const authority = await createAuthority();
    const relay = await createRelay({ port: 0, trust: authority.trust(), policy: () => true });
    return {
      connect: async (id) => relay.connect({ identity: await authority.enroll(id) }),
      cut: () => undefined,
      restore: () => undefined,
      close: () => relay.close(),
    };
  },
});

describe("an agent in the relay's process", () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await createFixture();
  });
  afterEach(() => fixture.close());

  it("talks with one behind a socket, both ways, also in large frames", async () => {
    const relay = await fixture.relay();
    const [inside, outside] = [
      await relay.connect({ identity: await fixture.enroll("inside") }),
      fixture.closeLater(await connectWebSocket(relay.url, { identity: await fixture.enroll("outside") })),
    ];
    const [here, there] = [address("inbox", "inside", inside.instance), address("inbox", "outside", outside.instance)];
    const got: Uint8Array[] = [];
    await inside.subscribe(here, (frame) => void inside.send(there, frame));
    await outside.subscribe(there, (frame) => void got.push(frame));
    const frames = [
      bytes("small"),
      new Uint8Array(0),
      ...[117, 118, 119, 4_095, 4_096, 16_384, 65_536, 262_144].map((size) => new Uint8Array(size).fill(size & 0xff)),
    ];
    for (const frame of frames) await outside.send(here, frame);
    await until(() => got.length === frames.length, "all echoes");
    expect(got.map((frame, index) => Buffer.compare(Buffer.from(frames[index] as Uint8Array), frame))).toEqual(frames.map(() => 0));
    expect(relay.stats()).toMatchObject({ locals: 1, sockets: 1 });
  });

  it("asks for no turn of the event loop for little that is sent", async () => {
    const runtime = systemRuntime();
    let turns = 0;
    const turn = (run: () => void) => {
      turns += 1;
      runtime.timers.turn(run);
    };
    const relay = await fixture.relay({ runtime: { ...runtime, timers: { ...runtime.timers, turn } } });
    const inside = await relay.connect({ identity: await fixture.enroll("inside") });
    const to = address("inbox", "nobody", inside.instance);
    for (let i = 0; i < 100; i++) await inside.send(to, bytes("little"));
    expect(turns).toBe(0);
    for (let i = 0; i < 100; i++) await inside.send(to, new Uint8Array(16 * 1024));
    expect(turns).toBe(2);
  });

  it("shares one large frame with others, and each owns what it gets", async () => {
    const relay = await fixture.relay({ policy: () => true });
    const transports = [
      await relay.connect({ identity: await fixture.enroll("a") }),
      await relay.connect({ identity: await fixture.enroll("b") }),
      fixture.closeLater(await connectWebSocket(relay.url, { identity: await fixture.enroll("c") })),
      fixture.closeLater(await connectWebSocket(relay.url, { identity: await fixture.enroll("d") })),
    ] as const;
    const topic = address("topic", "all");
    const sums: number[] = [];
    for (const transport of transports) {
      await transport.subscribe(topic, (frame) => {
        sums.push(frame.reduce((sum, byte) => sum + byte, 0));
        frame.fill(0);
      });
    }
    await transports[3].send(topic, new Uint8Array(64 * 1024).fill(1));
    await until(() => sums.length === 4, "four copies");
    expect(sums).toEqual([65_536, 65_536, 65_536, 65_536]);
  });

  it("is held to the same rules", async () => {
    const relay = await fixture.relay();
    const inside = await relay.connect({ identity: await fixture.enroll("inside") });
    expect(await codeOf(inside.subscribe(address("agent", "other"), () => {}, { group: "other" }))).toBe("denied");
    expect(await codeOf(inside.subscribe(address("agent", "inside"), () => {}))).toBe("denied");
    expect(await codeOf(inside.send(address("nowhere"), bytes("x")))).toBe("denied");
    await inside.subscribe(address("agent", "inside"), () => {}, { group: "inside" });
  });

  it("takes the place of its own instance and of nobody else's", async () => {
    const relay = await fixture.relay();
    const identity = await fixture.enroll("alice");
    const outside = await connectWebSocket(relay.url, { identity });
    const inside = await relay.connect({ identity, instance: outside.instance });
    expect(await outside.closed).toMatchObject({ code: "replaced" });
    expect(await codeOf(relay.connect({ identity: await fixture.enroll("alice"), instance: inside.instance }))).toBe("denied");
    const again = fixture.closeLater(await connectWebSocket(relay.url, { identity, instance: inside.instance }));
    expect(await inside.closed).toMatchObject({ code: "replaced" });
    expect(again.state.current).toBe("up");
  });

  it("ends with the relay", async () => {
    const relay = await fixture.relay();
    const inside = await relay.connect({ identity: await fixture.enroll("inside") });
    await relay.close();
    expect(await inside.closed).toMatchObject({ code: "closed" });
    expect(await codeOf(relay.connect({ identity: await fixture.enroll("late") }))).toBe("closed");
  });

  it("hears text of a neighbour in order", async () => {
    const relay = await fixture.relay();
    const [a, b] = [await relay.connect({ identity: await fixture.enroll("a") }), await relay.connect({ identity: await fixture.enroll("b") })];
    const got: string[] = [];
    const at = address("inbox", "b", b.instance);
    await b.subscribe(at, (frame) => void got.push(text(frame)));
    for (let i = 0; i < 100; i++) await a.send(at, bytes(String(i)));
    await until(() => got.length === 100, "100 frames");
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
  });
});
