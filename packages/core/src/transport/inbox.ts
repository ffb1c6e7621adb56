import * as limits from "../limits.js";
import type { Timers } from "../runtime/runtime.js";
import type { Address } from "./address.js";
import type { Receive, StateChange } from "./transport.js";

/** What a queued frame costs beside its bytes, so that a flood of empty frames is bounded too. */
export const frameOverheadBytes = 64;

export interface InboxOptions {
  readonly at: Address;
  readonly receive: Receive;
  readonly timers: Timers;
  /** Bound on what waits: the frames' bytes plus `frameOverheadBytes` each. Default 4 MiB. A frame that alone exceeds it never enters. */
  readonly maxBytes?: number | undefined;
  /** Told on a later turn what was dropped since the last report. */
  readonly onDropped: (change: Extract<StateChange, { type: "dropped" }>) => void;
}

/** The bounded queue between a medium and one `receive` (clauses T5 to T7). Every transport uses this one. */
export interface Inbox {
  /** Takes ownership of the frame. False when it was dropped. Never calls `receive`. `fromOutside`: another process sent it, so it may be handed over in this turn. */
  push(frame: Uint8Array, fromOutside?: boolean): boolean;
  /** Forgets what waits. `receive` is not called again; a call that runs is not waited for. */
  close(): void;
}

export function createInbox({ at, receive, timers, maxBytes = limits.inboxBytes, onDropped }: InboxOptions): Inbox {
  /** Frames of earlier turns, being handed over. */
  let batch: (Uint8Array | undefined)[] = [];
  let next = 0;
  /** Frames that came since: they wait for a later turn, so nothing is handed over in the turn that sent it. */
  let arrived: Uint8Array[] = [];
  let bytes = 0;
  let scheduled = false;
  let waiting = false;
  let closed = false;
  let droppedFrames = 0;
  let droppedBytes = 0;

  const drop = (frame: Uint8Array) => {
    if (droppedFrames === 0) timers.turn(report);
    droppedFrames += 1;
    droppedBytes += frame.byteLength;
  };
  const report = () => {
    const change = { type: "dropped", at, frames: droppedFrames, bytes: droppedBytes } as const;
    droppedFrames = 0;
    droppedBytes = 0;
    onDropped(change);
  };

  const schedule = (fromOutside?: boolean) => {
    if (scheduled || waiting || closed) return;
    scheduled = true;
    timers[fromOutside ? "soon" : "turn"](turn);
  };
  const turn = () => {
    scheduled = false;
    if (waiting || closed) return;
    batch = arrived;
    arrived = [];
    handOver();
  };
  const handOver = () => {
    while (next < batch.length) {
      const frame = batch[next] as Uint8Array;
      batch[next] = undefined;
      next += 1;
      bytes -= frame.byteLength + frameOverheadBytes;
      const running = call(receive, frame);
      if (closed) return;
      if (running !== undefined) {
        waiting = true;
        running.then(resume, resume);
        return;
      }
    }
    batch = [];
    next = 0;
    if (arrived.length > 0) schedule();
  };
  const resume = () => {
    waiting = false;
    if (!closed) handOver();
  };

  return {
    push(frame, fromOutside) {
      if (closed) return false;
      const cost = frame.byteLength + frameOverheadBytes;
      if (bytes + cost > maxBytes) {
        drop(frame);
        return false;
      }
      bytes += cost;
      arrived.push(frame);
      schedule(fromOutside);
      return true;
    },
    close() {
      closed = true;
      batch = [];
      arrived = [];
      next = 0;
      bytes = 0;
    },
  };
}

/** The promise to wait for, if any. A receiver that throws loses that frame and nothing else; one may return any value where void is due. */
function call(receive: Receive, frame: Uint8Array): Promise<unknown> | undefined {
  try {
    const result: unknown = receive(frame);
    return isThenable(result) ? Promise.resolve(result) : undefined;
  } catch {
    return undefined;
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
