import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { partHeadBytes } from "../../src/envelope/part-head.js";
import * as limits from "../../src/limits.js";
import type { Lane } from "../../src/link/message.js";
import * as protocol from "../../src/protocol.js";
import { createNetwork, type Faults, type Network, numbered, numberOf, seeded } from "./network.js";

const bad: Partial<Faults> = { drop: 0.2, duplicate: 0.1, reorder: 0.1, reorderDepth: 50, jitter: 3 };
const heldMost = protocol.windowMaxBytes + protocol.windowReserveBytes;

interface Course {
  readonly total: number;
  /** Bytes of the message with this number. */
  readonly size: (index: number) => number;
  /** Waiting between one batch and the next, so that records stay small. */
  readonly batch?: number;
}

/** Sends `total` numbered messages from both sides over all lanes and demands each once, in the order of its lane, and all memory back. */
function demandAll(network: Network, { total, size, batch = total }: Course): void {
  const arrived = [0, 1].map(() => [0, 1, 2, 3].map(() => [] as number[]));
  const sent = [0, 1].map(() => [0, 0, 0, 0]);
  let received = 0;
  let wrongSize = 0;
  const sizes = [0, 1].map(() => [0, 1, 2, 3].map(() => [] as number[]));
  network.sides.forEach((side, index) => {
    side.onDelivery = (delivery) => {
      const number = numberOf(delivery.bytes);
      arrived[1 - index]?.[delivery.lane]?.push(number);
      if (delivery.bytes.length !== sizes[1 - index]?.[delivery.lane]?.[number]) wrongSize++;
      delivery.settle("ok");
    };
  });
  let made = 0;
  const send = (): void => {
    for (let count = 0; count < batch && made < total; count++, made++) {
      const from = made % 3 === 0 ? 1 : 0;
      const lane = ((made >> 1) % 4) as Lane;
      const number = ((sent[from] as number[])[lane] as number)++;
      const bytes = numbered(number, size(made));
      sizes[from]?.[lane]?.push(bytes.length);
      const accepted = network.sides[from as 0 | 1].conversation.send({ bytes, lane, intake: made % 5 !== 0, watch: { received: () => void received++ } });
      if (accepted === undefined) throw new Error("the budget had no room");
    }
  };
  // A lane keeps notifications and replies in order each among themselves: with both kinds in one lane only sets can be compared.
  if (batch < total) network.every(1, Math.ceil(total / batch), send);
  else send();
  expect(network.run(() => received === total, 24 * 3_600_000)).toBe(true);
  expect(wrongSize).toBe(0);
  for (let side = 0; side < 2; side++) {
    for (let lane = 0; lane < 4; lane++) {
      const numbers = arrived[side]?.[lane] as number[];
      expect(numbers.length).toBe(sent[side]?.[lane]);
      expect(new Set(numbers).size).toBe(numbers.length);
    }
  }
  for (const side of network.sides) {
    expect(side.ended).toEqual([]);
    expect(side.budget.used).toBe(0);
    expect(side.conversation.counters.heldBytes).toBe(0);
    expect(side.peak.held).toBeLessThanOrEqual(heldMost);
    expect(side.peak.unacknowledged).toBeLessThanOrEqual(heldMost);
    expect(side.peak.used).toBeLessThanOrEqual(side.budget.most);
  }
}

/** One way, one kind per lane: order can be compared exactly. */
function demandOrder(network: Network, total: number, size: (index: number) => number, eachMs?: number): void {
  const arrived: number[][] = [[], [], [], []];
  const [a, b] = network.sides;
  b.onDelivery = (delivery) => {
    (arrived[delivery.lane] as number[]).push(numberOf(delivery.bytes));
    delivery.settle("ok");
  };
  let received = 0;
  const send = (index: number): void => {
    const lane = (index % 4) as Lane;
    a.conversation.send({ bytes: numbered(index >> 2, size(index)), lane, intake: lane !== 0, watch: { received: () => void received++ } });
  };
  if (eachMs === undefined) for (let index = 0; index < total; index++) send(index);
  else network.every(eachMs, total, send);
  expect(network.run(() => received === total, 24 * 3_600_000)).toBe(true);
  for (let lane = 0; lane < 4; lane++) expect(arrived[lane]).toEqual(Array.from({ length: total / 4 }, (_, index) => index));
  for (const side of [a, b]) {
    expect(side.budget.used).toBe(0);
    expect(side.peak.held).toBeLessThanOrEqual(heldMost);
    expect(side.peak.unacknowledged).toBeLessThanOrEqual(heldMost);
    expect(side.peak.used).toBeLessThanOrEqual(side.budget.most);
  }
  expect(b.peak.held).toBeGreaterThan(0);
}

describe("TM-60 a conversation over a network that drops 20 %, doubles 10 % and reorders over 50 records", () => {
  test("100,000 messages arrive once, in the order of their lanes, in large records", () => {
    demandOrder(createNetwork({ seed: 1, faults: bad }), 100_000, () => 32);
  });

  test("100,000 messages in more than 100,000 records arrive once, in the order of their lanes", () => {
    const network = createNetwork({ seed: 2, faults: bad, room: [256, 20_480] });
    demandOrder(network, 100_000, () => 128);
    expect(network.records).toBeGreaterThan(100_000);
  }, 60_000);

  test("100,000 messages arrive once while the medium is cut again and again, records on their way lost", () => {
    const network = createNetwork({ seed: 3, faults: bad, room: [256, 20_480] });
    const random = seeded(33);
    for (let cut = 0; cut < 60; cut++) {
      const at = cut * 150 + random() * 100;
      const which = random() < 0.3 ? [0, 1] : [random() < 0.5 ? 0 : 1];
      const switchTo = (up: boolean): void => {
        for (const side of which) network.setUp(side, up);
      };
      network.at(at, () => switchTo(false));
      network.at(at + 5 + random() * 60, () => switchTo(true));
    }
    demandOrder(network, 100_000, () => 128);
  }, 60_000);

  test("both sides at once, all sizes, both kinds: nothing lost, nothing doubled, memory given back", () => {
    const random = seeded(4);
    demandAll(createNetwork({ seed: 4, faults: bad }), { total: 3_000, size: () => 4 + Math.floor(random() ** 6 * 300_000) });
  }, 60_000);

  test("any seed, any faults, any room", () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.nat(),
          drop: fc.double({ min: 0, max: 0.4, noNaN: true }),
          duplicate: fc.double({ min: 0, max: 0.3, noNaN: true }),
          reorder: fc.double({ min: 0, max: 1, noNaN: true }),
          reorderDepth: fc.integer({ min: 1, max: 60 }),
          delay: fc.integer({ min: 0, max: 120 }),
          jitter: fc.integer({ min: 0, max: 40 }),
          room: fc.constantFrom(256, 1_200, 20_480, 65_536),
          cuts: fc.array(fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 800 }), fc.nat(1)), { maxLength: 4 }),
        }),
        ({ seed, room, cuts, ...faults }) => {
          const network = createNetwork({ seed, faults, room: [room, room] });
          for (const [at, ms, side] of cuts) {
            network.at(at, () => network.setUp(side, false));
            network.at(at + ms, () => network.setUp(side, true));
          }
          const random = seeded(seed);
          demandAll(network, { total: 200, size: () => 4 + Math.floor(random() ** 4 * 40_000), batch: seed % 2 === 0 ? 3 : 200 });
        },
      ),
      { numRuns: 60 },
    );
  }, 120_000);
});

describe("the size of a message", () => {
  const fragment = protocol.cellMaxBytes - 6;
  const sizes = [0, 1, fragment - 1, fragment, fragment + 1, 2 * fragment, 65_535, 65_536, 65_537, limits.recordTargetBytes - 14, 5 * 1024 * 1024];
  test.each([["a calm network", {}] as const, ["a bad one", bad] as const])("0 B, 1 B, fragment and record boundaries, 5 MiB over %s", (_, faults) => {
    const network = createNetwork({ seed: 5, faults });
    const [a, b] = network.sides;
    const arrived: Uint8Array[] = [];
    b.onDelivery = (delivery) => {
      arrived.push(delivery.bytes.slice());
      delivery.settle("ok");
    };
    const random = seeded(5);
    const sent = sizes.map((size) => Uint8Array.from({ length: size }, () => random() * 256));
    for (const bytes of sent) a.conversation.send({ bytes: bytes.slice(), lane: 2, intake: true });
    expect(network.run(() => arrived.length === sizes.length && a.conversation.idle, 3_600_000)).toBe(true);
    for (const [index, bytes] of arrived.entries()) expect(Buffer.compare(bytes, sent[index] as Uint8Array)).toBe(0);
    expect(b.budget.used).toBe(0);
  });

  /** The records that it goes in when the window is as large as it grows, without an ACK. */
  function recordsOf(messages: readonly number[]): { readonly records: number; readonly whole: boolean } {
    const network = createNetwork({ seed: 5 });
    const { conversation } = network.sides[0];
    const send = (size: number) => conversation.send({ bytes: new Uint8Array(size), lane: 2, intake: false });
    send(4 * 1024 * 1024);
    expect(network.run(() => conversation.idle, 60_000)).toBe(true);
    for (const size of messages) send(size);
    let records = 0;
    while (network.fill(0)) records++;
    return { records, whole: conversation.counters.queuedMessages === 0 };
  }

  test("a payload of 1 MiB goes in one window of eight records with the largest header of an envelope: no ninth waits for an ACK", () => {
    expect(recordsOf([1024 * 1024 + limits.envelopeHeaderMaxBytes])).toEqual({ records: 8, whole: true });
  });

  test("two chunks of 64 KiB go in one record, with the heads of their parts", () => {
    const chunk = 64 * 1024 + partHeadBytes;
    expect(recordsOf([chunk, chunk])).toEqual({ records: 1, whole: true });
    expect(recordsOf([chunk, chunk, chunk])).toEqual({ records: 2, whole: true });
  });
});
