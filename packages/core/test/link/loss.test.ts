import { describe, expect, test } from "vitest";
import { createNetwork, type Faults, numbered } from "./network.js";

/** One way, `count` messages: at once, or one every so many ms. */
function course(options: { faults: Partial<Faults>; seed?: number; count: number; size: number; small?: boolean; everyMs?: number }) {
  const network = createNetwork({ seed: options.seed ?? 7, faults: options.faults, ...(options.small ? { room: [256, 20_480] as const } : {}) });
  const [a, b] = network.sides;
  let received = 0;
  const send = (index: number): void => {
    a.conversation.send({ bytes: numbered(index, options.size), lane: 2, intake: true, watch: { received: () => void received++ } });
  };
  if (options.everyMs === undefined) for (let index = 0; index < options.count; index++) send(index);
  else network.every(options.everyMs, options.count, send);
  expect(network.run(() => received === options.count, 10_000_000)).toBe(true);
  const { cellsSent, cellsResent } = a.conversation.counters;
  return { ms: network.now, cellsSent, cellsResent, share: cellsResent / cellsSent, repeated: b.conversation.counters.duplicates };
}

describe("reordering alone", () => {
  const traffic = [
    { name: "a burst of one message a record", count: 5_000, size: 128, small: true },
    { name: "one message a record every 0.2 ms", count: 5_000, size: 128, small: true, everyMs: 0.2 },
    { name: "one message a record every ms", count: 5_000, size: 128, small: true, everyMs: 1 },
    { name: "one message a record every 5 ms", count: 5_000, size: 128, small: true, everyMs: 5 },
    { name: "one message a record every 20 ms", count: 3_000, size: 128, small: true, everyMs: 20 },
    { name: "40 MB in large records", count: 400, size: 100_000 },
  ];
  for (const { name, ...rest } of traffic) {
    test.each([0.05, 0.3, 1].flatMap((reorder) => [2, 10, 50].map((depth) => ({ reorder, depth }))))(
      `${name}: $reorder of the records held back by up to $depth cause under 2 % resends`,
      ({ reorder, depth }) => {
        expect(course({ ...rest, faults: { reorder, reorderDepth: depth } }).share).toBeLessThan(0.02);
      },
    );
  }

  test("is forgotten: a loss long afterwards is judged as fast as before", () => {
    const network = createNetwork({ seed: 3, faults: { reorder: 0.3, reorderDepth: 50 }, room: [256, 20_480] });
    const [a] = network.sides;
    let received = 0;
    network.every(1, 3_000, (index) => a.conversation.send({ bytes: numbered(index, 128), lane: 2, intake: true, watch: { received: () => void received++ } }));
    network.run(() => received === 3_000, 60_000);
    network.faults.reorder = 0;
    network.every(10, 20_000, (index) =>
      a.conversation.send({ bytes: numbered(index, 128), lane: 2, intake: true, watch: { received: () => void received++ } }),
    );
    network.run(() => received === 23_000, 400_000);
    let lost = 0;
    network.faults.filter = (from) => from === 0 && lost++ === 0;
    const began = network.now;
    let cameAt = 0;
    a.conversation.send({ bytes: numbered(0, 128), lane: 2, intake: true, watch: { received: () => (cameAt = network.now) } });
    network.every(1, 100, (index) => a.conversation.send({ bytes: numbered(index, 128), lane: 2, intake: true }));
    expect(network.run(() => cameAt > 0, began + 1_000)).toBe(true);
    expect(cameAt - began).toBeLessThan(40);
  });
});

describe("duplicates alone", () => {
  test.each([
    { name: "small records", small: true, count: 5_000, size: 128 },
    { name: "small records, steady", small: true, count: 3_000, size: 128, everyMs: 1 },
    { name: "large records", count: 200, size: 100_000 },
  ])("$name: cause no resend", (options) => {
    expect(course({ ...options, faults: { duplicate: 0.5 } }).cellsResent).toBe(0);
  });
});

describe("delay alone", () => {
  test.each([0, 1, 20, 150, 600])("of %d ms one way causes no resend once it is measured", (delay) => {
    const { cellsResent } = course({ faults: { delay }, small: true, count: 2_000, size: 128, everyMs: 3 });
    // Before the first round trip is known, the first messages are asked for.
    expect(cellsResent).toBeLessThanOrEqual(delay > 150 ? 4 : delay > 100 ? 1 : 0);
  });
});

describe("loss", () => {
  const ideal = (drop: number): number => drop / (1 - drop);
  test.each([0.01, 0.05, 0.2])("of %d costs little more than what was lost", (drop) => {
    let sent = 0;
    let again = 0;
    for (let seed = 1; seed <= 4; seed++) {
      const { cellsSent, cellsResent } = course({ seed, faults: { drop }, small: true, count: 5_000, size: 128 });
      sent += cellsSent;
      again += cellsResent;
    }
    expect(again / sent).toBeLessThan(ideal(drop) * 1.2 + 0.002);
  });

  test("of 1 % lowers what 20 MB in large records take by less than half, of 20 % to no more than ninefold", () => {
    const calmly = course({ faults: { delay: 5 }, count: 20, size: 1_000_000 }).ms;
    const mean = (drop: number): number =>
      [1, 2, 3, 4, 5].reduce((sum, seed) => sum + course({ seed, faults: { drop, delay: 5 }, count: 20, size: 1_000_000 }).ms / 5, 0);
    expect(mean(0.01)).toBeLessThan(calmly * 2);
    expect(mean(0.2)).toBeLessThan(calmly * 9);
  });

  test("of the only record on its way is found by the probe, not by a long timeout", () => {
    const network = createNetwork({ seed: 1, faults: { delay: 5 } });
    const [a] = network.sides;
    let received = 0;
    const send = (): void => void a.conversation.send({ bytes: numbered(1), lane: 1, intake: true, watch: { received: () => void received++ } });
    for (let index = 1; index <= 10; index++) {
      send();
      network.run(() => received === index, network.now + 1_000);
    }
    let lost = 0;
    network.faults.filter = (from) => from === 0 && lost++ === 0;
    const began = network.now;
    send();
    expect(network.run(() => received === 11, began + 1_000)).toBe(true);
    expect(network.now - began).toBeLessThan(65);
    expect(a.conversation.counters.cellsResent).toBe(1);
  });

  test("of every record in one direction for a while stops nothing for longer", () => {
    const network = createNetwork({ seed: 1, faults: { delay: 5 } });
    const [a] = network.sides;
    let received = 0;
    const send = (index: number): void =>
      void a.conversation.send({ bytes: numbered(index), lane: 2, intake: true, watch: { received: () => void received++ } });
    network.every(1, 3_000, send);
    network.at(500, () => (network.faults.filter = (from) => from === 1));
    network.at(2_500, () => (network.faults.filter = undefined));
    expect(network.run(() => received === 3_000, 4_200)).toBe(true);
  });
});
