import type { TransportError } from "@tightbeam/core/transport";

/** What a frame costs beside its bytes: the protocol line and the client's bookkeeping. */
const frameOverheadBytes = 128;
/** A caller that does not await its sends is stopped here instead of filling the memory. */
const backlogFactor = 64;

/** Counts what the server has not confirmed. The client itself buffers without bound and tells nothing: only an answered PING says that bytes have left. */
export interface Outflow {
  /** False when so much waits that nothing more may be published. */
  readonly open: boolean;
  readonly backlogMax: number;
  /** A frame was published. Resolves while less than the high-water mark is unconfirmed. */
  add(bytes: number): Promise<void>;
  /** The connection is gone, and all that was not confirmed with it: those who wait are rejected. */
  lost(error: TransportError): void;
}

const done: Promise<void> = Promise.resolve();

export function createOutflow(flush: () => Promise<void>, highWaterBytes: number): Outflow {
  const backlogMax = highWaterBytes * backlogFactor;
  let unconfirmed = 0;
  let unflushed = 0;
  let epoch = 0;
  let room: Pending | undefined;

  const confirm = () => {
    const bytes = unflushed;
    const mine = epoch;
    unflushed = 0;
    flush().then(
      () => {
        if (mine !== epoch) return;
        unconfirmed -= bytes;
        if (unconfirmed >= highWaterBytes) return;
        room?.resolve();
        room = undefined;
      },
      // The loss of the connection is told by its status, and then `lost` is called.
      () => undefined,
    );
  };

  return {
    backlogMax,
    get open() {
      return unconfirmed <= backlogMax;
    },
    add(bytes) {
      unconfirmed += bytes + frameOverheadBytes;
      unflushed += bytes + frameOverheadBytes;
      // Twice within the mark: while one half is on its way, the other is filled.
      if (unflushed * 2 >= highWaterBytes) confirm();
      if (unconfirmed < highWaterBytes) return done;
      room ??= pending();
      return room.promise;
    },
    lost(error) {
      epoch += 1;
      unconfirmed = 0;
      unflushed = 0;
      room?.reject(error);
      room = undefined;
    },
  };
}

interface Pending {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: TransportError) => void;
}

function pending(): Pending {
  let resolve = () => {};
  let reject: Pending["reject"] = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
