import { createFifo, type Fifo } from "./fifo.js";
import type { Lane, MessageWatch } from "./message.js";

/** An outgoing message on its way through the lanes and the window. */
export interface Queued {
  readonly bytes: Uint8Array;
  readonly lane: Lane;
  readonly intake: boolean;
  readonly wantsDone: boolean;
  readonly isDone: boolean;
  readonly watch: MessageWatch | undefined;
  /** Position in the order of all messages of this link. */
  readonly order: number;
  /** Bytes given to cells so far. */
  offset: number;
  started: boolean;
  /** All fragments have a sequence number. */
  sealed: boolean;
  /** Given up by its sender: dropped, or ended with an ABORT fragment. */
  abandoned: boolean;
  /** Sealed cells the peer has not acknowledged. */
  unacknowledged: number;
}

interface LaneQueue {
  /** Partly sealed: its fragments must be contiguous in the lane. */
  current: Queued | undefined;
  readonly control: Fifo<Queued>;
  readonly intake: Fifo<Queued>;
  /** Bytes of higher lanes that went first while something waited here. */
  passedOver: number;
}

/** A waiting lane gets its turn after this many bytes of higher ones: low never starves. */
const shareBytes = 256 * 1024;

export interface LaneGate {
  /** Intake credit is left. */
  readonly intake: boolean;
  /** The ordinary window is full: only control and the critical lane may pass, on the reserve. */
  readonly reserveOnly: boolean;
}

/**
 * The four priorities. Strict order with a fair share; first in, first out within a lane, except that control
 * messages (replies, errors) pass requests that wait for intake credit: otherwise two full sides would deadlock.
 */
export interface Lanes {
  push(message: Queued): void;
  /** The message whose next fragment goes now, without removing it. */
  next(gate: LaneGate): Queued | undefined;
  /** Says what was taken of it, after `next`. */
  took(message: Queued, bytes: number): void;
  /** True when an intake message waits and only credit is missing. */
  readonly waitsForCredit: boolean;
  readonly queuedBytes: number;
  readonly queuedMessages: number;
  /** An abandoned message that had not started leaves the counts at once. */
  forget(message: Queued): void;
  /** Everything that has not been sealed whole, removed. */
  drain(): Queued[];
}

export function createLanes(): Lanes {
  const queues: readonly LaneQueue[] = [0, 1, 2, 3].map(() => ({
    current: undefined,
    control: createFifo<Queued>(),
    intake: createFifo<Queued>(),
    passedOver: 0,
  }));
  let queuedBytes = 0;
  let queuedMessages = 0;

  const head = (fifo: Fifo<Queued>): Queued | undefined => {
    let message = fifo.peek();
    while (message?.abandoned && !message.started) {
      fifo.shift();
      message = fifo.peek();
    }
    return message;
  };

  const candidate = (lane: number, gate: LaneGate): Queued | undefined => {
    const queue = queues[lane] as LaneQueue;
    if (queue.current !== undefined) return gate.reserveOnly && lane !== 0 && queue.current.intake ? undefined : queue.current;
    const control = head(queue.control);
    const intake = gate.intake && !(gate.reserveOnly && lane !== 0) ? head(queue.intake) : undefined;
    if (control === undefined || intake === undefined) return control ?? intake;
    return control.order < intake.order ? control : intake;
  };

  return {
    push(message) {
      const queue = queues[message.lane] as LaneQueue;
      (message.intake ? queue.intake : queue.control).push(message);
      queuedBytes += message.bytes.length;
      queuedMessages++;
    },
    next(gate) {
      if (queuedMessages === 0) return undefined;
      let first: Queued | undefined;
      for (let lane = 0; lane < 4; lane++) {
        const found = candidate(lane, gate);
        if (found === undefined) continue;
        if (first === undefined) first = found;
        else if ((queues[lane] as LaneQueue).passedOver >= shareBytes) return found;
      }
      return first;
    },
    took(message, bytes) {
      const queue = queues[message.lane] as LaneQueue;
      if (!message.started) {
        message.started = true;
        (message.intake ? queue.intake : queue.control).shift();
        queue.current = message;
      }
      queuedBytes -= bytes;
      queue.passedOver = 0;
      for (let lane = message.lane + 1; lane < 4; lane++) {
        const lower = queues[lane] as LaneQueue;
        if (lower.current !== undefined || lower.control.length + lower.intake.length > 0) lower.passedOver += bytes + 1;
      }
      if (message.sealed) {
        queue.current = undefined;
        queuedMessages--;
        queuedBytes -= message.bytes.length - message.offset;
      }
    },
    get waitsForCredit() {
      return queues.some((queue) => queue.current === undefined && head(queue.intake) !== undefined);
    },
    get queuedBytes() {
      return queuedBytes;
    },
    get queuedMessages() {
      return queuedMessages;
    },
    forget(message) {
      queuedBytes -= message.bytes.length;
      queuedMessages--;
    },
    drain() {
      const rest: Queued[] = [];
      for (const queue of queues) {
        if (queue.current !== undefined) rest.push(queue.current);
        queue.current = undefined;
        for (const fifo of [queue.control, queue.intake]) {
          for (let message = fifo.shift(); message !== undefined; message = fifo.shift()) if (!message.abandoned) rest.push(message);
        }
      }
      queuedBytes = 0;
      queuedMessages = 0;
      return rest;
    },
  };
}
