import { describe, expect, test } from "vitest";
import { createNetwork } from "./network.js";
import type { Lane } from "../../src/link/message.js";

const numbered = (value: number, size = 32): Uint8Array => {
  const bytes = new Uint8Array(Math.max(size, 4));
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
};
const numberOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);

describe("a conversation over a bad network", () => {
  test("20 % drop, 10 % duplicates, reordering over 50 records: 100,000 messages arrive once, in the order of their lanes", () => {
    const network = createNetwork({ seed: 1, faults: { drop: 0.2, duplicate: 0.1, reorder: 0.1, jitter: 3 } });
    const total = 100_000;
    const arrived: number[][] = [[], [], [], []];
    const [a, b] = network.sides;
    b.onDelivery = (delivery) => {
      (arrived[delivery.lane] as number[]).push(numberOf(delivery.bytes));
      delivery.settle("ok");
    };
    let received = 0;
    const sent: number[] = [0, 0, 0, 0];
    for (let index = 0; index < total; index++) {
      const lane = (index % 4) as Lane;
      a.conversation.send({ bytes: numbered(sent[lane] as number), lane, intake: lane !== 0, watch: { received: () => void received++ } });
      sent[lane] = (sent[lane] as number) + 1;
    }
    expect(network.run(() => received === total, 3_600_000)).toBe(true);
    for (let lane = 0; lane < 4; lane++) expect(arrived[lane]).toEqual(Array.from({ length: total / 4 }, (_, index) => index));
    console.log("virtual ms", network.now, "records", network.records, a.conversation.counters, b.conversation.counters);
    expect(a.budget.used).toBe(0);
    expect(b.budget.used).toBe(0);
  }, 120_000);
});
