import { empty } from "../bytes.js";
import type { MemoryBudget } from "./budget.js";
import type { Ack, Grant } from "./cells.js";
import type { SendCredits } from "./credit.js";
import type { Inbound } from "./inbound.js";
import type { Lane } from "./message.js";
import { createReceiveOrder, type OrderSink, type ReceivedCounter, type ReceiveOrder } from "./order.js";
import { type CellVisitor, readCells } from "./read-cells.js";
import type { Signals } from "./signals.js";
import type { SendWindow } from "./types.js";

/** Why the link ends: what the peer said, or what it did wrong. */
export interface Verdict {
  readonly code: string;
  readonly byPeer: boolean;
}

/** Takes records that came apart: each cell goes to the part of the conversation that it is for, those of messages in the order of their lane. */
export interface RecordReader {
  /** While one is read. */
  readonly record: Uint8Array | undefined;
  readonly verdict: Verdict | undefined;
  /** The conversation has ended, perhaps while a record is read: what is left of it counts no more. */
  over: boolean;
  readonly order: ReceiveOrder;
  read(record: Uint8Array, session: object, counter: ReceivedCounter, value: number, time: number, wall: number): Verdict | undefined;
  /** The first verdict stands: false when there is one. Who reads a record tells the link of it afterwards. */
  judge(code: string, byPeer: boolean): boolean;
}

export interface RecordReaderOptions {
  readonly budget: MemoryBudget;
  readonly window: SendWindow;
  readonly credit: SendCredits;
  readonly inbound: Inbound;
  readonly signals: Signals;
}

class ConversationReader implements RecordReader, CellVisitor, OrderSink {
  record: Uint8Array | undefined;
  verdict: Verdict | undefined;
  over = false;
  readonly order: ReceiveOrder;
  readonly #options: RecordReaderOptions;
  #eliciting = false;
  #session: object = empty;
  #now = 0;
  #wallNow = 0;

  constructor(options: RecordReaderOptions) {
    this.order = createReceiveOrder({ budget: options.budget, sink: this });
    this.#options = options;
  }

  read(record: Uint8Array, session: object, counter: ReceivedCounter, value: number, time: number, wall: number): Verdict | undefined {
    this.record = record;
    this.#session = session;
    this.#now = time;
    this.#wallNow = wall;
    this.#eliciting = false;
    const wellFormed = readCells(record, this);
    this.record = undefined;
    this.#session = empty;
    if (!wellFormed) this.judge("malformed", false);
    if (this.#eliciting) this.order.recordRead(counter, value, record.length, time);
    return this.verdict;
  }

  sequenced(type: number, flags: number, lane: Lane, sequence: number, start: number, end: number): void {
    if (this.record === undefined || this.verdict !== undefined || this.over) return;
    this.#eliciting = true;
    this.order.take(type, flags, lane, sequence, this.record.subarray(start, end));
  }

  ack(ack: Ack): void {
    if (!this.over) this.#options.window.acknowledge(ack, this.#session, this.#now);
  }

  credit(grant: Grant | undefined, blocked: boolean): void {
    if (grant !== undefined) this.#options.credit.grant(grant);
    if (blocked) this.#options.inbound.credit.asked();
  }

  ping(wall: number): void {
    this.#eliciting = true;
    this.#options.signals.pong(wall);
  }

  pong(echoed: number, wall: number): void {
    this.#options.signals.ponged(echoed, wall, this.#wallNow);
  }

  closed(code: string): void {
    this.judge(code, true);
  }

  inOrder(type: number, flags: number, lane: Lane, sequence: number, data: Uint8Array): void {
    if (this.verdict !== undefined || this.over) return;
    const wrong = this.#options.inbound.take(type, flags, lane, sequence, data);
    if (wrong !== undefined) this.judge(wrong, false);
  }

  judge(code: string, byPeer: boolean): boolean {
    if (this.verdict !== undefined || this.over) return false;
    this.verdict = { code, byPeer };
    return true;
  }
}

export const createRecordReader = (options: RecordReaderOptions): RecordReader => new ConversationReader(options);
