import { frameOverheadBytes, type Timers } from "@tightbeam/core/transport";

/** Sent since the last turn before `send` makes its caller wait. Well under an inbox, so one sender that awaits never overflows a receiver that keeps up. */
const highWaterBytes = 256 * 1024;

/**
 * Pressure on the sender (clause T4). Frames are copied into inboxes at once, but nobody reads them before the next turn: what was sent since is the local buffer.
 * It never depends on a receiver: one that stalls must not slow a sender who also speaks to others (T7).
 */
export interface Outflow {
  /** Counts a frame. Resolves when another may be sent. */
  add(frame: Uint8Array): Promise<void>;
  /** Settles who waits: with the cause when there is one. */
  end(cause: unknown): void;
}

const open: Promise<void> = Promise.resolve();

export function createOutflow(timers: Timers): Outflow {
  let bytes = 0;
  let waiting: { readonly promise: Promise<void>; readonly resolve: () => void; readonly reject: (cause: unknown) => void } | undefined;

  const turn = () => {
    bytes = 0;
    waiting?.resolve();
    waiting = undefined;
  };

  return {
    add(frame) {
      if (bytes === 0) timers.turn(turn);
      bytes += frame.byteLength + frameOverheadBytes;
      if (bytes <= highWaterBytes) return open;
      waiting ??= gate();
      return waiting.promise;
    },
    end(cause) {
      if (cause === undefined) waiting?.resolve();
      else waiting?.reject(cause);
      waiting = undefined;
    },
  };
}

function gate() {
  let resolve = () => {};
  let reject: (cause: unknown) => void = () => {};
  const promise = new Promise<void>((settle, fail) => {
    resolve = settle;
    reject = fail;
  });
  return { promise, resolve, reject };
}
