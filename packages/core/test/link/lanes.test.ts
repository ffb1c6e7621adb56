import { describe, expect, test } from "vitest";
import { TightbeamError } from "../../src/errors.js";
import type { Lane } from "../../src/link/message.js";
import * as protocol from "../../src/protocol.js";
import { createNetwork, numbered, numberOf } from "./network.js";

const delay = 10;

describe("a critical message", () => {
  test("overtakes one of 16 MiB that is on its way: one way of the network, no more", () => {
    const network = createNetwork({ seed: 1, faults: { delay } });
    const [a, b] = network.sides;
    let largeAt = 0;
    const latencies: number[] = [];
    b.onDelivery = (delivery) => {
      if (delivery.lane === 0) latencies.push(network.now - numberOf(delivery.bytes));
      else largeAt = network.now;
      delivery.settle("ok");
    };
    a.conversation.send({ bytes: new Uint8Array(16 * 1024 * 1024), lane: 3, intake: true });
    for (let at = 3; at < 150; at += 7) network.at(at, () => a.conversation.send({ bytes: numbered(at), lane: 0, intake: true }));
    expect(network.run(() => largeAt > 0 && latencies.length === 21, 10_000)).toBe(true);
    expect(largeAt).toBeGreaterThan(150);
    expect(Math.max(...latencies)).toBeLessThanOrEqual(delay + 0.001);
  });

  test("goes while the window is full and nothing comes back", () => {
    const network = createNetwork({ seed: 1, faults: { delay, filter: (from) => from === 1 } });
    const [a, b] = network.sides;
    const arrived: number[] = [];
    b.onDelivery = (delivery) => {
      if (delivery.lane === 0) arrived.push(network.now);
      delivery.settle("ok");
    };
    a.conversation.send({ bytes: new Uint8Array(16 * 1024 * 1024), lane: 3, intake: true });
    network.run(() => false, 30);
    const windowFull = a.conversation.counters.unacknowledgedBytes;
    a.conversation.send({ bytes: numbered(1, 20_000), lane: 0, intake: true });
    a.conversation.send({ bytes: numbered(2), lane: 0, intake: false });
    expect(network.run(() => arrived.length === 2, 41)).toBe(true);
    expect(a.conversation.counters.unacknowledgedBytes).toBeGreaterThan(windowFull);
  });

  test("does not wait for a lost fragment of another lane, nor do other lanes for one of it", () => {
    const network = createNetwork({ seed: 1, faults: { delay } });
    const [a, b] = network.sides;
    const arrived: { lane: Lane; at: number }[] = [];
    b.onDelivery = (delivery) => {
      arrived.push({ lane: delivery.lane, at: network.now });
      delivery.settle("ok");
    };
    for (const first of [3, 0] as const) {
      network.run(() => a.conversation.idle, network.now + 1_000);
      arrived.length = 0;
      network.faults.filter = (from) => from === 0;
      a.conversation.send({ bytes: new Uint8Array(20_000), lane: first, intake: true });
      network.run(() => false, network.now + 1);
      network.faults.filter = undefined;
      const began = network.now;
      a.conversation.send({ bytes: numbered(1), lane: first === 0 ? 3 : 0, intake: true });
      expect(network.run(() => arrived.length === 2, began + 2_000)).toBe(true);
      expect(arrived[0]?.lane).toBe(first === 0 ? 3 : 0);
      expect((arrived[0]?.at ?? 0) - began).toBeLessThanOrEqual(delay + 0.001);
    }
  });

  test("passes what other lanes lost and still have to send again", () => {
    const network = createNetwork({ seed: 9, faults: { delay, drop: 0.3 } });
    const [a, b] = network.sides;
    const waited: number[] = [];
    b.onDelivery = (delivery) => {
      if (delivery.lane === 0) waited.push(network.now - numberOf(delivery.bytes));
      delivery.settle("ok");
    };
    a.conversation.send({ bytes: new Uint8Array(16 * 1024 * 1024), lane: 3, intake: true });
    network.every(20, 60, () => a.conversation.send({ bytes: numbered(network.now), lane: 0, intake: true }));
    expect(network.run(() => waited.length === 60, 20_000)).toBe(true);
    waited.sort((x, y) => x - y);
    // The slow ones were lost themselves or came behind one of their own lane that was.
    expect(waited[10] as number).toBeLessThanOrEqual(delay + 0.001);
    expect(waited[30] as number).toBeLessThan(10 * delay);
    expect(waited[54] as number).toBeLessThan(50 * delay);
  });
});

describe("a fair share", () => {
  const saturate = (busy: Lane, quiet: Lane, size: number) => {
    const network = createNetwork({ seed: 1, faults: { delay } });
    const [a, b] = network.sides;
    const bytes = [0, 0, 0, 0];
    const latencies: number[] = [];
    const fill = (lane: Lane, sizes: number): void => {
      while (a.conversation.counters.queuedBytes < 24 * 1024 * 1024) a.conversation.send({ bytes: numbered(network.now, sizes), lane, intake: false });
    };
    b.onDelivery = (delivery) => {
      bytes[delivery.lane] = (bytes[delivery.lane] as number) + delivery.bytes.length;
      if (delivery.lane === quiet) latencies.push(network.now - numberOf(delivery.bytes));
      delivery.settle("ok");
    };
    return { network, a, bytes, latencies, fill, busy, quiet, size };
  };

  test.each([
    [0, 3],
    [1, 3],
    [2, 3],
    [1, 2],
    [0, 1],
  ] as const)("lane %d saturated with 100 KB messages leaves lane %d one part in sixteen or so", (busy, quiet) => {
    const { network, a, bytes, fill } = saturate(busy, quiet, 100_000);
    for (let index = 0; index < 200; index++) a.conversation.send({ bytes: numbered(index, 50_000), lane: quiet, intake: false });
    network.every(5, 200, () => fill(busy, 100_000));
    network.run(() => false, 1_000);
    const share = (bytes[quiet] as number) / ((bytes[busy] as number) + (bytes[quiet] as number));
    expect(share).toBeGreaterThan(0.03);
    expect(share).toBeLessThan(0.12);
  });

  test("small messages too: lane 1 saturated with 200 B ones leaves lane 3 its share", () => {
    const { network, a, bytes } = saturate(1, 3, 200);
    for (let index = 0; index < 30_000; index++) a.conversation.send({ bytes: numbered(index, 200), lane: 1, intake: false });
    for (let index = 0; index < 3_000; index++) a.conversation.send({ bytes: numbered(index, 200), lane: 3, intake: false });
    network.run(() => (bytes[1] as number) > 5_000_000, 5_000);
    expect((bytes[3] as number) / (bytes[1] as number)).toBeGreaterThan(0.03);
    expect((bytes[3] as number) / (bytes[1] as number)).toBeLessThan(0.12);
  });

  test("lane 1 under a saturated lane 3 waits for one round trip at most: what fills the window is not its own", () => {
    const { network, a, latencies, fill } = saturate(3, 1, 100_000);
    network.every(5, 200, (index) => {
      fill(3, 100_000);
      if (index > 40) a.conversation.send({ bytes: numbered(network.now), lane: 1, intake: false });
    });
    network.run(() => false, 1_100);
    expect(latencies.length).toBeGreaterThan(140);
    expect(Math.max(...latencies)).toBeLessThanOrEqual(3 * delay + 6);
  });

  test("large replies cannot use up what is kept for the critical lane", () => {
    const network = createNetwork({ seed: 1, faults: { delay, filter: (from) => from === 1 } });
    const [a, b] = network.sides;
    let came = 0;
    b.onDelivery = (delivery) => {
      if (delivery.lane === 0) came = network.now;
    };
    a.conversation.send({ bytes: new Uint8Array(4 * 1024 * 1024), lane: 3, intake: true });
    a.conversation.send({ bytes: new Uint8Array(4 * 1024 * 1024), lane: 2, intake: false });
    network.run(() => false, 40);
    a.conversation.send({ bytes: numbered(1, 20_000), lane: 0, intake: true });
    expect(network.run(() => came > 0, 40 + delay + 1)).toBe(true);
    expect(a.conversation.counters.unacknowledgedBytes).toBeLessThanOrEqual(protocol.windowMaxBytes + protocol.windowReserveBytes);
  });
});

describe("order within a lane", () => {
  test("notifications stay in order and replies stay in order, while replies may pass notifications that wait for credit", () => {
    const network = createNetwork({
      seed: 1,
      faults: { delay, drop: 0.1, reorder: 0.2 },
      limits: { maxMessageBytes: 1_000_000, intakeCount: 8, intakeBytes: 1_000_000 },
    });
    const [a, b] = network.sides;
    const intake: number[] = [];
    const control: number[] = [];
    b.onDelivery = (delivery) => {
      (delivery.intake ? intake : control).push(numberOf(delivery.bytes));
      network.at(network.now + 3, () => delivery.settle("ok"));
    };
    for (let index = 0; index < 400; index++) {
      a.conversation.send({ bytes: numbered(index), lane: 2, intake: true });
      a.conversation.send({ bytes: numbered(index), lane: 2, intake: false });
    }
    expect(network.run(() => intake.length === 400 && control.length === 400, 600_000)).toBe(true);
    const ascending = Array.from({ length: 400 }, (_, index) => index);
    expect(intake).toEqual(ascending);
    expect(control).toEqual(ascending);
  });

  test("without shortage of credit the order of sending is kept over both kinds", () => {
    const network = createNetwork({ seed: 1 });
    const [a, b] = network.sides;
    const arrived: number[] = [];
    b.onDelivery = (delivery) => {
      arrived.push(numberOf(delivery.bytes));
      delivery.settle("ok");
    };
    for (let index = 0; index < 300; index++) a.conversation.send({ bytes: numbered(index), lane: 1, intake: index % 3 === 0 });
    expect(network.run(() => arrived.length === 300, 1_000)).toBe(true);
    expect(arrived).toEqual(Array.from({ length: 300 }, (_, index) => index));
  });
});

describe("what streams say", () => {
  test("keeps its order with calls and replies of its lane, and passes calls that wait for credit", () => {
    const network = createNetwork({ seed: 1, faults: { delay }, limits: { maxMessageBytes: 1_000_000, intakeCount: 1, intakeBytes: 1_000_000 } });
    const [a, b] = network.sides;
    const arrived: number[] = [];
    b.onDelivery = (delivery) => void arrived.push(numberOf(delivery.bytes));
    a.conversation.send({ bytes: numbered(0), lane: 2, intake: true });
    for (let index = 1; index < 5; index++) a.conversation.send({ bytes: numbered(index), lane: 2, intake: false, part: index % 2 === 0 });
    a.conversation.send({ bytes: numbered(99), lane: 2, intake: true });
    for (let index = 5; index < 9; index++) a.conversation.send({ bytes: numbered(index), lane: 2, intake: false, part: true });
    network.run(() => false, 1_000);
    expect(arrived).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test.each([0, 2] as const)("takes nothing of the reserve, in lane %i: replies and critical calls go while it waits for the window", (lane) => {
    const network = createNetwork({ seed: 1, faults: { delay, filter: (from) => from === 1 } });
    const [a, b] = network.sides;
    const parts: number[] = [];
    const others: number[] = [];
    b.onDelivery = (delivery) => {
      (delivery.bytes.length === 1_000 ? parts : others).push(numberOf(delivery.bytes));
      delivery.settle("ok");
    };
    for (let index = 0; index < 2_000; index++) a.conversation.send({ bytes: numbered(index, 1_000), lane, intake: false, part: true });
    network.run(() => false, 500);
    const full = parts.length;
    expect(full).toBeLessThan(1_100);
    a.conversation.send({ bytes: numbered(5_000), lane: 2, intake: false });
    a.conversation.send({ bytes: numbered(5_001), lane: 0, intake: true });
    network.run(() => others.length === 2, 700);
    expect(others.toSorted((x, y) => x - y)).toEqual([5_000, 5_001]);
    expect(parts).toHaveLength(full);
    network.faults.filter = undefined;
    expect(network.run(() => parts.length === 2_000, 60_000)).toBe(true);
    expect(parts).toEqual(Array.from({ length: 2_000 }, (_, index) => index));
  });

  test("given up before they begin they leave the queues, and what waits with the link is told of its end", () => {
    const network = createNetwork({ seed: 1, faults: { delay, filter: () => true } });
    const [a] = network.sides;
    const lost: number[] = [];
    const sent = Array.from({ length: 400 }, (_, index) =>
      a.conversation.send({ bytes: numbered(index, 10_000), lane: 2, intake: false, part: true, watch: { lost: () => void lost.push(index) } }),
    );
    network.run(() => false, 50);
    const before = a.conversation.counters.queuedMessages;
    const given = sent.slice(200).filter((message) => message?.giveUp() === true).length;
    expect(given).toBe(200);
    expect(a.conversation.counters.queuedMessages).toBe(before - 200);
    expect(a.conversation.end(() => new TightbeamError("closed", "the end"))).toBe(200);
    expect(lost.toSorted((x, y) => x - y)).toEqual(Array.from({ length: 200 }, (_, index) => index));
    expect(a.budget.used).toBe(0);
  });
});
