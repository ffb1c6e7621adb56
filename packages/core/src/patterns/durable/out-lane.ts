import { createFifo, type Fifo } from "../../link/fifo.js";
import { createNumbers, type Numbers } from "./numbers.js";
import type { OutMessage } from "./out-message.js";

/**
 * The durable messages of one lane for one peer, in the order of their numbers: first those under way, then those ready in memory, then those
 * that are on disk alone. Whoever finds messages on disk reads them from `onDisk` on.
 */
export class OutLane {
  /** The number of the next message. */
  next = 0;
  /** One above the highest that is in the store. */
  flushed = 0;
  /** From here on they are on disk and not in memory. */
  onDisk: number | undefined;
  /** Messages below it were there before this process: they may have been sent. */
  readonly againBelow: number;
  readonly settled: Numbers;
  readonly flight = new Map<number, OutMessage>();
  /** On disk, and somebody waits for what becomes of them. */
  readonly parked = new Map<number, OutMessage>();
  /** Being read from disk. */
  reading = false;
  ready: Fifo<OutMessage> = createFifo();
  #failed: Set<number> | undefined;

  constructor(next = 0, settled: Numbers = createNumbers()) {
    this.next = next;
    this.flushed = next;
    this.againBelow = next;
    this.settled = settled;
    if (settled.floor < next) this.onDisk = settled.floor;
  }

  /** Numbers above the floor of what did not get into the store: the receiver may have to keep a range for each. */
  get holes(): number {
    return this.#failed?.size ?? 0;
  }

  /** It is in the store now, and in memory too when it is to be kept there. */
  push(message: OutMessage, keep: boolean): void {
    this.flushed = message.number + 1;
    if (keep) return this.ready.push(message);
    this.onDisk ??= message.number;
    if (message.awaited) this.parked.set(message.number, message);
  }

  /** It did not get into the store: its number is used for nothing else. */
  failed(number: number): void {
    this.#failed ??= new Set();
    this.#failed.add(number);
    this.settled.add(number);
    for (const hole of this.#failed) if (hole < this.settled.floor) this.#failed.delete(hole);
  }

  /** Back to the front, in order: their link is no more, or the peer takes them later. */
  recall(messages: readonly OutMessage[]): void {
    if (messages.length === 0) return;
    const all = [...messages];
    for (let message = this.ready.shift(); message !== undefined; message = this.ready.shift()) all.push(message);
    for (const message of all) this.flight.delete(message.number);
    this.ready = createFifo();
    for (const message of all.sort((a, b) => a.number - b.number)) this.ready.push(message);
  }
}
