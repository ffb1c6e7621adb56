import { PerformanceObserver } from "node:perf_hooks";
import { method } from "@tightbeam/core";
import { createIds } from "../../../packages/core/src/envelope/id.js";
import * as limits from "../../../packages/core/src/limits.js";
import { createCellBuffer } from "../../../packages/core/src/link/cells.js";
import type { Conversation } from "../../../packages/core/src/link/conversation.js";
import type { Link, LinkOptions } from "../../../packages/core/src/link/link-types.js";
import type { Delivery, OutgoingMessage } from "../../../packages/core/src/link/message.js";
import { createPump, type PumpOwner } from "../../../packages/core/src/link/pump.js";
import type { LinkSessions } from "../../../packages/core/src/link/sessions.js";
import { createAdmission } from "../../../packages/core/src/patterns/admission/admission.js";
import { createMiddleware } from "../../../packages/core/src/patterns/answering/middleware.js";
import { createReceiver, type ReceiverOptions } from "../../../packages/core/src/patterns/answering/receiver.js";
import { createServed } from "../../../packages/core/src/patterns/answering/served.js";
import { createServer } from "../../../packages/core/src/patterns/answering/server.js";
import { createCaller } from "../../../packages/core/src/patterns/asking/caller.js";
import { createTaps } from "../../../packages/core/src/patterns/taps.js";
import { createVirtualRuntime } from "../../../packages/core/src/runtime/index.js";

/**
 * Prints how many bytes a message allocates from the caller to the handler and back, round by round, while nobody listens and there is no tracer.
 * Links hand over at once: what the network, the clock and cryptography do differs from run to run. For `node --expose-gc --no-opt` with room for
 * all of it in the young generation: what was allocated is there until it is collected, and nothing is optimised away.
 */
const each = 500;
const rounds = 8;

const gc = (globalThis as { gc?: () => void }).gc;
if (gc === undefined) throw new Error("Start it with --expose-gc.");
let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ["gc"] });

const runtime = createVirtualRuntime({ seed: 1 });
const json = limits;
const ids = createIds(runtime);

/** One side: what it sends goes to the other at once. */
function side(id: string, peerId: string, deliver: (message: OutgoingMessage) => void) {
  const taps = createTaps();
  const peer = { id: peerId, instance: "AAAAAAAAAAAAAAAAAAAAAA", limits: { maxMessageBytes: 1_000_000 } };
  const sent = { giveUp: () => false };
  const send = (message: OutgoingMessage) => {
    deliver(message);
    return sent;
  };
  const offer = (message: OutgoingMessage) => {
    deliver(message);
    return true;
  };
  const link = { peer, state: "up", awaited: 0, send, offer, clockOffset: () => 0 } as unknown as Link;
  const none = (): never => {
    throw new Error(`${id} was asked for what is not measured`);
  };
  const connect = () => Promise.resolve(link);
  const caller = createCaller({ runtime, taps, ids, json, find: () => link, choose: () => link, connect, observe: undefined, onMoved: none });
  const server = createServer({
    runtime,
    taps,
    ids,
    json,
    admission: createAdmission(runtime, undefined, {}),
    middleware: createMiddleware(),
    onFailure: none,
    served: createServed({ changed: none, publishes: none }),
    observe: undefined,
  });
  const rest = { stream: none, part: none, event: none, durable: none, observe: undefined, letters: undefined, onRefused: none };
  const receive = createReceiver({ caller, server, taps, frames: { take: undefined }, ...rest } as ReceiverOptions);
  return { caller, server, link, receive };
}

const settle = (): void => undefined;
const over = (to: () => ReturnType<typeof side>) => (message: OutgoingMessage) => {
  const { bytes, lane, intake, wantsDone = false, watch } = message;
  const delivery: Delivery = { bytes, size: bytes.length, lane, intake, wantsDone, refused: undefined, settle };
  // In the next turn, as a network would.
  queueMicrotask(() => {
    watch?.sealed?.();
    watch?.received?.();
    to().receive(to().link, delivery);
  });
};
const alice = side(
  "alice",
  "bob",
  over(() => bob),
);
const bob: ReturnType<typeof side> = side(
  "bob",
  "alice",
  over(() => alice),
);
const echo = method("echo");
alice.server.handle(echo, (input) => input);

/** Frames that are filled, sealed and sent. */
function pumped(): () => Promise<void> {
  const asked: (() => void)[] = [];
  const timers = { turn: (run: () => void) => void asked.push(run), soon: (run: () => void) => void asked.push(run) };
  const frame = new Uint8Array(100);
  let records = 0;
  const conversation = { fill: () => (records > 0 ? 1 : 0), sent: () => void records--, unacknowledged: false, wantsToSend: false };
  const session = { seal: () => frame, lastSealed: 0, prepare: settle };
  const taken = Promise.resolve();
  const transport = { capabilities: { maxFrameBytes: 65_536 }, state: { current: "up" }, send: () => taken };
  const clock = { monotonic: () => 0, wall: () => 0 };
  const { link: taps } = { link: createTaps() };
  const options = { runtime: { clock, timers }, transport, taps, scratch: createCellBuffer(65_536) } as unknown as LinkOptions;
  const owner = { peer: { inbox: "inbox/alice/1" }, arm: settle, dropSession: settle } as unknown as PumpOwner;
  const pump = createPump(options, conversation as unknown as Conversation, { current: { session, received: {} } } as unknown as LinkSessions, owner);
  return () => {
    records = 1;
    pump.wake();
    asked.pop()?.();
    return taken;
  };
}

const input = { text: "x".repeat(64) };
const to = { id: "alice" };
const kinds: Readonly<Record<string, () => Promise<unknown>>> = {
  request: () => bob.caller.request(to, echo, input, {}),
  notification: () => bob.caller.notify(to, echo, input, {}),
  confirmed: () => bob.caller.notify(to, echo, input, { confirm: "received" }),
  frame: pumped(),
};
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

async function bytesOf(send: () => Promise<unknown>): Promise<readonly (number | null)[]> {
  for (let n = 0; n < each; n++) await send();
  const measured: (number | null)[] = [];
  for (let round = 0; round < rounds; round++) {
    await turn();
    gc?.();
    await turn();
    collections = 0;
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < each; n++) await send();
    const after = process.memoryUsage().heapUsed;
    await turn();
    measured.push(collections === 0 ? (after - before) / each : null);
  }
  return measured;
}

const result: Record<string, readonly (number | null)[]> = {};
for (const [name, send] of Object.entries(kinds)) result[name] = await bytesOf(send);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit();
