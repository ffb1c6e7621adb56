import { TightbeamError } from "../../errors.js";
import { createFifo, type Fifo } from "../../link/fifo.js";
import type { Lane } from "../../link/message.js";
import { createNumberTable } from "../../open-table.js";
import { createNumbers, type Numbers } from "./numbers.js";
import type { OutMessage } from "./out-message.js";
import type { OutSegment } from "./out-segment.js";

/**
 * The durable messages of one lane for one peer, in the order of their numbers: first those under way, then those ready in memory, then those
 * that are on disk alone.
 */
export class OutLane {
  readonly lane: Lane;
  /** The number of the next message. */
  next: number;
  /** One above the highest that is in the store. */
  flushed: number;
  /** From this segment on they are on disk and not in memory. */
  onDisk: number | undefined;
  /** Being read from there. */
  reading = false;
  /** Messages below it were there before this process: they may have been sent. */
  readonly againBelow: number;
  readonly settled: Numbers;
  ready: Fifo<OutMessage> = createFifo();
  /** Dead letters whose entry is still there. */
  readonly buried: Set<number>;
  readonly flight = createNumberTable<OutMessage>();
  /** On disk, and somebody waits for what becomes of them. */
  readonly parked = new Map<number, OutMessage>();
  /** Takes what is accepted until its batch is made. */
  open: { readonly segment: OutSegment; readonly messages: OutMessage[] } | undefined;
  /** Bytes of the last one. */
  like = 0;
  #failed: Set<number> | undefined;

  constructor(lane: Lane, next = 0, settled: Numbers = createNumbers(), onDisk?: number, buried: Set<number> = new Set()) {
    this.buried = buried;
    this.lane = lane;
    this.next = next;
    this.flushed = next;
    this.againBelow = next;
    this.settled = settled;
    this.onDisk = onDisk;
  }

  /** Numbers above the floor of what did not get into the store: the receiver may have to keep a range for each. */
  get holes(): number {
    if (this.#failed === undefined) return 0;
    for (const hole of this.#failed) {
      if (hole >= this.settled.floor) break;
      this.#failed.delete(hole);
    }
    return this.#failed.size;
  }

  /** As the receiver is told. What is settled above all that is in the store could not be written: the next process may give its number to another message. */
  get floor(): number {
    return Math.min(this.settled.floor, this.flushed);
  }

  /** Its batch is made: what is accepted from now on goes with another. */
  close(open: NonNullable<OutLane["open"]>): void {
    if (this.open === open) this.open = undefined;
    this.like = open.segment.length;
  }

  /** They are in the store now, but not in memory. */
  leaveOnDisk(messages: readonly OutMessage[]): void {
    for (const message of messages) {
      this.onDisk ??= message.number;
      message.drop();
      if (message.awaited) this.parked.set(message.number, message);
    }
  }

  /** It did not get into the store: its number is used for nothing else. */
  failed(number: number): void {
    this.#failed ??= new Set();
    this.#failed.add(number);
    this.settled.add(number);
  }

  /** Back to the front, in order: their link is no more, or the peer takes them later. */
  recall(messages: readonly OutMessage[]): void {
    if (messages.length === 0) return;
    const all = [...messages];
    for (let message = this.ready.shift(); message !== undefined; message = this.ready.shift()) all.push(message);
    this.ready = createFifo();
    for (const message of all.sort((a, b) => a.number - b.number)) this.ready.push(message);
  }

  /** What was there and is not: an entry that does not open any more. The store has reported it. False when it was over anyway. */
  missing(number: number): boolean {
    if (this.settled.has(number)) return false;
    this.settled.add(number);
    this.parked.get(number)?.settle(new TightbeamError("store_damaged", "The entry of this message could not be read any more: it was not delivered."));
    this.parked.delete(number);
    return true;
  }

  /** Whoever waits is told. */
  stop(error: TightbeamError): void {
    for (const message of [...this.flight.values(), ...this.parked.values()]) message.settle(error);
    for (let message = this.ready.shift(); message !== undefined; message = this.ready.shift()) message.settle(error);
  }
}
