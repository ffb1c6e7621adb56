import * as cellType from "../frame/cell-type.js";
import * as msgFlag from "../frame/msg-flag.js";
import { type Ack, type CellBuffer, fragmentMaxBytes, msgOverhead, noCounter, putSequenced, totalBytes } from "./cells.js";
import type { SendCredits } from "./credit.js";
import { createFifo, type Fifo } from "./fifo.js";
import { type Lanes, type Queued, reach } from "./lanes.js";
import { type Cell, createSentRecords, newCell, type SentRecords } from "./loss.js";
import { createLostCells } from "./lost.js";
import type { Pace } from "./pace.js";
import { createWindowRoom, leastOf, sizeOf, type WindowRoom } from "./room.js";
import type { SendWindow, SendWindowOptions, SendWindowSink } from "./types.js";

/** The sender's half of reliability: what was sealed and not acknowledged, and what goes next. */
class LinkSendWindow implements SendWindow {
  resent = 0;
  cellsSent = 0;
  readonly nextToSend = [0, 0, 0, 0];
  readonly #lanes: Lanes;
  readonly #pace: Pace;
  readonly #credit: SendCredits;
  readonly #sink: SendWindowSink;
  readonly #room: WindowRoom;
  readonly #records: SentRecords;
  readonly #sent: readonly Fifo<Cell>[] = [createFifo(), createFifo(), createFifo(), createFifo()];
  readonly #lost = createLostCells();
  /** What the record being filled holds. */
  #filling: Cell[] = [];
  /** Copies of cells that were not judged lost: the peer may well have had them. */
  #probedCopies = 0;
  #repeatedSeen = 0;

  constructor({ lanes, pace, credit, sink }: SendWindowOptions) {
    this.#lanes = lanes;
    this.#pace = pace;
    this.#credit = credit;
    this.#sink = sink;
    this.#room = createWindowRoom(pace);
    this.#records = createSentRecords(pace, (cell) => this.#give(cell));
  }

  fill(buffer: CellBuffer, start: number, most: number): number {
    const room = this.#room;
    let at = start;
    for (;;) {
      const left = most - at - msgOverhead;
      if (left < 0) return at;
      const again = this.#lost.first();
      const open = again === undefined && room.isOpen();
      const fits = again !== undefined && room.takesAgain(again);
      let message: Queued | undefined;
      if (open) message = this.#lanes.next(this.#credit, reach.everything);
      // What is lost goes before what is new, but a new critical message waits for no other lane's loss and no full window.
      else if (!fits && room.onReserve(reach.control)) message = this.#lanes.next(this.#credit, reach.control);
      else if (again?.lane !== 0 && room.onReserve(reach.critical)) message = this.#lanes.next(this.#credit, reach.critical);
      if (message === undefined) {
        if (again === undefined || !fits || at + sizeOf(again) > most) return at;
        at = this.#putLost(buffer, at, again);
        continue;
      }
      const space = Math.min(left, open ? room.space() : room.reserveSpace(message.lane === 0));
      if (!message.abandoned && space < leastOf(message, at === start)) return at;
      const cell = this.#takeNew(message, space, !open);
      at = this.#put(buffer, at, cell);
      if (message.sealed) this.#sink.sealed(message, cell.sequence);
    }
  }

  fillProbe(buffer: CellBuffer, at: number, most: number): number {
    const cell = this.#records.oldest();
    if (cell !== undefined) {
      if (at + sizeOf(cell) > most) return at;
      this.resent++;
      this.#probedCopies++;
      return this.#put(buffer, at, cell);
    }
    const again = this.#lost.first();
    return again === undefined || at + sizeOf(again) > most ? at : this.#putLost(buffer, at, again);
  }

  sent(session: object, counter: number, now: number, eliciting: boolean): boolean {
    if (this.#filling.length === 0 && !eliciting) return false;
    this.#records.add(session, counter, now, this.#filling);
    this.#filling = [];
    return true;
  }

  notSent(): void {
    for (const cell of this.#filling) if (cell.record === undefined) this.#give(cell);
    this.#filling = [];
  }

  acknowledge(ack: Ack, session: object, now: number): void {
    const overtakenBelow = this.#records.newest();
    if (ack.highest !== noCounter) this.#records.reported(session, ack.highest, ack.delay / 1_000, now);
    for (const { lane, next: below, ranges } of ack.lanes) {
      // What was never sent cannot have come: not believed, and nothing of it is taken.
      if (below > (this.nextToSend[lane] as number)) continue;
      const fifo = this.#sent[lane] as Fifo<Cell>;
      this.#acknowledgeLane(fifo, below, overtakenBelow, now);
      if (ranges.length > 0) this.#acknowledgeRanges(fifo, ranges, overtakenBelow, now);
    }
    this.#noteRepeated(ack.repeated, now);
    this.#records.judge(now);
  }

  acknowledgeBelow(below: readonly number[], now: number): void {
    for (const [lane, fifo] of this.#sent.entries()) {
      this.#acknowledgeLane(fifo, Math.min(below[lane] ?? 0, this.nextToSend[lane] as number), -1, now);
    }
    this.#records.judge(now);
  }

  judge(now: number): void {
    this.#records.judge(now);
  }

  takes(cells: number, bytes: number): boolean {
    return this.#lost.count === 0 && this.#room.takes(cells, bytes);
  }

  get judgeAt(): number {
    return this.#records.judgeAt();
  }

  get outstanding(): boolean {
    return this.#room.cells() > 0 || this.#records.waiting();
  }

  get hasLost(): boolean {
    return this.#lost.count > 0;
  }

  get unacknowledgedBytes(): number {
    return this.#room.bytes();
  }

  get acknowledgedBelow(): readonly number[] {
    return this.#sent.map((fifo, lane) => fifo.peek()?.sequence ?? (this.nextToSend[lane] as number));
  }

  pending(): Queued[] {
    const messages = new Set<Queued>();
    for (const fifo of this.#sent) for (let index = 0; index < fifo.length; index++) messages.add((fifo.at(index) as Cell).message);
    return [...messages].filter((message) => message.unacknowledged > 0);
  }

  #give(cell: Cell): void {
    this.#room.arrive(cell);
    this.#lost.add(cell);
  }

  #takeNew(message: Queued, most: number, reserved: boolean): Cell {
    const lane = message.lane;
    const start = message.offset;
    const length = message.bytes.length;
    let end = message.abandoned ? start : Math.min(length, start + Math.min(most, fragmentMaxBytes));
    if (!message.started && end < length) end -= totalBytes;
    let flags: number = lane;
    if (!message.started) {
      flags |= msgFlag.first | (message.intake ? msgFlag.intake : 0) | (message.wantsDone ? msgFlag.wantsDone : 0);
      if (message.intake) this.#credit.spend(lane, length);
    }
    const last = message.abandoned || end === length;
    if (last) flags |= message.abandoned ? msgFlag.abort : msgFlag.last;
    if (message.abandoned && message.intake) this.#credit.refund(lane, length - end);
    const sequence = (this.nextToSend[lane] as number)++;
    const cell = newCell(message, sequence, flags, start, end, reserved);
    (this.#sent[lane] as Fifo<Cell>).push(cell);
    message.offset = end;
    message.sealed = last;
    message.unacknowledged++;
    this.#lanes.took(message, end - start);
    this.#room.enter(cell);
    this.#room.depart(cell);
    this.cellsSent++;
    return cell;
  }

  #put(buffer: CellBuffer, at: number, cell: Cell): number {
    this.#filling.push(cell);
    const type = cell.message.isDone ? cellType.done : cellType.msg;
    return putSequenced(buffer, at, type, cell.flags, cell.sequence, cell.message.bytes, cell.start, cell.end);
  }

  #putLost(buffer: CellBuffer, at: number, cell: Cell): number {
    this.#lost.take(cell);
    this.#room.depart(cell);
    this.resent++;
    return this.#put(buffer, at, cell);
  }

  #acknowledgeCell(cell: Cell, overtakenBelow: number, now: number): void {
    cell.acknowledged = true;
    const { record } = cell;
    if (record === undefined) {
      this.#lost.came();
      this.#pace.arrivedLate(now - cell.sentAt, true);
    } else {
      record.waiting--;
      this.#room.arrive(cell);
      if (cell.copies > 1 && record.index > this.#records.newest()) this.#pace.arrivedLate(now - cell.previousSentAt, true);
      else if (record.index < overtakenBelow) this.#pace.arrivedLate(now - cell.sentAt, false);
      if (cell.copies === 1) this.#records.came(record);
    }
    this.#pace.acknowledged(sizeOf(cell));
    const { message } = cell;
    message.unacknowledged--;
    if (message.sealed && message.unacknowledged === 0) this.#sink.acknowledged(message);
  }

  /** The window counts everything from the first gap on, acknowledged or not: it bounds what the peer must hold to put it in order. */
  #acknowledgeLane(fifo: Fifo<Cell>, below: number, overtakenBelow: number, now: number): void {
    for (let cell = fifo.peek(); cell !== undefined && cell.sequence < below; cell = fifo.peek()) {
      fifo.shift();
      if (!cell.acknowledged) this.#acknowledgeCell(cell, overtakenBelow, now);
      this.#room.leave(cell);
    }
  }

  #acknowledgeRanges(fifo: Fifo<Cell>, ranges: Ack["lanes"][number]["ranges"], overtakenBelow: number, now: number): void {
    const base = fifo.peek()?.sequence ?? 0;
    for (const range of ranges) {
      const start = Math.max(range.start, base);
      const first = fifo.at(start - base);
      if (first === undefined) return;
      for (let sequence = Math.max(start, first.acknowledgedTo); sequence < range.end; sequence++) {
        const cell = fifo.at(sequence - base);
        if (cell === undefined) return;
        if (!cell.acknowledged) this.#acknowledgeCell(cell, overtakenBelow, now);
      }
      first.acknowledgedTo = range.end;
    }
  }

  /** The peer had some of what was sent again: unless as a probe, it was late, not lost. */
  #noteRepeated(total: number, now: number): void {
    const more = (total - this.#repeatedSeen) & 0xffff;
    if (more === 0 || more >= 0x8000) return;
    this.#repeatedSeen = total;
    const probed = Math.min(more, this.#probedCopies);
    this.#probedCopies -= probed;
    if (more > probed) this.#pace.resentInVain(now);
  }
}

export const createSendWindow = (options: SendWindowOptions): SendWindow => new LinkSendWindow(options);
