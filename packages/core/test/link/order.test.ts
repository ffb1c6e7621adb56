import { describe, expect, it } from "vitest";
import * as cellType from "../../src/frame/cell-type.js";
import * as limits from "../../src/limits.js";
import { createMemoryBudget } from "../../src/link/budget.js";
import { createReceivedCounter, createReceiveOrder } from "../../src/link/order.js";

const small = limits.largeRecordBytes - 1;
const large = limits.largeRecordBytes;

/** Says when the ACK is due after each record: "now", or by the timer. The last one of a list may have come out of order. */
function due(sizes: readonly number[], gapAtEnd = false): string[] {
  const order = createReceiveOrder({ budget: createMemoryBudget(1_000_000), sink: { inOrder: () => undefined } });
  const counter = createReceivedCounter();
  return sizes.map((size, index) => {
    const sequence = gapAtEnd && index === sizes.length - 1 ? index + 1 : index;
    order.take(cellType.msg, 0, 2, sequence, new Uint8Array(1));
    order.recordRead(counter, index, size, 1_000 + index);
    const at = order.ackAt();
    if (at === 0) order.acknowledged();
    return at === 0 ? "now" : `at ${at}`;
  });
}

describe("an acknowledgement", () => {
  it("goes with the second record, or 5 ms after the first", () => {
    expect(due([100, 100, small, small])).toEqual(["at 1005", "now", "at 1007", "now"]);
  });

  it("goes with the fourth of large ones that follow each other", () => {
    expect(due([large, large, large, large, 2 * large])).toEqual(["at 1005", "at 1005", "at 1005", "now", "at 1009"]);
  });

  it("waits for no further one when a smaller one ends a row of large ones", () => {
    expect(due([large, small])).toEqual(["at 1005", "now"]);
    expect(due([large, large, 100])).toEqual(["at 1005", "at 1005", "now"]);
    expect(due([100, large, large, large])).toEqual(["at 1005", "at 1005", "at 1005", "now"]);
  });

  it("goes at once for a large record that came too early", () => {
    expect(due([large, large], true)).toEqual(["at 1005", "now"]);
  });
});
