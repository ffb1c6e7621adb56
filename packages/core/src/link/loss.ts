import { createFifo } from "./fifo.js";
import type { Queued } from "./lanes.js";
import type { Lane } from "./message.js";
import type { Pace } from "./pace.js";

/** A sealed fragment. */
export interface Cell {
  readonly message: Queued;
  readonly lane: Lane;
  readonly sequence: number;
  readonly flags: number;
  readonly start: number;
  readonly end: number;
  /** Sent on the part of the window that is kept for control and the critical lane. */
  readonly reserved: boolean;
  /** The record that carried it last and is still waited for; undefined when it is to be sent (again). */
  record: SentRecord | undefined;
  acknowledged: boolean;
  /** From here to before this sequence all are known to be acknowledged: an ACK says the same ranges again and again. */
  acknowledgedTo: number;
  copies: number;
  sentAt: number;
  /** When the copy before the last one went. */
  previousSentAt: number;
}

export const newCell = (message: Queued, sequence: number, flags: number, start: number, end: number, reserved: boolean): Cell => ({
  message,
  lane: message.lane,
  sequence,
  flags,
  start,
  end,
  reserved,
  record: undefined,
  acknowledged: false,
  acknowledgedTo: 0,
  copies: 0,
  sentAt: 0,
  previousSentAt: 0,
});

export interface SentRecord {
  /** Position in the order of all records of the link that ask for an acknowledgement. */
  readonly index: number;
  readonly session: object;
  readonly counter: number;
  readonly sentAt: number;
  readonly cells: readonly Cell[];
  /** Cells that were not sent again since and not acknowledged. */
  waiting: number;
}

/** The records that wait for an acknowledgement, over all sessions, and the judgement of what is lost: by time and order (RFC 8985, RFC 9002 section 6.1), never by the first gap. */
export interface SentRecords {
  add(session: object, counter: number, now: number, cells: readonly Cell[]): void;
  /** The peer reports this record as the newest it has, held for `delay` ms. */
  reported(session: object, counter: number, delay: number, now: number): void;
  /** A cell of this record was acknowledged and had only this copy: the record came, whatever else the peer reports. */
  came(record: SentRecord): void;
  /** Hands over every cell that is lost by now. */
  judge(now: number): void;
  /** When `judge` has something to do, or Infinity. */
  judgeAt(): number;
  /** Index of the newest record known to have come, -1 before any. */
  newest(): number;
  /** The last record is not acknowledged. */
  waiting(): boolean;
  oldest(): Cell | undefined;
}

class LinkSentRecords implements SentRecords {
  readonly #pace: Pace;
  readonly #lost: (cell: Cell) => void;
  readonly #records = createFifo<SentRecord>();
  #nextIndex = 0;
  #newest = -1;
  #judgeAt = Number.POSITIVE_INFINITY;
  #presentSession: object | undefined;
  #presentFrom = 0;

  constructor(pace: Pace, lost: (cell: Cell) => void) {
    this.#pace = pace;
    this.#lost = lost;
  }

  add(session: object, counter: number, now: number, cells: readonly Cell[]): void {
    if (session !== this.#presentSession) {
      this.#presentSession = session;
      this.#presentFrom = this.#nextIndex;
    }
    const record: SentRecord = { index: this.#nextIndex++, session, counter, sentAt: now, cells, waiting: cells.length };
    for (const cell of cells) {
      if (cell.record !== undefined) cell.record.waiting--;
      cell.record = record;
      cell.copies++;
      cell.previousSentAt = cell.sentAt;
      cell.sentAt = now;
    }
    this.#records.push(record);
  }

  reported(session: object, counter: number, delay: number, now: number): void {
    const record = this.#find(session, counter);
    if (record === undefined || record.index <= this.#newest) return;
    this.#newest = record.index;
    this.#pace.roundTrip(now - record.sentAt, delay, now);
  }

  came(record: SentRecord): void {
    if (record.index > this.#newest) this.#newest = record.index;
  }

  judge(now: number): void {
    this.#judgeAt = Number.POSITIVE_INFINITY;
    for (let position = 0; ; position++) {
      const record = this.#records.at(position);
      if (record === undefined || record.index >= this.#newest) break;
      if (record.waiting === 0) continue;
      const due = record.sentAt + this.#pace.lossAfter();
      if (due > now) {
        this.#judgeAt = due;
        break;
      }
      this.#pace.lost(record.sentAt, now);
      record.waiting = 0;
      for (const cell of record.cells) {
        if (cell.record !== record || cell.acknowledged) continue;
        cell.record = undefined;
        this.#lost(cell);
      }
    }
    this.#trim();
  }

  judgeAt(): number {
    return this.#judgeAt;
  }

  newest(): number {
    return this.#newest;
  }

  waiting(): boolean {
    return this.#nextIndex > this.#newest + 1;
  }

  oldest(): Cell | undefined {
    for (let position = 0; position < this.#records.length; position++) {
      const record = this.#records.at(position) as SentRecord;
      if (record.waiting > 0) return record.cells.find((cell) => cell.record === record && !cell.acknowledged);
    }
    return undefined;
  }

  /** The indices in the queue are contiguous, and the counters of one session ascend. */
  #find(session: object, counter: number): SentRecord | undefined {
    const records = this.#records;
    const first = records.peek()?.index ?? this.#nextIndex;
    let low = 0;
    let high = records.length;
    if (session === this.#presentSession) low = Math.max(0, this.#presentFrom - first);
    else {
      while (low < high && records.at(low)?.session !== session) low++;
      for (let end = low; end < high; end++) if (records.at(end)?.session !== session) high = end;
    }
    while (low < high) {
      const middle = (low + high) >> 1;
      const record = records.at(middle) as SentRecord;
      if (record.counter === counter) return record;
      if (record.counter < counter) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  #trim(): void {
    // One whose cells all went again, as probes, may still be reported: it alone tells how long the way is.
    for (let record = this.#records.peek(); record?.waiting === 0 && record.index <= this.#newest; record = this.#records.peek()) this.#records.shift();
  }
}

export const createSentRecords = (pace: Pace, lost: (cell: Cell) => void): SentRecords => new LinkSentRecords(pace, lost);
