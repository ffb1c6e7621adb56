import { describe, expect, it } from "vitest";
import { CallContext, type Running } from "../../../src/patterns/answering/context.js";

const call = (changes: Partial<Running>): { readonly context: CallContext; readonly committed: unknown[] } => {
  const committed: unknown[] = [];
  const durable = { attempt: 1, begun: () => undefined, commit: async (...said: unknown[]) => void committed.push(said) };
  const header = { id: "i", type: "notification", timestamp: 1, priority: "normal", method: "add" };
  const running = { link: {}, header, delivery: { durable }, abort: undefined, cancelled: undefined, running: true, abandoned: false, ...changes };
  return { context: new CallContext(running as unknown as Running), committed };
};

describe("context.commit", () => {
  it("is under the method's name unless another is given", async () => {
    const { context, committed } = call({});
    const { commit } = context;
    await commit(1);
    await commit(2, { name: "other", keep: 1 });
    await commit(3, { name: undefined } as object);
    expect(committed).toEqual([
      [1, { name: "add" }],
      [2, { name: "other", keep: 1 }],
      [3, { name: "add" }],
    ]);
  });

  it.each([
    ["of what is not durable", { delivery: {} }, "invalid_argument"],
    ["when the handler has settled", { running: false }, "invalid_argument"],
    ["when the message was given up, although it is tried again", { abandoned: true, running: false }, "cancelled"],
  ])("rejects %s", async (_what, changes, code) => {
    const { context, committed } = call(changes);
    await expect(context.commit(1)).rejects.toMatchObject({ code });
    expect(committed).toEqual([]);
  });
});
