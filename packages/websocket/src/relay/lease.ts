import { release, releaseFrame, takesBuffer } from "@tightbeam/core/transport";

/**
 * Who may keep a frame that came from a socket, or that its sender gave. The table gives every member the same bytes; the first that asks owns them, the others copy,
 * so a frame with one receiver is never copied, and one with many is once.
 */
export interface Lease {
  /** What is being routed came from a socket. */
  readonly offering: boolean;
  /** Routes with `route` while the frame is to be had. `alone`: nothing else lies in its buffer. One that only looks so (T11) is not to be had. */
  offer(frame: Uint8Array, alone: boolean, route: (frame: Uint8Array) => void): void;
  /** The same for a frame that its sender gave with its buffer. What nobody took is freed. */
  give(frame: Uint8Array, route: (frame: Uint8Array) => void): void;
  /** The same for a frame that its sender keeps. */
  lend(frame: Uint8Array, route: (frame: Uint8Array) => void): void;
  /** True for the first that asks about a frame on offer. Small views of large buffers are not to be had: they would keep the whole alive. */
  take(frame: Uint8Array): boolean;
  /** The copy of the frame that is being routed, one for all that ask: nobody may change it. */
  copy(frame: Uint8Array): SharedCopy;
}

/** Whoever got it says once that it is done with it; with the last of them it is freed. */
export interface SharedCopy {
  readonly bytes: Uint8Array;
  readonly done: () => void;
}

class Copy implements SharedCopy {
  readonly bytes: Uint8Array;
  /** The route itself is one. */
  holders = 1;
  readonly done = (): void => {
    if (--this.holders === 0) release(this.bytes);
  };

  constructor(frame: Uint8Array) {
    this.bytes = new Uint8Array(frame);
  }
}

export function createLease(): Lease {
  let offered: Uint8Array | undefined;
  let offering = false;
  let copied: Copy | undefined;
  const over = (): void => {
    copied?.done();
    copied = undefined;
  };
  return {
    get offering() {
      return offering;
    },
    offer(frame, alone, route) {
      offering = true;
      offered = frame.byteLength * 4 >= frame.buffer.byteLength && (alone || !takesBuffer(frame)) ? frame : undefined;
      route(frame);
      offered = undefined;
      offering = false;
      over();
    },
    give(frame, route) {
      offered = frame;
      route(frame);
      if (offered === frame) releaseFrame(frame);
      offered = undefined;
      over();
    },
    lend(frame, route) {
      route(frame);
      over();
    },
    take(frame) {
      if (offered !== frame) return false;
      offered = undefined;
      return true;
    },
    copy(frame) {
      copied ??= new Copy(frame);
      copied.holders += 1;
      return copied;
    },
  };
}
