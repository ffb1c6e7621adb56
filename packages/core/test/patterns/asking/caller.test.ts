import { expect, test } from "vitest";
import { jsonLimits } from "../../../src/codec/limits.js";
import { method } from "../../../src/contract/index.js";
import { createIds, type Ids } from "../../../src/envelope/id.js";
import { decodeEnvelope } from "../../../src/envelope/wire.js";
import { TightbeamError } from "../../../src/errors.js";
import type { Link } from "../../../src/link/link-types.js";
import type { OutgoingMessage } from "../../../src/link/message.js";
import { createCaller } from "../../../src/patterns/asking/caller.js";
import { createTaps } from "../../../src/patterns/taps.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";

const callerOver = (runtime: ReturnType<typeof createVirtualRuntime>, current: () => Link, ids: Ids = createIds(runtime)) =>
  createCaller({
    runtime,
    taps: createTaps(),
    ids,
    json: jsonLimits,
    find: current,
    choose: current,
    connect: () => Promise.resolve(current()),
    observe: undefined,
    onMoved: () => undefined,
  });

/** Two links with one peer that keep what they are to send. */
function twoLinks(maxMessageBytes: number) {
  const peer = { id: "bob", instance: "AAAAAAAAAAAAAAAAAAAAAA", limits: { maxMessageBytes } };
  const sent: OutgoingMessage[] = [];
  const send = (message: OutgoingMessage) => {
    sent.push(message);
    return { giveUp: () => false };
  };
  return { sent, links: [1, 2].map(() => ({ peer, state: "up", awaited: 0, send }) as unknown as Link) };
}

test("requests end in their time when no id can be made to tell their peer", async () => {
  const runtime = createVirtualRuntime({ seed: 1 });
  const ids = createIds(runtime);
  let works = true;
  const working = <T>(make: () => T): T => {
    if (!works) throw new Error("no random bytes");
    return make();
  };
  const peer = { id: "bob", instance: "AAAAAAAAAAAAAAAAAAAAAA", limits: { maxMessageBytes: 1_000 } };
  const link = { peer, state: "up", awaited: 0, send: () => ({ giveUp: () => false }) } as unknown as Link;
  const caller = callerOver(runtime, () => link, { text: (now) => working(() => ids.text(now)), bytes: (now) => working(() => ids.bytes(now)) });
  const ask = () => caller.request({ id: "bob" }, method("work"), undefined, { timeout: 100 }).catch((error: unknown) => error);
  const asked = [ask(), ask()];
  works = false;
  await runtime.advance(1_000);
  expect(await Promise.all(asked)).toMatchObject([{ code: "timeout" }, { code: "timeout" }]);
  expect([caller.waiting, link.awaited]).toEqual([0, 0]);
});

test("a large request that was declined is not freed under the link that still repeats it", async () => {
  const runtime = createVirtualRuntime({ seed: 1 });
  const { sent, links } = twoLinks(100_000);
  let current = links[0] as Link;
  const caller = callerOver(runtime, () => current);
  const asked = caller.request({ id: "bob" }, method("work"), new Uint8Array(40_000), { timeout: 5_000 }).catch((error: unknown) => error);
  const { header } = decodeEnvelope((sent[0] as OutgoingMessage).bytes);
  current = links[1] as Link;
  // Declined before the first link's peer has acknowledged it.
  const error = { code: "overloaded", message: "closing", id: "e", retryAfter: 0 } as const;
  caller.answered(links[0] as Link, { type: "error", id: header.id, correlationId: header.id, timestamp: 0, priority: "normal", error }, undefined);
  await runtime.advance(1);
  expect(sent).toHaveLength(2);
  sent[1]?.watch?.received?.();
  expect(sent[0]?.bytes.length).toBeGreaterThan(40_000);
  await runtime.advance(10_000);
  expect(await asked).toMatchObject({ code: "timeout" });
});

test("G-11 a request that left an instance which may have done it is not called undone because the next one refuses", async () => {
  const runtime = createVirtualRuntime({ seed: 1 });
  const ask = async (sealed: boolean) => {
    const { sent, links } = twoLinks(1_000);
    let current = links[0] as Link;
    const caller = callerOver(runtime, () => current);
    const asked = caller.request({ id: "bob" }, method("pay"), 1, { idempotencyKey: "order-1" }).catch((error: unknown) => error);
    const { header } = decodeEnvelope((sent[0] as OutgoingMessage).bytes);
    current = links[1] as Link;
    sent[0]?.watch?.lost?.(new TightbeamError("delivery_unknown", "gone"), sealed);
    await runtime.advance(1);
    const error = { code: "expired", message: "too late", id: "e" } as const;
    caller.answered(links[1] as Link, { type: "error", id: header.id, correlationId: header.id, timestamp: 0, priority: "normal", error }, undefined);
    return asked;
  };
  expect(await ask(true)).toMatchObject({ code: "delivery_unknown", idempotencyKey: "order-1", cause: { code: "expired" } });
  expect(await ask(false)).toMatchObject({ code: "expired" });
});

test("a notification asks for what its caller waits for, and for no more", () => {
  const runtime = createVirtualRuntime({ seed: 1 });
  const peer = { id: "bob", instance: "AAAAAAAAAAAAAAAAAAAAAA", limits: { maxMessageBytes: 1_000 } };
  const sent: OutgoingMessage[] = [];
  const send = (message: OutgoingMessage) => {
    sent.push(message);
    return { giveUp: () => false };
  };
  const link = { peer, state: "up", awaited: 0, send, offer: send } as unknown as Link;
  const caller = callerOver(runtime, () => link);
  for (const operation of [{}, { confirm: "received" }, { confirm: "done" }] as const) void caller.notify({ id: "bob" }, method("work"), undefined, operation);
  expect(sent.map(({ wantsAck = false, wantsDone = false }) => [wantsAck, wantsDone])).toEqual([
    [false, false],
    [true, false],
    [false, true],
  ]);
});
