import { releaseFrame, takesBuffer } from "@tightbeam/core/transport";

/**
 * Who may keep a frame that came from a socket, or that its sender gave. The table gives every member the same bytes; the first that asks owns them, the others copy,
 * so a frame with one receiver is never copied.
 */
export interface Lease {
  /** What is being routed came from a socket. */
  readonly offering: boolean;
  /** Routes with `route` while the frame is to be had. `alone`: nothing else lies in its buffer. One that only looks so (T11) is not to be had. */
  offer(frame: Uint8Array, alone: boolean, route: (frame: Uint8Array) => void): void;
  /** The same for a frame that its sender gave with its buffer. What nobody took is freed. */
  give(frame: Uint8Array, route: (frame: Uint8Array) => void): void;
  /** True for the first that asks about a frame on offer. Small views of large buffers are not to be had: they would keep the whole alive. */
  take(frame: Uint8Array): boolean;
}

export function createLease(): Lease {
  let offered: Uint8Array | undefined;
  let offering = false;
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
    },
    give(frame, route) {
      offered = frame;
      route(frame);
      if (offered === frame) releaseFrame(frame);
      offered = undefined;
    },
    take(frame) {
      if (offered !== frame) return false;
      offered = undefined;
      return true;
    },
  };
}
