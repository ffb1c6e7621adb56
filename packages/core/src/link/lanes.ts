import { createFifo, type Fifo } from "./fifo.js";
import type { Lane, MessageWatch } from "./message.js";

/** An outgoing message on its way through the lanes and the window. */
export interface Queued {
  /** Let go of as soon as nothing can ask for them again. */
  bytes: Uint8Array;
  readonly lane: Lane;
  readonly intake: boolean;
  readonly part: boolean;
  readonly wantsDone: boolean;
  readonly wantsAck: boolean;
  readonly isDone: boolean;
  readonly kept: boolean;
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
  /** The peer said by ACK or by DONE that it has all of it. */
  received: boolean;
}

interface LaneQueue {
  /** Partly sealed: its fragments must be contiguous in the lane. */
  current: Queued | undefined;
  readonly control: Fifo<Queued>;
  readonly intake: Fifo<Queued>;
  /** From the first one on: most lanes carry none. */
  parts: Fifo<Queued> | undefined;
  /** Bytes of higher lanes that went first while something waited here. */
  passedOver: number;
  /** Messages that are not sealed whole nor abandoned before they began. */
  waiting: number;
  /** Abandoned messages still in the queues. */
  dead: number;
}

/** Which messages may go now: all, or (the ordinary window is full) only control messages and the critical lane, or the critical lane alone. */
export const reach = { critical: 0, control: 1, everything: 2 } as const;
export type Reach = (typeof reach)[keyof typeof reach];

/** Whether the other side's application takes another request, notification or event of this lane. */
export interface IntakeCredit {
  open(lane: Lane): boolean;
}

/** A waiting lane gets its turn after this many bytes of higher ones, and one part in `shareParts` of the link's bytes: low never starves. */
const shareBytes = 256 * 1024;
const shareParts = 16;
/** So that empty messages count too. */
const cellCost = 10;

/**
 * The four priorities. Strict order with a fair share; first in, first out within a lane, except that control
 * messages (replies, errors) pass requests that wait for intake credit: otherwise two full sides would deadlock. What streams say passes
 * those requests too, but waits for the ordinary window, in the critical lane as well: the reserve is not for megabytes.
 */
export interface Lanes {
  push(message: Queued): void;
  /** The message whose next fragment goes now, without removing it. */
  next(credit: IntakeCredit, far: Reach): Queued | undefined;
  /** Says what was taken of it, after `next`. */
  took(message: Queued, bytes: number): void;
  /** True when an intake message waits that only credit holds back. */
  waitsForCredit(credit: IntakeCredit): boolean;
  readonly queuedBytes: number;
  readonly queuedMessages: number;
  /** By lane: messages that are not sealed whole. */
  readonly waiting: readonly number[];
  /** An abandoned message that had not started leaves the counts at once, and the queues before they fill up with such. */
  forget(message: Queued): void;
  /** Everything that has not been sealed whole, removed. */
  drain(): Queued[];
}

const alive = (message: Queued): boolean => !message.abandoned;

/** The first that was not abandoned. */
function head(queue: LaneQueue, fifo: Fifo<Queued>): Queued | undefined {
  let message = fifo.peek();
  while (message?.abandoned) {
    fifo.shift();
    queue.dead--;
    message = fifo.peek();
  }
  return message;
}

function candidate(queue: LaneQueue, open: boolean, control: boolean, intake: boolean, part: boolean): Queued | undefined {
  const { current, parts } = queue;
  if (current !== undefined) return (current.part ? part : current.intake ? intake : control) ? current : undefined;
  const first = control ? head(queue, queue.control) : undefined;
  const second = intake && open && queue.intake.length > 0 ? head(queue, queue.intake) : undefined;
  const third = part && parts !== undefined ? head(queue, parts) : undefined;
  return earlier(earlier(first, second), third);
}

const earlier = (a: Queued | undefined, b: Queued | undefined): Queued | undefined => (a === undefined || (b !== undefined && b.order < a.order) ? b : a);

const fifoOf = (queue: LaneQueue, message: Queued): Fifo<Queued> => {
  if (!message.part) return message.intake ? queue.intake : queue.control;
  queue.parts ??= createFifo();
  return queue.parts;
};

class LinkLanes implements Lanes {
  queuedBytes = 0;
  queuedMessages = 0;
  /** Each from its first message on: most links use one or two. */
  readonly #queues: (LaneQueue | undefined)[] = [undefined, undefined, undefined, undefined];

  get waiting(): readonly number[] {
    return this.#queues.map((queue) => queue?.waiting ?? 0);
  }

  push(message: Queued): void {
    this.#queues[message.lane] ??= { current: undefined, control: createFifo(), intake: createFifo(), parts: undefined, passedOver: 0, waiting: 0, dead: 0 };
    const queue = this.#queueOf(message);
    fifoOf(queue, message).push(message);
    this.queuedBytes += message.bytes.length;
    this.queuedMessages++;
    queue.waiting++;
  }

  next(credit: IntakeCredit, far: Reach): Queued | undefined {
    if (this.queuedMessages === 0) return undefined;
    let first: Queued | undefined;
    for (let lane = 0; lane < 4; lane++) {
      const queue = this.#queues[lane];
      if (queue === undefined || queue.waiting === 0 || (first !== undefined && queue.passedOver < shareBytes)) continue;
      const everything = far === reach.everything;
      const found = candidate(queue, credit.open(lane as Lane), lane === 0 || far >= reach.control, lane === 0 || everything, everything);
      if (found === undefined) continue;
      if (first !== undefined) return found;
      first = found;
    }
    return first;
  }

  took(message: Queued, bytes: number): void {
    const queue = this.#queueOf(message);
    if (!message.started) {
      message.started = true;
      fifoOf(queue, message).shift();
      queue.current = message;
    }
    this.queuedBytes -= bytes;
    queue.passedOver = Math.max(0, queue.passedOver - (bytes + cellCost) * shareParts);
    for (let lane = message.lane + 1; lane < 4; lane++) {
      const lower = this.#queues[lane];
      if (lower === undefined) continue;
      lower.passedOver = lower.waiting === 0 ? 0 : Math.min(lower.passedOver + bytes + cellCost, shareBytes);
    }
    if (message.sealed) {
      queue.current = undefined;
      queue.waiting--;
      this.queuedMessages--;
      this.queuedBytes -= message.bytes.length - message.offset;
    }
  }

  waitsForCredit(credit: IntakeCredit): boolean {
    if (this.queuedMessages === 0 || (credit.open(0) && credit.open(1))) return false;
    return this.#queues.some(
      (queue, lane) => queue !== undefined && !credit.open(lane as Lane) && queue.current === undefined && head(queue, queue.intake) !== undefined,
    );
  }

  forget(message: Queued): void {
    this.queuedBytes -= message.bytes.length;
    this.queuedMessages--;
    const queue = this.#queueOf(message);
    queue.waiting--;
    const { control, intake, parts } = queue;
    if (++queue.dead < 64 || queue.dead * 2 < control.length + intake.length + (parts?.length ?? 0)) return;
    control.retain(alive);
    intake.retain(alive);
    parts?.retain(alive);
    queue.dead = 0;
  }

  drain(): Queued[] {
    const rest: Queued[] = [];
    for (const queue of this.#queues) {
      if (queue === undefined) continue;
      if (queue.current !== undefined) rest.push(queue.current);
      for (const fifo of [queue.control, queue.intake, queue.parts]) {
        if (fifo === undefined) continue;
        for (let message = fifo.shift(); message !== undefined; message = fifo.shift()) if (!message.abandoned) rest.push(message);
      }
    }
    this.#queues.fill(undefined);
    this.queuedBytes = 0;
    this.queuedMessages = 0;
    return rest;
  }

  #queueOf(message: Queued): LaneQueue {
    return this.#queues[message.lane] as LaneQueue;
  }
}

export const createLanes = (): Lanes => new LinkLanes();
