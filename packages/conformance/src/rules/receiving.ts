import type { Address, StateChange, Transport } from "@tightbeam/core/transport";
import type { Rule, RuleContext } from "../rule.js";
import { collect, inboxOf, must, numbered, numberIn, send, subscribe } from "./pieces.js";

const frameBytes = 16 * 1024;
/** No inbox may hold more than this. */
const inboxMaxBytes = 64 * 1024 * 1024;

export const receiving: readonly Rule[] = [
  {
    id: "T5/serial",
    clause: "T5",
    title: "the next frame waits for the promise that receive returned",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "serial");
      let running = 0;
      let most = 0;
      let done = 0;
      await subscribe(context, b, at, async () => {
        running += 1;
        most = Math.max(most, running);
        await context.settle(2);
        running -= 1;
        done += 1;
      });
      for (let i = 0; i < 8; i += 1) await send(context, a, at, numbered(i));
      await context.eventually(
        () => done >= 8,
        () => `${done} of 8 frames were handed over`,
      );
      must(most === 1, `${most} calls of one receive ran at the same time`);
    },
  },
  {
    id: "T5/not-inside-send",
    clause: "T5",
    title: "receive is never called inside send",
    lossless: false,
    async run(context) {
      const a = await context.connect("a");
      const at = inboxOf("a", "self");
      let inside = false;
      let calledInside = false;
      let received = 0;
      await subscribe(context, a, at, () => {
        received += 1;
        calledInside ||= inside;
      });
      await context.eventually(() => {
        inside = true;
        const sent = a.send(at, numbered(1));
        inside = false;
        sent.catch(() => undefined);
        return received > 0;
      }, "a frame sent to oneself");
      must(!calledInside, "receive was called inside send");
    },
  },
  {
    id: "T5/receiver-fails",
    clause: "T5",
    title: "a receive that throws or rejects gets the next frame all the same",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "fails");
      const numbers: number[] = [];
      await subscribe(context, b, at, (frame) => {
        numbers.push(numberIn(frame));
        if (numbers.length === 1) throw new Error("from a receiver of the transport suite");
        if (numbers.length === 2) return Promise.reject(new Error("from a receiver of the transport suite"));
        return undefined;
      });
      for (let i = 0; i < 3; i += 1) await send(context, a, at, numbered(i));
      await context.eventually(
        () => numbers.length >= 3,
        () => `${numbers.length} of 3 frames were handed over`,
      );
      must(b.state.current === "up", "a receiver that failed took the transport down");
    },
  },
  {
    id: "T5/unsubscribe",
    clause: "T5",
    title: "after unsubscribe nothing is handed over, twice is harmless, and others go on",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const [left, kept] = [inboxOf("b", "left"), inboxOf("b", "kept")];
      let calls = 0;
      const unsubscribe = await subscribe(context, b, left, () => {
        calls += 1;
      });
      const numbers = await collect(context, b, kept);
      await context.within(unsubscribe(), "unsubscribe");
      await context.within(unsubscribe(), "unsubscribe again");
      await send(context, a, left, numbered(1));
      await send(context, a, kept, numbered(2));
      await context.eventually(() => numbers.length > 0, "a frame to another subscription");
      await context.settle();
      must(calls === 0, "a frame was handed over after unsubscribe");
    },
  },
  {
    id: "T6/bounded",
    clause: "T6",
    title: "a full inbox drops the newest frames, says how many, and goes on",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "stalled");
      const stall = await stalledReceiver(context, b, at);
      const sent = await sendUntilDropped(context, a, at, stall);
      // What is still on its way meets the full inbox too.
      await context.settle(200);
      stall.release();
      await context.eventually(
        () => stall.numbers.length + stall.dropped() >= sent,
        () => `${sent} frames sent, ${stall.numbers.length} received, ${stall.dropped()} reported as dropped`,
      );
      await context.settle();
      must(stall.numbers.length + stall.dropped() === sent, `${sent} frames sent, ${stall.numbers.length} received, ${stall.dropped()} reported as dropped`);
      const gap = stall.numbers.findIndex((value, index) => value !== index);
      must(gap === -1, `the newest frames are the ones to drop, but frame ${gap} of those that waited is missing`);
      const before = stall.numbers.length;
      await send(context, a, at, numbered(sent, frameBytes));
      await context.eventually(() => stall.numbers.length > before, "a frame after the inbox was full");
    },
  },
  {
    id: "T7/stalled-receiver",
    clause: "T7",
    title: "a stalled receiver delays no other receiver, no subscribe, no unsubscribe and no close",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const [stuck, other, late] = [inboxOf("b", "stuck"), inboxOf("b", "other"), inboxOf("b", "late")];
      const numbers = await collect(context, b, other);
      const stall = await stalledReceiver(context, b, stuck);
      await sendUntilDropped(context, a, stuck, stall);
      await send(context, a, other, numbered(1));
      await context.eventually(() => numbers.length > 0, "a frame to another receiver of the same transport");
      const unsubscribe = await subscribe(context, b, late, () => {});
      await context.within(unsubscribe(), "unsubscribe beside a stalled receiver");
      await context.within(stall.unsubscribe(), "unsubscribing the stalled receiver");
      await stalledReceiver(context, b, late);
      await send(context, a, late, numbered(1));
      await context.within(b.close(), "close() with a stalled receiver");
    },
  },
];

interface Stall {
  readonly numbers: number[];
  dropped(): number;
  release(): void;
  unsubscribe(): Promise<void>;
}

async function stalledReceiver(context: RuleContext, transport: Transport, at: Address): Promise<Stall> {
  const numbers: number[] = [];
  let dropped = 0;
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  transport.state.subscribe((change: StateChange) => {
    if (change.type === "dropped" && change.at === at) dropped += change.frames;
  });
  const unsubscribe = await subscribe(context, transport, at, (frame) => {
    numbers.push(numberIn(frame));
    return gate;
  });
  return { numbers, dropped: () => dropped, release: () => release(), unsubscribe };
}

/** Returns how many frames were sent by the time the receiver's transport reported a drop. */
async function sendUntilDropped(context: RuleContext, transport: Transport, to: Address, stall: Stall): Promise<number> {
  const most = inboxMaxBytes / frameBytes;
  for (let sent = 0; sent < most; ) {
    // By hundreds, and then a breath: reports come from another turn, and another process at times.
    for (let i = 0; i < 100; i += 1, sent += 1) await send(context, transport, to, numbered(sent, frameBytes));
    await context.settle(1);
    if (stall.dropped() > 0) return sent;
  }
  await context.eventually(() => stall.dropped() > 0, `a report of dropped frames after ${inboxMaxBytes} bytes to a receiver that stalls`);
  return most;
}
