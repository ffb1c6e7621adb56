import { setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";
import { expect, test } from "vitest";
import type { Link } from "../../../src/link/link-types.js";
import type { Delivery, OutgoingMessage } from "../../../src/link/message.js";
import { createTaps } from "../../../src/patterns/taps.js";
import { createTelemetry } from "../../../src/patterns/telemetry/telemetry-on-demand.js";
import { createVirtualRuntime } from "../../../src/runtime/virtual.js";
import type { FollowedMessage, TelemetryEvent } from "../../../src/telemetry/types.js";
import type { Transport, TransportError } from "../../../src/transport/transport.js";

function scene() {
  let close: (why: TransportError | undefined) => void = () => undefined;
  let waiting = 0;
  const closed = new Promise<TransportError | undefined>((resolve) => {
    close = resolve;
  });
  const transport: Pick<Transport, "state" | "closed"> = {
    state: { current: "up", subscribe: () => () => undefined },
    get closed() {
      waiting++;
      return closed;
    },
  };
  const listen = () => () => undefined;
  const runtime = createVirtualRuntime({ seed: 1 });
  const taps = createTaps();
  const telemetry = createTelemetry({ runtime, transport, taps, openedAt: undefined, onEvent: listen, onPeer: listen, closing: { begun: false } });
  return { telemetry, taps, close: () => close(undefined), runtime, waiting: () => waiting };
}

test("the end of the transport is waited for once, however often somebody begins to listen; who listens then is told", async () => {
  const { telemetry, close, runtime, waiting } = scene();
  const early: TelemetryEvent[] = [];
  const late: TelemetryEvent[] = [];
  for (let round = 0; round < 50; round++) telemetry.on((event) => void early.push(event))();
  telemetry.on((event) => void late.push(event));
  expect(waiting()).toBe(1);
  close();
  await runtime.advance(1);
  expect(late).toMatchObject([{ kind: "agent", what: "closed" }]);
  expect(early).toEqual([]);
});

test.each([
  [undefined, undefined],
  [() => undefined, { messages: true }],
])("refuses what is no listener, or no wish: %j, %j", (listener, wishes) => {
  const { telemetry } = scene();
  expect(() => telemetry.on(listener as never, wishes as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  expect(telemetry.listened).toBe(false);
});

test("when nobody listens any more nobody is told", async () => {
  const { telemetry, close, runtime } = scene();
  const heard: TelemetryEvent[] = [];
  telemetry.on((event) => void heard.push(event))();
  close();
  await runtime.advance(1);
  expect(heard).toEqual([]);
});

test("what is watched is handed to the link in one shape, whatever shape it had: else sending misses the engine's caches, whoever sends", () => {
  const { telemetry, taps } = scene();
  telemetry.on(() => undefined);
  const sent: OutgoingMessage[] = [];
  const link = { peer: { id: "bob", instance: "i" }, send: (message: OutgoingMessage) => void sent.push(message) } as unknown as Link;
  const bytes = new Uint8Array(8);
  const shapes: OutgoingMessage[] = [
    { bytes, lane: 2, intake: true },
    { bytes, lane: 2, intake: true, kept: true },
    { bytes, lane: 2, intake: true, wantsDone: true },
    { bytes, lane: 2, intake: true, part: false },
    { lane: 2, bytes, intake: true },
    { intake: true, lane: 2, bytes, kept: false, wantsDone: false },
  ];
  for (const message of [...shapes, ...shapes])
    taps.messages?.send(link, { type: "request", id: "019774b0-0001-7000-8aff-ffffffffffff", priority: "normal", method: "work" }, message);
  expect(sent).toHaveLength(12);
  setFlagsFromString("--allow-natives-syntax");
  const haveSameMap = runInThisContext("(one, other) => %HaveSameMap(one, other)") as (one: object, other: object) => boolean;
  const others = sent.filter((message) => !haveSameMap(message, sent[0] as object));
  setFlagsFromString("--no-allow-natives-syntax");
  expect(others).toEqual([]);
});

/** Alice asks bob, and follows what she asked: which messages she was asked whether to follow, and what their followers were told. */
function asking() {
  const { telemetry, taps } = scene();
  const [asked, told]: [string[], string[]] = [[], []];
  const follow = ({ id }: FollowedMessage) => {
    asked.push(id);
    return { told: (message: FollowedMessage, what: string) => void told.push(`${id}: ${message.id} ${what} ${message.peer.id}`) };
  };
  telemetry.on(() => undefined, { follow });
  const linkTo = (id: string) => ({ peer: { id, instance: "i" }, send: () => ({ giveUp: () => false }) }) as unknown as Link;
  const link = linkTo("bob");
  const header = { type: "request", id: "request", priority: "normal", method: "work" } as const;
  const sent = taps.messages?.send(link, header, { bytes: new Uint8Array(8), lane: 2, intake: true });
  const request = { link, sent, headers: undefined, asked: header };
  const answer = (from: Link, id: string) =>
    taps.messages?.reply(from, { size: 9 } as Delivery, { type: "response", id, correlationId: "request", timestamp: 1, priority: "normal" }, request);
  return { telemetry, asked, told, link, linkTo, answer };
}

test("who follows a request follows its reply, and is not asked again", () => {
  const { asked, told, link, answer } = asking();
  answer(link, "reply");
  expect(asked).toEqual(["request"]);
  expect(told).toEqual(["request: request queued bob", "request: reply delivered bob"]);
});

test("who has begun to listen since is told of the reply, too", () => {
  const { telemetry, asked, told, link, answer } = asking();
  const heard: TelemetryEvent[] = [];
  telemetry.on((event) => void heard.push(event));
  answer(link, "reply");
  expect(asked).toEqual(["request", "reply"]);
  expect(told.at(-1)).toBe("reply: reply delivered bob");
  expect(heard).toMatchObject([{ kind: "message", what: "delivered", id: "reply", name: "work" }]);
});

test("what says from elsewhere that it answers a request is not told to who follows that", () => {
  const { asked, told, linkTo, answer } = asking();
  answer(linkTo("mallory"), "forged");
  expect(asked).toEqual(["request", "forged"]);
  expect(told).toEqual(["request: request queued bob", "forged: forged delivered mallory"]);
});
