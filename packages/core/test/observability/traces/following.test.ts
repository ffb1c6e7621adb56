import { describe, expect, test } from "vitest";
import { createTraceStore } from "../../../src/observability/traces/trace-store.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import type { FollowedMessage, MessageFollower, TelemetryWishes } from "../../../src/telemetry/types.js";
import { idOf, startMs } from "./fixtures.js";

const messageOf = (id: string, more: Partial<FollowedMessage> = {}): FollowedMessage => ({
  direction: "sent",
  id,
  correlationId: undefined,
  type: "request",
  name: "work",
  peer: { id: "bob", instance: "instance" },
  priority: "normal",
  bytes: 100,
  trace: undefined,
  durable: false,
  confirmed: false,
  ...more,
});

/** A store that follows alice. */
async function scene(options: Parameters<typeof createTraceStore>[0] = {}) {
  let wishes: TelemetryWishes = {};
  const telemetry = {
    on(_listener: unknown, given: TelemetryWishes = {}) {
      wishes = given;
      return () => undefined;
    },
    listened: true,
  };
  const traces = await createTraceStore({ runtime: createVirtualRuntime({ seed: 9 }), ...options });
  traces.watch({ id: "alice", telemetry });
  const follow = (message: FollowedMessage): MessageFollower => wishes.follow?.(message) as MessageFollower;
  const tell = (follower: MessageFollower, message: FollowedMessage, what: Parameters<MessageFollower["told"]>[1], at: number) =>
    follower.told(message, what, startMs + at, undefined, undefined, undefined);
  const stagesOf = async (id: string) =>
    (await traces.byMessage(id))?.calls.find((call) => call.id === id)?.stages.map(({ stage, at }) => [stage, at - startMs]);
  return { traces, follow, tell, stagesOf };
}

describe("a store that follows messages", () => {
  test("keeps what it is told as it keeps moments; what it does not sample it leaves to its listener", async () => {
    const { traces, follow, tell, stagesOf } = await scene({ sample: 0.5 });
    const [call, reply] = [messageOf(idOf(1)), messageOf(idOf(2), { direction: "received", type: "response", correlationId: idOf(1) })];
    const [asks, answers] = [follow(call), follow(reply)];
    tell(asks, call, "queued", 0);
    tell(asks, call, "sealed", 1);
    tell(answers, reply, "delivered", 2);
    tell(asks, call, "answered", 3);
    expect(await stagesOf(idOf(1))).toEqual([
      ["queued", 0],
      ["sealed", 1],
      ["delivered", 2],
      ["answered", 3],
    ]);
    expect(follow(messageOf(idOf(3, 0)))).toBeUndefined();
    expect(traces.status().calls).toBe(1);
  });

  test("a call that went for want of room leaves its object to the next one: late stages of it begin it anew, and never reach another call", async () => {
    const { traces, follow, tell, stagesOf } = await scene({ retention: { count: 3 } });
    const messages = Array.from({ length: 40 }, (_, number) => messageOf(idOf(number), { name: `work ${number}`, bytes: number }));
    const followers = messages.map((message, number) => {
      const follower = follow(message);
      tell(follower, message, "queued", number);
      tell(follower, message, "sealed", number);
      return follower;
    });
    expect(traces.status()).toMatchObject({ calls: 3, traces: 3, dropped: 37 });
    const [late, lateFollower] = [messages[0] as FollowedMessage, followers[0] as MessageFollower];
    tell(lateFollower, late, "sent", 100);
    tell(lateFollower, late, "answered", 101);
    expect(await stagesOf(idOf(0))).toEqual([
      ["sent", 100],
      ["answered", 101],
    ]);
    for (const number of [38, 39]) {
      expect(await stagesOf(idOf(number))).toEqual([
        ["queued", number],
        ["sealed", number],
      ]);
      expect((await traces.byMessage(idOf(number)))?.calls).toMatchObject([{ id: idOf(number), method: `work ${number}`, bytes: number, status: "active" }]);
    }
    expect(traces.status()).toMatchObject({ calls: 3, traces: 3, dropped: 38 });
  });

  test("what was cleaned away comes again with its next stage, as a call of its own", async () => {
    const { traces, follow, tell, stagesOf } = await scene();
    const message = messageOf(idOf(1));
    const follower = follow(message);
    tell(follower, message, "queued", 0);
    expect(await traces.clean({ agent: "alice" })).toBe(1);
    tell(follower, message, "answered", 5);
    expect(await stagesOf(idOf(1))).toEqual([["answered", 5]]);
    expect(traces.status()).toMatchObject({ calls: 1, traces: 1 });
  });

  test("objects that are used again bring nothing along: a small store holds the last calls just as a large one does", async () => {
    const small = await scene({ retention: { count: 4 } });
    const large = await scene();
    const ids = Array.from({ length: 60 }, (_, number) => idOf(number));
    for (const { follow, tell } of [small, large]) {
      for (const [number, id] of ids.entries()) {
        const shared = { traceId: idOf(number - (number % 3)).replaceAll("-", ""), spanId: "1".repeat(16), sampled: true };
        const message = messageOf(id, number % 2 === 0 ? { trace: shared } : { type: "notification", durable: true, trace: shared });
        const follower = follow(message);
        for (let stage = 0; stage <= number % 7; stage++) tell(follower, message, stage === 6 ? "answered" : "sent", number + stage);
        if (number % 5 === 0) follower.told(message, "failed", startMs + 1_000, 7, "timeout", undefined);
      }
    }
    for (const id of ids.slice(-4)) {
      const [ours, theirs] = await Promise.all([small, large].map(async ({ traces }) => (await traces.byMessage(id))?.calls.find((call) => call.id === id)));
      const parents = { ...theirs, parent: ours?.parent };
      expect({ ...ours, parent: ours?.parent }).toEqual(parents);
    }
    expect(small.traces.status()).toMatchObject({ calls: 4, dropped: 56 });
  });
});
