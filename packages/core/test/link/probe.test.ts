import { describe, expect, test } from "vitest";
import * as limits from "../../src/limits.js";
import { createNetwork, numbered } from "./network.js";

const day = 24 * 3_600_000;
const never = (): boolean => false;

describe("an idle link", () => {
  test("at 20 % loss lives for a day, seen as healthy at its end, and asks every 25 s", () => {
    const network = createNetwork({ seed: 1, faults: { drop: 0.2, delay: 20, jitter: 5 } });
    let gone = false;
    const check = (): boolean => {
      gone ||= network.sides.some((side) => side.conversation.health(network.now).gone);
      return gone;
    };
    expect(network.run(check, day)).toBe(false);
    for (const side of network.sides) expect(side.ended).toEqual([]);
    const pings = day / limits.pingEveryMs;
    expect(network.records).toBeGreaterThan(pings);
    expect(network.records).toBeLessThan(8 * pings);
  });

  test("lives with every one of 20 seeds for two hours each, also with goneAfter of 2 s", () => {
    for (let seed = 100; seed < 120; seed++) {
      const network = createNetwork({ seed, goneAfterMs: seed % 2 === 0 ? 30_000 : 2_000, faults: { drop: 0.2, delay: 40, jitter: 20 } });
      expect(network.run(() => network.sides.some((side) => side.conversation.health(network.now).gone), day / 12)).toBe(false);
    }
  });

  test("without loss asks once in 25 s and is then idle again", () => {
    const network = createNetwork({ seed: 1 });
    network.run(never, 250_000);
    // A ping and its acknowledgement with the pong, of both sides.
    expect(network.records).toBeLessThanOrEqual(2 * 2 * 10);
    expect(network.sides.every((side) => side.conversation.idle)).toBe(true);
  });

  test("measures the peer's clock", () => {
    const network = createNetwork({ seed: 1, faults: { delay: 30 } });
    network.run(never, 60_000);
    const offsets = network.sides.map((side) => side.conversation.clockOffset).filter((offset) => offset !== undefined);
    expect(offsets.length).toBeGreaterThan(0);
    for (const offset of offsets) expect(Math.abs(offset)).toBeLessThan(6);
  });
});

describe("TM-67 a dead peer", () => {
  const watch = (options: { goneAfterMs: number; every?: number; big?: boolean }) => {
    const network = createNetwork({ seed: 2, goneAfterMs: options.goneAfterMs, faults: { delay: 20 } });
    const [a] = network.sides;
    a.conversation.send({ bytes: numbered(0), lane: 2, intake: true });
    network.run(() => a.conversation.idle, 1_000);
    network.kill(1);
    const diedAt = network.now;
    let suspectAt = Number.NaN;
    if (options.every !== undefined) network.every(options.every, 100_000, (index) => a.conversation.send({ bytes: numbered(index), lane: 2, intake: true }));
    else a.conversation.send({ bytes: numbered(1, options.big === true ? 3_000_000 : 32), lane: 2, intake: true });
    const found = network.run(
      () => {
        const health = a.conversation.health(network.now);
        if (health.suspect && Number.isNaN(suspectAt)) suspectAt = network.now;
        return health.gone;
      },
      diedAt + 3 * options.goneAfterMs,
    );
    return { found, suspectAfter: suspectAt - diedAt, goneAfter: network.now - diedAt, probes: a.conversation.health(network.now).probes };
  };

  test.each([
    { name: "one message pending", goneAfterMs: 30_000 },
    { name: "one message pending, 2 s", goneAfterMs: 2_000 },
    { name: "a window full", goneAfterMs: 30_000, big: true },
    { name: "more being sent all the time", goneAfterMs: 30_000, every: 10 },
    { name: "more being sent all the time, 2 s", goneAfterMs: 2_000, every: 10 },
  ])("$name: suspect after about a second, gone after goneAfter and ten probes", (options) => {
    const { found, suspectAfter, goneAfter, probes } = watch(options);
    expect(found).toBe(true);
    expect(suspectAfter).toBeGreaterThanOrEqual(limits.suspectMinMs);
    expect(suspectAfter).toBeLessThan(limits.suspectMinMs + 1_100);
    expect(goneAfter).toBeGreaterThanOrEqual(options.goneAfterMs);
    expect(goneAfter).toBeLessThan(options.goneAfterMs + 1_500);
    expect(probes).toBeGreaterThanOrEqual(limits.goneProbesMin);
  });

  test("is noticed on an idle link, by the ping", () => {
    const network = createNetwork({ seed: 2 });
    const [a] = network.sides;
    network.kill(1);
    expect(network.run(() => a.conversation.health(network.now).gone, 90_000)).toBe(true);
    expect(network.now).toBeLessThan(limits.pingEveryMs + limits.goneAfterMs + 2_000);
  });

  test("is noticed while everything waits for its credit", () => {
    const network = createNetwork({ seed: 2, limits: { maxMessageBytes: 1_000_000, intakeCount: 1, intakeBytes: 1_000_000 } });
    const [a, b] = network.sides;
    b.onDelivery = () => undefined;
    a.conversation.send({ bytes: numbered(0), lane: 2, intake: true });
    a.conversation.send({ bytes: numbered(1), lane: 2, intake: true });
    network.run(never, 5_000);
    expect(a.conversation.health(network.now)).toMatchObject({ suspect: false, gone: false });
    network.kill(1);
    expect(network.run(() => a.conversation.health(network.now).suspect, 9_000)).toBe(true);
    expect(network.run(() => a.conversation.health(network.now).gone, 45_000)).toBe(true);
  });

  test("is not declared gone by time in which our own transport was down", () => {
    const network = createNetwork({ seed: 2 });
    const [a] = network.sides;
    a.conversation.send({ bytes: numbered(0), lane: 2, intake: true });
    network.run(() => a.conversation.idle, 1_000);
    network.kill(1);
    a.conversation.send({ bytes: numbered(1), lane: 2, intake: true });
    network.run(never, network.now + 20_000);
    expect(a.conversation.health(network.now).gone).toBe(false);
    network.setUp(0, false);
    expect(a.conversation.deadline(true)).toBe(Number.POSITIVE_INFINITY);
    network.run(never, network.now + 600_000);
    network.setUp(0, true);
    expect(a.conversation.health(network.now)).toMatchObject({ suspect: false, gone: false });
    const backAt = network.now;
    expect(network.run(() => a.conversation.health(network.now).gone, backAt + 60_000)).toBe(true);
    expect(network.now - backAt).toBeGreaterThan(9_000);
    expect(network.now - backAt).toBeLessThan(12_000);
  });

  test("that comes back before is healthy at once", () => {
    const network = createNetwork({ seed: 2 });
    const [a] = network.sides;
    network.setUp(1, false);
    let received = false;
    a.conversation.send({ bytes: numbered(1), lane: 2, intake: true, watch: { received: () => (received = true) } });
    network.run(never, 20_000);
    expect(a.conversation.health(network.now)).toMatchObject({ suspect: true, gone: false });
    network.setUp(1, true);
    expect(network.run(() => received, 21_100)).toBe(true);
    expect(a.conversation.health(network.now)).toMatchObject({ suspect: false, gone: false, probes: 0 });
  });
});

describe("a transport that comes back", () => {
  test("is used at once: what was lost in the cut arrives within a round trip or two", () => {
    const network = createNetwork({ seed: 2, faults: { delay: 5 } });
    const [a] = network.sides;
    let received = 0;
    for (let index = 0; index < 100; index++)
      a.conversation.send({ bytes: numbered(index), lane: 2, intake: true, watch: { received: () => void received++ } });
    network.run(never, 1);
    network.setUp(0, false);
    network.run(never, 60_000);
    expect(received).toBe(0);
    network.setUp(0, true);
    expect(network.run(() => received === 100, 60_050)).toBe(true);
  });
});
