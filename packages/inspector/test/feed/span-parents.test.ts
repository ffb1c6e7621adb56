import { describe, expect, it } from "vitest";
import type { SpanView } from "../../src/feed/requests.js";
import { inOrder } from "../../src/feed/span-parents.js";

const span = (id: string, agent: string, side: SpanView["side"], at: number, parent?: string): SpanView => ({
  id,
  agent,
  side,
  at,
  peer: "x",
  type: "request",
  name: "find",
  message: id,
  stages: [],
  ...(parent === undefined ? {} : { parent }),
});
const shape = (spans: readonly SpanView[]) => inOrder(spans).map(({ id, parent }) => [id, parent]);

describe("the spans of a trace", () => {
  it("are in the order of their beginning, parents first within a millisecond", () => {
    const all = [span("d", "carol", "receiver", 5, "c"), span("c", "bob", "sender", 5), span("b", "bob", "receiver", 5, "a"), span("a", "alice", "sender", 5)];
    expect(shape(all)).toEqual([
      ["a", undefined],
      ["b", "a"],
      ["c", "b"],
      ["d", "c"],
    ]);
  });

  it("hang on the handler of their agent where they name no parent that is there", () => {
    expect(
      shape([span("a", "bob", "receiver", 1), span("b", "bob", "sender", 2, "gone"), span("c", "bob", "sender", 3, "c"), span("d", "carol", "sender", 4)]),
    ).toEqual([
      ["a", undefined],
      ["b", "a"],
      ["c", "a"],
      ["d", undefined],
    ]);
  });

  it("are each there once, whatever parents they claim", () => {
    const round = [span("a", "x", "sender", 1, "b"), span("b", "x", "sender", 1, "a"), span("c", "x", "sender", 1, "a")];
    expect(new Set(shape(round).map(([id]) => id))).toEqual(new Set(["a", "b", "c"]));
  });
});
