import { describe, expect, test } from "vitest";
import { TightbeamError } from "../../src/errors.js";
import type { Conversation } from "../../src/link/conversation.js";
import type { Delivery, MessageWatch, Outcome } from "../../src/link/message.js";
import { announced, createNetwork, numbered, numberOf } from "./network.js";

const never = (): boolean => false;

/** Notes every stage of a message by name. */
function noting(): { readonly stages: string[]; readonly watch: MessageWatch } {
  const stages: string[] = [];
  return {
    stages,
    watch: {
      sealed: () => void stages.push("sealed"),
      received: () => void stages.push("received"),
      done: (outcome) => void stages.push(`done ${outcome}`),
      lost: (error, sealed) => void stages.push(`lost ${error.code} ${sealed}`),
    },
  };
}

describe("a message given up", () => {
  test("before it started never leaves, and its memory is free at once", () => {
    const network = createNetwork({ seed: 1 });
    const [a, b] = network.sides;
    const arrived: number[] = [];
    b.onDelivery = (delivery) => void arrived.push(numberOf(delivery.bytes));
    const { stages, watch } = noting();
    a.conversation.send({ bytes: numbered(1), lane: 2, intake: true });
    const used = a.budget.used;
    const sent = a.conversation.send({ bytes: numbered(2, 100_000), lane: 2, intake: true, watch });
    a.conversation.send({ bytes: numbered(3), lane: 2, intake: true });
    expect(sent?.giveUp()).toBe(true);
    expect(sent?.giveUp()).toBe(false);
    expect(a.budget.used).toBe(2 * used);
    expect(a.conversation.counters.queuedMessages).toBe(2);
    expect(network.run(() => a.conversation.idle, 1_000)).toBe(true);
    expect(arrived).toEqual([1, 3]);
    expect(stages).toEqual([]);
    expect(a.budget.used).toBe(0);
  });

  test.each([{}, { drop: 0.2, reorder: 0.2, jitter: 3 }])(
    "partly sent ends with ABORT: the peer's application gets nothing of it, the rest of the lane goes on (%j)",
    (faults) => {
      const network = createNetwork({ seed: 1, faults });
      const [a, b] = network.sides;
      const arrived: number[] = [];
      b.onDelivery = (delivery) => {
        arrived.push(numberOf(delivery.bytes));
        delivery.settle("ok");
      };
      const { stages, watch } = noting();
      const sent = a.conversation.send({ bytes: numbered(1, 10_000_000), lane: 2, intake: true, watch });
      a.conversation.send({ bytes: numbered(2), lane: 2, intake: true });
      network.run(never, 12);
      expect(a.conversation.counters.cellsSent).toBeGreaterThan(1);
      expect(sent?.giveUp()).toBe(true);
      expect(network.run(() => a.conversation.idle, 60_000)).toBe(true);
      expect(arrived).toEqual([2]);
      expect(stages).toEqual([]);
      expect(a.budget.used).toBe(0);
      expect(b.budget.used).toBe(0);
    },
  );

  test("gives its intake credit back: thousands of them leave a link as usable as before", () => {
    const network = createNetwork({ seed: 1, limits: { maxMessageBytes: 10_000_000, intakeCount: 4, intakeBytes: 1_000_000 } });
    const [a, b] = network.sides;
    let arrived = 0;
    b.onDelivery = (delivery) => {
      arrived++;
      delivery.settle("ok");
    };
    for (let index = 0; index < 100; index++) {
      const sent = a.conversation.send({ bytes: numbered(index, 3_000_000), lane: 2, intake: true });
      network.run(never, network.now + 4);
      expect(sent?.giveUp()).toBe(true);
      expect(network.run(() => a.conversation.idle, network.now + 10_000)).toBe(true);
    }
    for (let index = 0; index < 20; index++) a.conversation.send({ bytes: numbered(index), lane: 2, intake: true });
    expect(network.run(() => arrived === 20, network.now + 10_000)).toBe(true);
    expect(b.ended).toEqual([]);
  });

  test("after its last fragment went is too late", () => {
    const network = createNetwork({ seed: 1 });
    const sent = network.sides[0].conversation.send({ bytes: numbered(1), lane: 2, intake: true });
    network.run(never, 1);
    expect(sent?.giveUp()).toBe(false);
  });

  test("behind one that cannot start does not pile up", () => {
    const network = createNetwork({ seed: 1, limits: { maxMessageBytes: 1_000, intakeCount: 1, intakeBytes: 1_000 } });
    const [a, b] = network.sides;
    b.onDelivery = () => undefined;
    for (let index = 0; index < 2; index++) a.conversation.send({ bytes: numbered(index), lane: 2, intake: true });
    network.run(never, 100);
    const used = a.budget.used;
    for (let index = 0; index < 5_000; index++) a.conversation.send({ bytes: numbered(index), lane: 2, intake: true })?.giveUp();
    expect(a.budget.used).toBe(used);
    expect(a.conversation.counters.queuedMessages).toBe(1);
    expect(a.conversation.end(() => new TightbeamError("closed", "end"))).toBe(1);
    expect(a.budget.used).toBe(0);
  });
});

describe("the memory budget", () => {
  test("refuses what it has no room for, and takes it again later", () => {
    const network = createNetwork({ seed: 1, budget: 300_000 });
    const [a] = network.sides;
    expect(a.conversation.send({ bytes: numbered(1, 200_000), lane: 2, intake: true })).toBeDefined();
    expect(a.conversation.send({ bytes: numbered(2, 200_000), lane: 2, intake: true })).toBeUndefined();
    expect(network.run(() => a.conversation.idle, 10_000)).toBe(true);
    expect(a.conversation.send({ bytes: numbered(2, 200_000), lane: 2, intake: true })).toBeDefined();
  });

  test("counts empty messages too", () => {
    const network = createNetwork({ seed: 1, budget: 100_000 });
    let accepted = 0;
    while (network.sides[0].conversation.send({ bytes: new Uint8Array(0), lane: 2, intake: true }) !== undefined) accepted++;
    expect(accepted).toBeLessThan(1_000);
  });
});

describe("DONE", () => {
  test.each(["ok", "refused", "no_handler"] as const)("%s comes once, after `received`, in whatever order the handlers settle", (outcome: Outcome) => {
    const network = createNetwork({ seed: 1, faults: { drop: 0.3, reorder: 0.3, jitter: 4 } });
    const [a, b] = network.sides;
    const open: Delivery[] = [];
    b.onDelivery = (delivery) => void open.push(delivery);
    const notes = Array.from({ length: 50 }, noting);
    for (const [index, { watch }] of notes.entries())
      a.conversation.send({ bytes: numbered(index, index * 700), lane: (index % 4) as 0, intake: index % 2 === 0, wantsDone: true, watch });
    expect(network.run(() => open.length === 50, 60_000)).toBe(true);
    expect(a.conversation.idle).toBe(false);
    for (const delivery of open.reverse()) {
      delivery.settle(outcome);
      delivery.settle("ok");
    }
    expect(network.run(() => a.conversation.idle && b.conversation.idle, 120_000)).toBe(true);
    for (const { stages } of notes) expect(stages).toEqual(["sealed", "received", `done ${outcome}`]);
    expect(a.budget.used).toBe(0);
  });

  test("is not sent to who did not ask", () => {
    const network = createNetwork({ seed: 1 });
    const { stages, watch } = noting();
    network.sides[0].conversation.send({ bytes: numbered(1), lane: 2, intake: true, watch });
    network.run(never, 1_000);
    expect(stages).toEqual(["sealed", "received"]);
    expect(network.sides[1].conversation.counters.cellsSent).toBe(0);
  });
});

describe("TM-66 the end", () => {
  test("settles everything once and says of each whether the peer may have it", () => {
    const network = createNetwork({ seed: 1, limits: { maxMessageBytes: 50_000_000, intakeCount: 4, intakeBytes: 20_000_000 } });
    const [a, b] = network.sides;
    b.onDelivery = () => undefined;
    const whole = noting();
    const waits = noting();
    const partly = noting();
    const queued = noting();
    const dropped = noting();
    a.conversation.send({ bytes: numbered(1), lane: 1, intake: true, watch: whole.watch });
    a.conversation.send({ bytes: numbered(2), lane: 1, intake: true, wantsDone: true, watch: waits.watch });
    network.run(never, 100);
    network.setUp(1, false);
    const sealed = noting();
    a.conversation.send({ bytes: numbered(3), lane: 1, intake: true, watch: sealed.watch });
    a.conversation.send({ bytes: numbered(4, 8_000_000), lane: 2, intake: true, watch: partly.watch });
    network.run(never, 200);
    a.conversation.send({ bytes: numbered(5), lane: 2, intake: true, watch: queued.watch });
    a.conversation.send({ bytes: numbered(6), lane: 2, intake: true, watch: dropped.watch })?.giveUp();
    const error = (isSealed: boolean): TightbeamError => new TightbeamError(isSealed ? "delivery_unknown" : "undelivered", "the end");
    expect(a.conversation.end(error)).toBe(3);
    expect(whole.stages).toEqual(["sealed", "received"]);
    expect(waits.stages).toEqual(["sealed", "received", "lost delivery_unknown true"]);
    expect(sealed.stages).toEqual(["sealed", "lost delivery_unknown true"]);
    expect(partly.stages).toEqual(["lost undelivered false"]);
    expect(queued.stages).toEqual(["lost undelivered false"]);
    expect(dropped.stages).toEqual([]);
    expect(a.budget.used).toBe(0);
    expect(a.conversation.end(error)).toBe(0);
    expect(a.conversation.send({ bytes: numbered(7), lane: 2, intake: true })).toBeUndefined();
    expect(a.conversation.wantsToSend).toBe(false);
  });

  test("gives back what the receiver held, also in the middle of a message and of a gap", () => {
    let count = 0;
    const network = createNetwork({ seed: 1, faults: { filter: (from) => from === 0 && count++ === 2 } });
    const [a, b] = network.sides;
    a.conversation.send({ bytes: numbered(1, 1_000_000), lane: 2, intake: true });
    network.run(() => b.conversation.counters.heldBytes > 0, 1_000);
    expect(b.budget.used).toBeGreaterThan(0);
    b.conversation.end(() => new TightbeamError("closed", "end"));
    expect(b.budget.used).toBe(0);
    network.run(never, 100);
    expect(b.budget.used).toBe(0);
  });

  test("CLOSE says why, once", () => {
    const network = createNetwork({ seed: 1 });
    const [a, b] = network.sides;
    a.conversation.close("closed");
    network.run(never, 1_000);
    expect(b.ended).toEqual([{ code: "closed", byPeer: true }]);
  });
});

describe("a record that was filled and not sent", () => {
  test("is sent again whole: messages, acknowledgement, credit and pong", () => {
    const network = createNetwork({ seed: 1 });
    const [a, b] = network.sides;
    let skip = 0;
    for (const side of [a, b]) {
      const { conversation } = side;
      const sent = conversation.sent.bind(conversation);
      // Every second record is refused by the session, as at its end.
      conversation.sent = (...args) => {
        if (skip++ % 2 === 0) conversation.notSent();
        else sent(...args);
      };
    }
    network.faults.filter = () => (skip - 1) % 2 === 0;
    let received = 0;
    for (let index = 0; index < 200; index++)
      a.conversation.send({ bytes: numbered(index, 1_000), lane: 2, intake: true, watch: { received: () => void received++ } });
    expect(network.run(() => received === 200 && a.conversation.idle && b.conversation.idle, 5_000)).toBe(true);
    expect(a.budget.used).toBe(0);
  });
});

describe("what fits into one cell", () => {
  test("is not cut: a payload of 16 KiB travels in one, wherever a record ends", () => {
    const network = createNetwork({ seed: 1, room: [65_536, 65_536] });
    const [a, b] = network.sides;
    let received = 0;
    const lengths: number[] = [];
    b.onDelivery = ({ bytes }) => lengths.push(bytes.length);
    for (let index = 0; index < 100; index++)
      a.conversation.send({ bytes: numbered(index, 16 * 1024 + 100), lane: 2, intake: true, watch: { received: () => void received++ } });
    expect(network.run(() => received === 100, 5_000)).toBe(true);
    expect(lengths).toEqual(new Array(100).fill(16 * 1024 + 100));
    // A few are cut by the window while it is small; at the ends of records alone it would be a quarter of them.
    expect(a.conversation.counters.cellsSent).toBeLessThan(110);
  });
});

describe("what the next record takes", () => {
  const send = (side: { conversation: Conversation }, size: number): boolean => {
    const message = { bytes: numbered(0, size), lane: 2, intake: true } as const;
    if (side.conversation.offer(message)) return true;
    side.conversation.send(message);
    return false;
  };

  test("is sealed by it, every byte", () => {
    const network = createNetwork({ seed: 1 });
    const [a] = network.sides;
    for (let round = 0; round < 20; round++) {
      let size = 100 + round * 37;
      let taken = 0;
      while (send(a, size)) {
        taken++;
        size = 100 + ((size * 7) % 900);
      }
      expect(taken).toBeGreaterThan(5);
      const before = a.conversation.counters.queuedMessages;
      network.fill(0);
      expect(before - a.conversation.counters.queuedMessages).toBeGreaterThanOrEqual(taken);
      network.run(() => a.conversation.idle, 1_000);
    }
  });

  test("is no more than the transport takes", () => {
    const network = createNetwork({ seed: 1, room: [20_480, 20_480] });
    const [a] = network.sides;
    for (let round = 0; round < 20; round++) {
      let taken = 0;
      while (send(a, 900)) taken++;
      const before = a.conversation.counters.queuedMessages;
      network.fill(0);
      expect(before - a.conversation.counters.queuedMessages).toBeGreaterThanOrEqual(taken);
      network.run(() => a.conversation.idle, 1_000);
    }
    expect(a.conversation.counters.congestionWindow).toBeGreaterThan(4 * 20_480);
  });

  test("is nothing without credit, without window, and after the end", () => {
    const few = createNetwork({ seed: 1, limits: { ...announced, intakeCount: 3 } });
    expect([1, 2, 3, 4].map(() => send(few.sides[0], 10))).toEqual([true, true, true, false]);
    const narrow = createNetwork({ seed: 1, limits: { ...announced, intakeBytes: 100 } });
    expect([1, 2, 3].map(() => send(narrow.sides[0], 40))).toEqual([true, true, false]);
    const silent = createNetwork({ seed: 1, faults: { drop: 1 } });
    let taken = 0;
    for (let index = 0; index < 2_000; index++) {
      if (send(silent.sides[0], 200)) taken++;
      if (index % 20 === 0) silent.fill(0);
    }
    expect(taken).toBeGreaterThan(100);
    expect(taken).toBeLessThan(400);
    silent.sides[0].conversation.end(() => new TightbeamError("closed", "over"));
    expect(send(silent.sides[0], 1)).toBe(false);
  });
});
