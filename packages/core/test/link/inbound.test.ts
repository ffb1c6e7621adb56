import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as cellType from "../../src/frame/cell-type.js";
import * as msgFlag from "../../src/frame/msg-flag.js";
import {
  type Ack,
  type CellBuffer,
  createCellBuffer,
  msgOverhead,
  noCounter,
  putAck,
  putClose,
  putCredit,
  putPing,
  putPong,
  putSequenced,
} from "../../src/link/cells.js";
import { lanes as allLanes, type Delivery } from "../../src/link/message.js";
import { readCells } from "../../src/link/read-cells.js";
import * as protocol from "../../src/protocol.js";
import { createNetwork, numbered, numberOf } from "./network.js";

const tiny = { maxMessageBytes: 1_000, intakeCount: 4, intakeBytes: 10_000 };
const whole = msgFlag.first | msgFlag.last;
const never = (): boolean => false;

/** A record made by hand. */
function record(...puts: ((buffer: CellBuffer, at: number) => number)[]): Uint8Array {
  const buffer = createCellBuffer(64 * 1024);
  let at = 0;
  for (const put of puts) at = put(buffer, at);
  return buffer.bytes.slice(0, at);
}
/** `total`: what a first fragment says of the whole. */
const msg =
  (flags: number, sequence: number, data: Uint8Array = numbered(sequence), total: number = 2 * data.length) =>
  (buffer: CellBuffer, at: number): number => {
    const message = (flags & whole) === msgFlag.first ? new Uint8Array(Math.max(total, data.length)) : data;
    message.set(data);
    const end = putSequenced(buffer, at, cellType.msg, flags, sequence, message, 0, data.length);
    if (message !== data) buffer.view.setUint32(at + msgOverhead, total);
    return end;
  };
const done =
  (sequence: number, data: Uint8Array, flags: number = whole) =>
  (buffer: CellBuffer, at: number): number =>
    putSequenced(buffer, at, cellType.done, flags, sequence, data, 0, data.length);
const ackOf =
  (ack: Partial<Ack>) =>
  (buffer: CellBuffer, at: number): number =>
    putAck(buffer, at, { highest: noCounter, delay: 0, repeated: 0, lanes: [], ...ack });

describe("a message too large, or with no memory left for it", () => {
  test("arrives as its head, refused; the lane goes on and DONE still comes", () => {
    const network = createNetwork({ seed: 1, limits: { maxMessageBytes: 20_000, intakeCount: 100, intakeBytes: 100_000 } });
    const [a, b] = network.sides;
    const arrived: { number: number; refused: Delivery["refused"]; size: number }[] = [];
    b.onDelivery = (delivery) => {
      arrived.push({ number: numberOf(delivery.bytes), refused: delivery.refused, size: delivery.bytes.length });
      delivery.settle(delivery.refused === undefined ? "ok" : "refused");
    };
    const outcomes: string[] = [];
    for (const [index, size] of [100, 20_001, 200_000, 100, 20_000].entries()) {
      a.conversation.send({
        bytes: numbered(index, size),
        lane: 2,
        intake: true,
        wantsDone: true,
        watch: { done: (outcome) => void outcomes.push(`${index} ${outcome}`) },
      });
    }
    expect(network.run(() => outcomes.length === 5 && b.conversation.idle, 5_000)).toBe(true);
    expect(arrived.map(({ number, refused }) => `${number} ${refused}`)).toEqual(["0 undefined", "1 too_large", "2 too_large", "3 undefined", "4 undefined"]);
    expect(arrived[2]?.size).toBeLessThanOrEqual(protocol.cellMaxBytes);
    expect(outcomes).toEqual(["0 ok", "1 refused", "2 refused", "3 ok", "4 ok"]);
    expect(b.budget.used).toBe(0);
  });

  test("overloaded: when the agent's memory is used up elsewhere", () => {
    const network = createNetwork({ seed: 1, budget: 2_000_000 });
    const [a, b] = network.sides;
    expect(b.budget.take(1_500_000)).toBe(true);
    const arrived: string[] = [];
    b.onDelivery = (delivery) => {
      arrived.push(`${numberOf(delivery.bytes)} ${delivery.refused}`);
      delivery.settle("ok");
    };
    for (const [index, size] of [100, 1_000_000, 100, 200_000].entries()) a.conversation.send({ bytes: numbered(index, size), lane: 2, intake: true });
    expect(network.run(() => a.conversation.idle, 10_000)).toBe(true);
    expect(arrived).toEqual(["0 undefined", "1 overloaded", "2 undefined", "3 undefined"]);
    expect(b.budget.used).toBe(1_500_000);
  });

  test("with no memory left at all, nothing is lost that fits into a record, however it is shuffled", () => {
    const network = createNetwork({ seed: 1, faults: { drop: 0.2, reorder: 0.3 }, room: [256, 20_480] });
    const [a, b] = network.sides;
    b.budget.take(b.budget.most);
    const arrived: number[] = [];
    b.onDelivery = (delivery) => {
      arrived.push(numberOf(delivery.bytes));
      delivery.settle("ok");
    };
    for (let index = 0; index < 200; index++) a.conversation.send({ bytes: numbered(index, 128), lane: 2, intake: true });
    expect(network.run(() => a.conversation.idle, 600_000)).toBe(true);
    expect(arrived).toEqual(Array.from({ length: 200 }, (_, index) => index));
  });
});

describe("TM-61 a peer that breaks the protocol ends the link, by name", () => {
  const acknowledged = ackOf({ lanes: allLanes.map((lane) => ({ lane, next: 0, ranges: [] })) });
  const cases: readonly { name: string; code: string; records: Uint8Array[] }[] = [
    { name: "more messages than the credit", code: "flow", records: [0, 1, 2, 3, 4].map((sequence) => record(msg(whole | msgFlag.intake | 1, sequence))) },
    {
      name: "more bytes than the credit",
      code: "flow",
      records: [0, 1].map((lane) =>
        record(...Array.from({ length: 16 }, (_, sequence) => msg(whole | msgFlag.intake | lane, sequence, new Uint8Array(1_000)))),
      ),
    },
    { name: "a fragment that continues nothing", code: "malformed", records: [record(msg(msgFlag.last, 0))] },
    { name: "a first fragment inside a message", code: "malformed", records: [record(msg(msgFlag.first, 0), msg(whole, 1))] },
    { name: "ABORT of nothing", code: "malformed", records: [record(msg(msgFlag.abort, 0, new Uint8Array(0)))] },
    { name: "ABORT that begins", code: "malformed", records: [record(msg(msgFlag.first | msgFlag.abort, 0, new Uint8Array(0)))] },
    { name: "ABORT that ends as well", code: "malformed", records: [record(msg(msgFlag.first, 0), msg(msgFlag.last | msgFlag.abort, 1, new Uint8Array(0)))] },
    { name: "ABORT with bytes", code: "malformed", records: [record(msg(msgFlag.first, 0), msg(msgFlag.abort, 1))] },
    { name: "an empty fragment of a larger message", code: "malformed", records: [record(msg(msgFlag.first, 0), msg(0, 1, new Uint8Array(0)))] },
    {
      name: "a first fragment without the length of the whole",
      code: "malformed",
      records: [Uint8Array.of(cellType.msg, msgFlag.first, 0, 9, 0, 0, 0, 0, 0, 0, 1, 2, 3)],
    },
    { name: "a first fragment with nothing but that", code: "malformed", records: [record(msg(msgFlag.first, 0, new Uint8Array(0), 100))] },
    { name: "a first fragment that is the whole", code: "malformed", records: [record(msg(msgFlag.first, 0, new Uint8Array(100), 100))] },
    { name: "more than the length said", code: "malformed", records: [record(msg(msgFlag.first, 0, new Uint8Array(100), 150), msg(0, 1, new Uint8Array(50)))] },
    {
      name: "less than the length said",
      code: "malformed",
      records: [record(msg(msgFlag.first, 0, new Uint8Array(100), 150), msg(msgFlag.last, 1, new Uint8Array(49)))],
    },
    {
      name: "more than was said of one that is refused",
      code: "malformed",
      records: [record(msg(msgFlag.first, 0, new Uint8Array(100), 1_500), msg(0, 1, new Uint8Array(1_000)), msg(msgFlag.last, 2, new Uint8Array(1_000)))],
    },
    { name: "credit flags on a later fragment", code: "malformed", records: [record(msg(msgFlag.first, 0), msg(msgFlag.last | msgFlag.intake, 1))] },
    { name: "DONE for nothing", code: "malformed", records: [record(done(0, Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 0)))] },
    { name: "DONE of a lane that does not exist", code: "malformed", records: [record(done(0, Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0)))] },
    { name: "DONE with an unknown outcome", code: "malformed", records: [record(done(0, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9)))] },
    { name: "DONE of another length", code: "malformed", records: [record(done(0, new Uint8Array(7)))] },
    { name: "DONE as a fragment", code: "malformed", records: [record(done(0, new Uint8Array(8), msgFlag.first))] },
    { name: "an unknown cell", code: "malformed", records: [Uint8Array.of(9, 0, 0, 0)] },
    { name: "an unknown flag of MSG", code: "malformed", records: [Uint8Array.of(cellType.msg, 0x80, 0, 6, 0, 0, 0, 0, 0, 0)] },
    { name: "a cell that ends in its header", code: "malformed", records: [Uint8Array.of(cellType.ping, 0, 0)] },
    { name: "a cell longer than its record", code: "malformed", records: [Uint8Array.of(cellType.ping, 0, 0, 6, 1, 2)] },
    { name: "a cell over 17 KiB", code: "malformed", records: [Object.assign(new Uint8Array(20_000), { 0: cellType.msg, 1: whole, 2: 0x44, 3: 1 })] },
    { name: "padding that is not zero", code: "malformed", records: [Uint8Array.of(0, 0, 0, 1)] },
    { name: "MSG without a sequence", code: "malformed", records: [Uint8Array.of(cellType.msg, whole, 0, 2, 0, 0)] },
    { name: "PING with flags", code: "malformed", records: [Uint8Array.of(cellType.ping, 1, 0, 6, 0, 0, 0, 0, 0, 0)] },
    { name: "CREDIT without a flag", code: "malformed", records: [Uint8Array.of(cellType.credit, 0, 0, 0)] },
    { name: "ACK cut short", code: "malformed", records: [record(acknowledged).slice(0, -1)] },
    {
      name: "ACK with more ranges than there are bytes",
      code: "malformed",
      records: [Object.assign(record(ackOf({ lanes: [{ lane: 0, next: 0, ranges: [] }] })), { 23: 9 })],
    },
    { name: "ACK with an empty range", code: "malformed", records: [record(ackOf({ lanes: [{ lane: 0, next: 0, ranges: [{ start: 3, end: 3 }] }] }))] },
    { name: "CLOSE without a code", code: "malformed", records: [Uint8Array.of(cellType.close, 0, 0, 0)] },
  ];
  test.each(cases)("$name: $code", ({ code, records }) => {
    const network = createNetwork({ seed: 1, limits: tiny });
    const [, b] = network.sides;
    b.onDelivery = () => undefined;
    const taken = records.map((bytes) => network.inject(1, bytes));
    expect(taken.at(-1)).toBe(false);
    expect(taken.slice(0, -1)).not.toContain(false);
    expect(b.ended).toEqual([{ code, byPeer: false }]);
    expect(network.inject(1, record(msg(whole, 50)))).toBe(false);
    expect(b.ended.length).toBe(1);
  });

  test("CLOSE whose code is no name is just closed", () => {
    const network = createNetwork({ seed: 1 });
    expect(network.inject(1, Uint8Array.of(cellType.close, 0, 0, 2, 0x1b, 0x5b))).toBe(false);
    expect(network.sides[1].ended).toEqual([{ code: "closed", byPeer: true }]);
  });

  test("one that asks for DONE without end and acknowledges none: flow", () => {
    const network = createNetwork({ seed: 1, limits: tiny });
    const [, b] = network.sides;
    let sequence = 0;
    while (b.ended.length === 0 && sequence < 100_000)
      network.inject(1, record(...Array.from({ length: 64 }, () => msg(whole | msgFlag.wantsDone, sequence++))));
    expect(b.ended).toEqual([{ code: "flow", byPeer: false }]);
    expect(b.conversation.counters.queuedMessages).toBeLessThan(20_000);
  });
});

describe("TM-62 what a hostile peer can make us hold", () => {
  test("sequence numbers far away cost nothing", () => {
    const network = createNetwork({ seed: 1 });
    const [, b] = network.sides;
    for (const sequence of [2 ** 48 - 1, 2 ** 47, 2 ** 32, 2 ** 31, 4_352])
      expect(network.inject(1, record(msg(whole, sequence, new Uint8Array(10_000))))).toBe(true);
    expect(b.conversation.counters.heldBytes).toBe(0);
    expect(b.budget.used).toBe(0);
  });

  test("gaps are held up to a window and not further", () => {
    const network = createNetwork({ seed: 1 });
    const [, b] = network.sides;
    for (let sequence = 1; sequence < 4_300; sequence++)
      for (const lane of allLanes) network.inject(1, record(msg(whole | lane, sequence, new Uint8Array(5_000))));
    expect(b.conversation.counters.heldBytes).toBeLessThanOrEqual(protocol.windowMaxBytes + protocol.windowReserveBytes);
    expect(b.budget.used).toBe(b.conversation.counters.heldBytes + (b.conversation.counters.heldBytes / 5_000) * 256);
    expect(b.ended).toEqual([]);
  });

  test("empty cells out of order are not free, nor are outcomes that nobody acknowledges", () => {
    const network = createNetwork({ seed: 1, budget: 100_000 });
    const [, b] = network.sides;
    for (let sequence = 1; sequence < 4_000; sequence++) network.inject(1, record(msg(whole | 3, sequence, new Uint8Array(0))));
    expect(b.budget.used).toBeGreaterThan(99_000);
    expect(b.conversation.counters.heldBytes).toBe(0);
    for (let sequence = 0; b.ended.length === 0 && sequence < 4_000; sequence++)
      network.inject(1, record(msg(whole | msgFlag.wantsDone | msgFlag.intake | 2, sequence)));
    expect(b.ended).toEqual([{ code: "flow", byPeer: false }]);
    expect(b.budget.used).toBeLessThanOrEqual(100_000);
  });

  test("a fragment of one byte in a record of 64 KiB is charged and kept as what it is", () => {
    const network = createNetwork({ seed: 1 });
    const [, b] = network.sides;
    network.inject(
      1,
      record(msg(msgFlag.first, 0, new Uint8Array(1), 100_000), (buffer) => buffer.bytes.length),
    );
    const one = b.budget.used;
    expect(one).toBeGreaterThan(0);
    expect(one).toBeLessThan(1_000);
    for (let sequence = 1; sequence < 1_000; sequence++)
      network.inject(
        1,
        record(msg(0, sequence, new Uint8Array(1)), (buffer) => buffer.bytes.length),
      );
    expect(b.budget.used).toBeGreaterThan(1_000);
    // At most eight times what came: no record of 64 KiB is kept for its one byte.
    expect(b.budget.used).toBeLessThan(8_200);
  });

  test("a length that is only said: at most eight times what came is allocated, in every lane", () => {
    const network = createNetwork({ seed: 1 });
    const [, b] = network.sides;
    const bytes = 10_000;
    for (const lane of allLanes) network.inject(1, record(msg(msgFlag.first | lane, 0, new Uint8Array(bytes), 60 * 1024 * 1024)));
    expect(b.budget.used).toBeLessThanOrEqual(allLanes.length * (8 * bytes + 128));
    expect(b.ended).toEqual([]);
  });

  test("a length above what was announced is refused with the first fragment, and nothing is kept but its head", () => {
    const network = createNetwork({ seed: 1, limits: { maxMessageBytes: 20_000, intakeCount: 100, intakeBytes: 100_000 } });
    const [, b] = network.sides;
    network.inject(1, record(msg(msgFlag.first | 2, 0, new Uint8Array(10_000), 2 ** 32 - 1)));
    expect(b.budget.used).toBe(0);
    expect(b.ended).toEqual([]);
  });

  test("what is not yet written of an array is never handed on", () => {
    const network = createNetwork({ seed: 1 });
    const [a, b] = network.sides;
    const sizes = [17_403, 50_000, 139_300, 140_000, 1_100_000, 3_000_001];
    const wrong: number[] = [];
    const lengths: number[] = [];
    b.onDelivery = ({ bytes }) => {
      lengths.push(bytes.length);
      if (bytes.byteLength !== bytes.buffer.byteLength || bytes.some((byte, index) => byte !== ((index * 7) & 0xff))) wrong.push(bytes.length);
    };
    for (const size of sizes) a.conversation.send({ bytes: Uint8Array.from({ length: size }, (_, index) => (index * 7) & 0xff), lane: 2, intake: true });
    expect(network.run(() => lengths.length === sizes.length, 10_000)).toBe(true);
    expect(lengths).toEqual(sizes);
    expect(wrong).toEqual([]);
    expect(b.budget.used).toBe(0);
  });

  test("a message in 400,000 fragments of one byte comes whole", () => {
    const network = createNetwork({ seed: 1 });
    const [, b] = network.sides;
    let size = 0;
    b.onDelivery = (delivery) => {
      size = delivery.bytes.length;
      delivery.settle("ok");
    };
    const fragments = 400_000;
    const byte = new Uint8Array(1);
    for (let sequence = 0; sequence < fragments; ) {
      const puts = Array.from({ length: 5_000 }, () => {
        const flags = sequence === 0 ? msgFlag.first | msgFlag.intake : sequence === fragments - 1 ? msgFlag.last : 0;
        return msg(2 | flags, sequence++, byte, fragments);
      });
      expect(network.inject(1, record(...puts))).toBe(true);
    }
    expect(size).toBe(fragments);
    expect(b.budget.used).toBe(0);
  });

  test("acknowledgements of what was never sent, in any number, change nothing and hurt nobody", () => {
    const network = createNetwork({ seed: 1, faults: { filter: (from) => from === 1 } });
    const [a] = network.sides;
    let received = 0;
    for (let index = 0; index < 10; index++) a.conversation.send({ bytes: numbered(index), lane: 2, intake: true, watch: { received: () => void received++ } });
    network.run(never, 20);
    const farAway = Array.from({ length: 512 }, (_, index) => ({ start: 20 + index * 65_000, end: 20 + index * 65_000 + 64_000 }));
    const lies: Partial<Ack>[] = [
      { lanes: [{ lane: 2, next: 11, ranges: [] }] },
      { lanes: [{ lane: 2, next: 2 ** 48 - 1, ranges: [] }] },
      {
        lanes: [
          { lane: 0, next: 1, ranges: [] },
          { lane: 3, next: 5, ranges: [] },
        ],
      },
      { lanes: [{ lane: 2, next: 0, ranges: farAway }] },
      { highest: 2 ** 47, lanes: [] },
      { highest: 3, delay: 0xffffffff, repeated: 0xffff, lanes: [] },
    ];
    const started = performance.now();
    for (let round = 0; round < 200; round++) for (const lie of lies) expect(network.inject(0, record(ackOf(lie)))).toBe(true);
    expect((performance.now() - started) / (200 * lies.length)).toBeLessThan(50);
    expect(received).toBe(0);
    network.faults.filter = undefined;
    expect(network.run(() => received === 10, 5_000)).toBe(true);
    expect(a.budget.used).toBe(0);
  });

  test("acknowledgements that never name a record do not make the sender remember all it ever sent", () => {
    const network = createNetwork({ seed: 1 });
    const [a] = network.sides;
    network.faults.filter = (from) => from === 1;
    let received = 0;
    for (let round = 0; round < 2_000; round++) {
      a.conversation.send({ bytes: numbered(round, 100), lane: 2, intake: false, watch: { received: () => void received++ } });
      network.run(never, network.now + 1);
      // The first is never acknowledged, all others are; no record is.
      if (round > 0) network.inject(0, record(ackOf({ lanes: [{ lane: 2, next: 0, ranges: [{ start: 1, end: round + 1 }] }] })));
    }
    expect(received).toBe(1_999);
    expect(a.conversation.counters.unacknowledgedBytes).toBeLessThan(300_000);
    expect(a.conversation.counters.cellsResent).toBeGreaterThan(0);
  });
});

describe("TM-63 any bytes as a record", () => {
  /** Returns the ms it took. */
  const take = (bytes: Uint8Array): number => {
    const network = createNetwork({ seed: 1 });
    const [a] = network.sides;
    for (let index = 0; index < 4; index++) a.conversation.send({ bytes: numbered(index, 40_000), lane: index as 0, intake: true, wantsDone: true });
    network.run(never, 3);
    const started = performance.now();
    const taken = network.inject(0, bytes);
    const took = performance.now() - started;
    expect(taken).toBe(a.ended.length === 0);
    if (!taken) expect(a.ended[0]?.byPeer === true || ["malformed", "flow"].includes(a.ended[0]?.code ?? "")).toBe(true);
    expect(Number.isInteger(a.budget.used) && a.budget.used >= 0).toBe(true);
    return took;
  };
  /** Three tries: a busy machine may well stop one of them for longer than the bytes ever could. */
  const survive = (bytes: Uint8Array): void => {
    expect(take(bytes) < 50 || take(bytes) < 50 || take(bytes) < 50).toBe(true);
  };

  test("gives a value or a typed end, within 50 ms", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), survive), { numRuns: 500 });
  });

  test("and cells of the right outline with anything in them", () => {
    const cell = fc
      .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 120 }))
      .map(([type, flags, body]) => [type, flags, body.length >> 8, body.length & 255, ...body]);
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 12 }), (cells) => survive(Uint8Array.from(cells.flat()))),
      { numRuns: 1_000 },
    );
  });

  test("and true records with some bytes changed", () => {
    const lane = fc.constantFrom(...allLanes);
    const sequence = fc.integer({ min: 0, max: 6 });
    const valid = fc.oneof(
      fc
        .tuple(lane, sequence, fc.constantFrom(whole, msgFlag.first, 0, msgFlag.last, msgFlag.abort, whole | msgFlag.intake, whole | msgFlag.wantsDone))
        .map(([at, number, flags]) => msg(flags | at, number)),
      fc
        .tuple(lane, sequence)
        .map(([at, number]) => ackOf({ highest: number, lanes: [{ lane: at, next: number, ranges: [{ start: number + 1, end: number + 3 }] }] })),
      fc.tuple(lane, sequence).map(([at, number]) => done(number, Uint8Array.of(at, 0, 0, 0, 0, 0, number, 0))),
      fc
        .nat(2 ** 31)
        .map(
          (total) => (buffer: CellBuffer, at: number) =>
            putCredit(buffer, at, total % 2 === 0, { ordinary: { count: total, bytes: total }, critical: { count: total, bytes: 0 } }),
        ),
      fc.constant((buffer: CellBuffer, at: number) => putPing(buffer, at, 5)),
      fc.constant((buffer: CellBuffer, at: number) => putPong(buffer, at, 5, 6)),
      fc.constant((buffer: CellBuffer, at: number) => putClose(buffer, at, "closed")),
    );
    fc.assert(
      fc.property(fc.array(valid, { minLength: 1, maxLength: 10 }), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), (cells, changes) => {
        const bytes = record(...cells);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        survive(bytes);
      }),
      { numRuns: 1_000 },
    );
  });

  test("what was written is read back", () => {
    const total = fc.nat(2 ** 48 - 1);
    const ranges = fc.array(fc.tuple(fc.integer({ min: 1, max: 4_000 }), fc.integer({ min: 1, max: 4_000 })), { maxLength: 20 });
    fc.assert(
      fc.property(
        fc.record({ highest: total, delay: fc.nat(2 ** 31), repeated: fc.nat(65_535), next: fc.nat(2 ** 47), ranges }),
        ({ ranges: steps, next, ...rest }) => {
          let at = next;
          const made = steps.map(([gap, length]) => {
            const start = at + gap;
            at = start + length;
            return { start, end: at };
          });
          const ack: Ack = {
            ...rest,
            lanes: [
              { lane: 1, next, ranges: made },
              { lane: 3, next: 0, ranges: [] },
            ],
          };
          const seen: unknown[] = [];
          const note = (...values: unknown[]): void => void seen.push(values);
          const bytes = record(ackOf(ack), (buffer, from) =>
            putCredit(buffer, from, true, { ordinary: { count: next, bytes: rest.highest }, critical: { count: 1, bytes: 2 } }),
          );
          expect(readCells(bytes, { sequenced: note, ack: note, credit: note, ping: note, pong: note, closed: note })).toBe(true);
          expect(seen).toEqual([[ack], [{ ordinary: { count: next, bytes: rest.highest }, critical: { count: 1, bytes: 2 } }, true]]);
        },
      ),
    );
  });
});

test.each([
  [[100, 200, 300], false],
  [[10_000], true],
  [[10_000, 100], true],
  [[100, 100_000], false],
])("whether a record is kept after its messages of %j were delivered", (sizes, kept) => {
  const network = createNetwork({ seed: 1 });
  const [a, b] = network.sides;
  let seen = 0;
  b.onDelivery = (delivery) => {
    seen++;
    delivery.settle("ok");
  };
  for (const size of sizes) a.conversation.send({ bytes: numbered(0, size), lane: 2, intake: true });
  const keeps: boolean[] = [];
  network.run(() => {
    if (seen > 0) keeps.push(b.conversation.keepsRecord);
    return seen === sizes.length;
  }, 1_000);
  expect(keeps[0]).toBe(kept);
});
