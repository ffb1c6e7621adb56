import { describe, expect, test } from "vitest";
import * as cellType from "../../src/frame/cell-type.js";
import type { Delivery } from "../../src/link/message.js";
import { createNetwork, numbered, numberOf } from "./network.js";

const small = { maxMessageBytes: 1_000_000, intakeCount: 16, intakeBytes: 100_000 };

/** The types of the cells of a record. */
function typesIn(record: Uint8Array): number[] {
  const types: number[] = [];
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  for (let at = 0; at < record.length && record[at] !== 0; at += 4 + view.getUint16(at + 2)) types.push(record[at] as number);
  return types;
}

describe("TM-64 intake credit", () => {
  test("stops requests the other application has not settled, by count", () => {
    const network = createNetwork({ seed: 1, limits: small });
    const [a, b] = network.sides;
    const open: Delivery[] = [];
    b.onDelivery = (delivery) => void open.push(delivery);
    for (let index = 0; index < 100; index++) a.conversation.send({ bytes: numbered(index), lane: 2, intake: true });
    network.run(() => false, 10_000);
    expect(open.length).toBe(16);
    for (const delivery of open.splice(0)) delivery.settle("ok");
    network.run(() => false, 12_000);
    expect(open.length).toBe(16);
    expect(numberOf(open[0]?.bytes as Uint8Array)).toBe(16);
  });

  test("by bytes, of which the last message may be over", () => {
    const network = createNetwork({ seed: 1, limits: small });
    const [a, b] = network.sides;
    const open: Delivery[] = [];
    b.onDelivery = (delivery) => void open.push(delivery);
    for (let index = 0; index < 10; index++) a.conversation.send({ bytes: numbered(index, 60_000), lane: 2, intake: true });
    network.run(() => false, 10_000);
    expect(open.length).toBe(2);
    expect(b.ended).toEqual([]);
  });

  test("of the critical lane is its own: used-up credit of the others does not hold it, nor the other way round", () => {
    const network = createNetwork({ seed: 1, limits: small });
    const [a, b] = network.sides;
    const open: Delivery[] = [];
    b.onDelivery = (delivery) => void open.push(delivery);
    for (let index = 0; index < 100; index++) a.conversation.send({ bytes: numbered(index), lane: 2, intake: true });
    network.run(() => false, 10_000);
    for (let index = 0; index < 1_000; index++) a.conversation.send({ bytes: numbered(index), lane: 0, intake: true });
    network.run(() => false, 20_000);
    expect(open.filter((delivery) => delivery.lane === 0).length).toBe(256);
    for (const delivery of open.splice(0)) if (delivery.lane === 2) delivery.settle("ok");
    network.run(() => false, 30_000);
    expect(open.filter((delivery) => delivery.lane === 2).length).toBe(16);
    expect(b.ended).toEqual([]);
  });

  test("used up on both sides lets replies pass: nothing deadlocks", () => {
    for (const faults of [{}, { drop: 0.2, duplicate: 0.1, reorder: 0.2, jitter: 3 }]) {
      const network = createNetwork({ seed: 3, limits: small, faults });
      const total = 2_000;
      const answered = [0, 0];
      network.sides.forEach((side, index) => {
        const open: Delivery[] = [];
        side.onDelivery = (delivery) => {
          if (!delivery.intake) {
            answered[index] = (answered[index] as number) + 1;
            delivery.settle("ok");
            return;
          }
          // Answers only when its own intake is full: the worst handler there is.
          open.push(delivery);
          if (open.length < small.intakeCount && (answered[1 - index] as number) + open.length < total) return;
          for (const each of open.splice(0)) {
            side.conversation.send({ bytes: each.bytes.slice(), lane: each.lane, intake: false });
            each.settle("ok");
          }
        };
        for (let count = 0; count < total; count++) side.conversation.send({ bytes: numbered(count, 200), lane: 2, intake: true });
      });
      expect(network.run(() => answered[0] === total && answered[1] === total, 600_000)).toBe(true);
    }
  });

  test("full windows both ways: 16 MiB of requests meet 16 MiB of replies in all lanes", () => {
    const network = createNetwork({ seed: 4, faults: { drop: 0.05 } });
    const total = 320;
    const answered = [0, 0];
    network.sides.forEach((side, index) => {
      side.onDelivery = (delivery) => {
        if (delivery.intake) side.conversation.send({ bytes: delivery.bytes, lane: delivery.lane, intake: false });
        else answered[index] = (answered[index] as number) + 1;
        delivery.settle("ok");
      };
      for (let count = 0; count < total; count++) side.conversation.send({ bytes: numbered(count, 50_000), lane: (count % 4) as 0, intake: true });
    });
    expect(network.run(() => answered[0] === total && answered[1] === total, 600_000)).toBe(true);
    expect(network.run(() => network.sides.every((side) => side.conversation.idle), 700_000)).toBe(true);
    for (const side of network.sides) expect(side.budget.used).toBe(0);
  });
});

describe("TM-65 a lost", () => {
  const blocked = () => {
    const network = createNetwork({ seed: 1, limits: small });
    const [a, b] = network.sides;
    const open: Delivery[] = [];
    let came = 0;
    b.onDelivery = (delivery) => {
      came++;
      open.push(delivery);
    };
    for (let index = 0; index < 32; index++) a.conversation.send({ bytes: numbered(index), lane: 2, intake: true });
    network.run(() => false, 1_000);
    expect(came).toBe(16);
    return { network, a, b, open, came: () => came };
  };

  test("CREDIT does not stop a link: the blocked side asks", () => {
    const { network, open, came } = blocked();
    network.faults.filter = (from, record) => from === 1 && typesIn(record).includes(cellType.credit);
    for (const delivery of open.splice(0)) delivery.settle("ok");
    network.run(() => false, 6_000);
    expect(came()).toBe(16);
    network.faults.filter = undefined;
    expect(network.run(() => came() === 32, 7_200)).toBe(true);
  });

  test("CREDIT does not stop a link either while other messages keep flowing", () => {
    const { network, a, open, came } = blocked();
    let lost = 0;
    network.faults.filter = (from, record) => from === 1 && typesIn(record).includes(cellType.credit) && lost++ < 3;
    network.every(5, 2_000, (index) => a.conversation.send({ bytes: numbered(index), lane: 2, intake: false }));
    for (const delivery of open.splice(0)) if (delivery.intake) delivery.settle("ok");
    expect(network.run(() => a.conversation.counters.queuedMessages === 0 && came() > 32, 4_000)).toBe(true);
    expect(lost).toBeGreaterThanOrEqual(3);
  });

  test("question for credit does not stop a link", () => {
    const { network, open, came } = blocked();
    network.faults.filter = (from) => from === 0;
    for (const delivery of open.splice(0)) delivery.settle("ok");
    network.faults.filter = (from, record) => from === 0 || typesIn(record).includes(cellType.credit);
    network.run(() => false, 6_000);
    network.faults.filter = undefined;
    expect(network.run(() => came() === 32, 7_200)).toBe(true);
  });

  test("acknowledgement does not stop a link, even if every record without messages is lost for ten seconds", () => {
    const network = createNetwork({ seed: 1, faults: { delay: 5 } });
    const [a] = network.sides;
    let received = 0;
    network.every(2, 4_000, (index) => a.conversation.send({ bytes: numbered(index, 500), lane: 2, intake: true, watch: { received: () => void received++ } }));
    network.at(1_000, () => (network.faults.filter = (from, record) => from === 1 && !typesIn(record).includes(cellType.msg)));
    network.at(11_000, () => (network.faults.filter = undefined));
    expect(network.run(() => received === 4_000, 12_500)).toBe(true);
  });

  test("fraction of all credits and acknowledgements: 60 % of them", () => {
    let dropped = 0;
    const network = createNetwork({ seed: 1, limits: small, faults: { delay: 5, filter: (from) => from === 1 && ++dropped % 5 < 3 } });
    const [a, b] = network.sides;
    let came = 0;
    b.onDelivery = (delivery) => {
      came++;
      delivery.settle("ok");
    };
    for (let index = 0; index < 500; index++) a.conversation.send({ bytes: numbered(index), lane: 2, intake: true });
    expect(network.run(() => came === 500 && a.conversation.idle, 60_000)).toBe(true);
  });
});
