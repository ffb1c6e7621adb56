import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createConversations, repliesKept, stateOf } from "../../../src/page/model/conversations.js";
import { message, stages } from "../messages.js";

describe("pairing", () => {
  test("a request and its reply are one conversation, whichever is told first", () => {
    const request = message({ id: "1", type: "request", at: 10, stages: stages("queued", "answered"), answered: 5 });
    const reply = message({ id: "2", type: "response", correlationId: "1", at: 12, from: "b/1", to: "a/1" });
    for (const order of [
      [request, reply],
      [reply, request],
    ]) {
      const conversations = createConversations(10);
      for (const one of order) conversations.take(one);
      const pair = conversations.of(reply);
      expect(conversations.of(request)).toBe(pair);
      expect([pair?.opening, pair?.replies]).toEqual([request, [reply]]);
      expect(conversations.messages).toEqual([request, reply]);
    }
  });

  test("what is said later of a message replaces what was said before, in its place and in its conversation", () => {
    const conversations = createConversations(10);
    const first = message({ id: "1", at: 10, stages: stages("queued") });
    conversations.take(first);
    conversations.take(message({ id: "2", at: 10 }));
    const later = { ...first, at: 99, stages: stages("queued", "sent") };
    conversations.take(later);
    expect(conversations.messages.map(({ key, at }) => [key, at])).toEqual([
      ["1", 10],
      ["2", 10],
    ]);
    expect(conversations.of(first)?.opening?.stages).toHaveLength(2);
    expect(conversations.taken).toBe(2);
  });

  test("an id that is used between other agents joins nothing there (TM-241)", () => {
    const conversations = createConversations(10);
    const request = message({ id: "1", from: "a/1", to: "b/1" });
    const forged = message({ id: "2", type: "error", correlationId: "1", from: "mallory/1", to: "a/1" });
    const same = message({ id: "1", key: "other", from: "mallory/1", to: "a/1", code: "timeout" });
    for (const one of [request, forged, same]) conversations.take(one);
    const own = conversations.of(request);
    expect([own?.opening, own?.replies]).toEqual([request, []]);
    expect(own && stateOf(own)).toBe("waiting");
  });

  test("an event that names another message is no reply to it", () => {
    const conversations = createConversations(10);
    conversations.take(message({ id: "1" }));
    const event = message({ id: "2", type: "event", correlationId: "1" });
    conversations.take(event);
    expect(conversations.of(event)?.opening).toBe(event);
  });

  test("the parts of a stream: the first and the newest are kept, all are counted", () => {
    const conversations = createConversations(1_000);
    conversations.take(message({ id: "s", type: "stream" }));
    for (let part = 1; part <= 100; part += 1) conversations.take(message({ id: `p${part}`, type: "stream", correlationId: "s", at: part }));
    const { replies, replyCount } = conversations.of(message({ id: "s" })) ?? { replies: [], replyCount: 0 };
    expect([replyCount, replies.length, replies[0]?.id, replies.at(-1)?.id]).toEqual([100, repliesKept, "p1", "p100"]);
  });

  test("whatever comes, in whatever order: sorted by time, bounded, and each in exactly the conversation it names", () => {
    const any = fc.record({
      id: fc.integer({ min: 0, max: 30 }).map(String),
      correlationId: fc.option(fc.integer({ min: 0, max: 30 }).map(String), { nil: undefined }),
      type: fc.constantFrom("request", "response", "error", "stream", "event", "notification"),
      at: fc.integer({ min: 0, max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 120 }), fc.integer({ min: 1, max: 24 }), (given, capacity) => {
        const conversations = createConversations(capacity);
        for (const { id, correlationId, type, at } of given)
          conversations.take(
            message({ id, key: `${id} ${type} ${correlationId}`, type: type as "request", at, ...(correlationId === undefined ? {} : { correlationId }) }),
          );
        const { messages } = conversations;
        expect(messages.length).toBeLessThanOrEqual(capacity);
        expect(messages.map(({ at }) => at)).toEqual(messages.map(({ at }) => at).sort((a, b) => a - b));
        expect(new Set(messages.map(({ key }) => key)).size).toBe(messages.length);
        for (const one of messages) {
          expect(conversations.message(one.key)).toBe(one);
          const conversation = conversations.of(one);
          const reply = one.correlationId !== undefined && (one.type === "response" || one.type === "error" || one.type === "stream");
          expect(conversation?.id).toBe(reply ? one.correlationId : one.id);
          expect(conversation?.replies.length).toBeLessThanOrEqual(repliesKept);
        }
      }),
    );
  });

  test("a name such as __proto__ is a name", () => {
    const conversations = createConversations(4);
    conversations.take(message({ id: "__proto__" }));
    conversations.take(message({ id: "constructor", type: "response", correlationId: "__proto__" }));
    expect(conversations.of(message({ id: "__proto__" }))?.replies).toHaveLength(1);
  });
});

describe("what became of it", () => {
  const conversation = (opening: Parameters<typeof message>[0] | undefined, ...replies: Parameters<typeof message>[0][]) => ({
    id: "1",
    opening: opening === undefined ? undefined : message(opening),
    replies: replies.map(message),
    replyCount: replies.length,
  });
  test.each([
    ["waiting", conversation({ id: "1", stages: stages("queued", "sent") })],
    ["done", conversation({ id: "1" }, { id: "2", type: "response" })],
    ["done", conversation({ id: "1", answered: 3 })],
    ["failed", conversation({ id: "1" }, { id: "2", type: "error" })],
    ["failed", conversation({ id: "1", code: "timeout" })],
    ["failed", conversation({ id: "1", type: "notification", stages: stages("queued", "dead_lettered") })],
    ["streaming", conversation({ id: "1", type: "stream" }, { id: "2", type: "stream" })],
    ["done", conversation({ id: "1", type: "stream", stages: stages("processed") }, { id: "2", type: "stream" })],
    ["waiting", conversation({ id: "1", type: "notification", stages: stages("queued") })],
    ["done", conversation({ id: "1", type: "event", stages: stages("acknowledged") })],
    ["done", conversation(undefined, { id: "2", type: "response" })],
  ] as const)("%s", (state, given) => expect(stateOf(given)).toBe(state));
});
