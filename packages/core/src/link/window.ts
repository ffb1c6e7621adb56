import { cellType, msgFlag } from "../frame/cell.js";
import { protocol } from "../limits.js";
import { type Ack, type CellBuffer, fragmentMaxBytes, msgOverhead, noCounter, putSequenced } from "./cells.js";
import type { SendCredits } from "./credit.js";
import { createFifo, type Fifo } from "./fifo.js";
import { type Lanes, type Queued, type Reach, reach } from "./lanes.js";
import { type Cell, createSentRecords } from "./loss.js";
import type { Pace } from "./pace.js";

const sizeOf = (cell: Cell): number => msgOverhead + cell.end - cell.start;

export interface SendWindow {
  /** Puts lost cells, then new ones, into the buffer, up to `room` bytes. Returns where the next cell goes. */
  fill(buffer: CellBuffer, at: number, room: number): number;
  /** Puts the oldest unacknowledged cell again, whatever the window says. Returns `at` when there is none. */
  fillProbe(buffer: CellBuffer, at: number, room: number): number;
  /** The record just filled went out under this counter. `eliciting`: it asks for an acknowledgement even without cells. Returns whether it asks. */
  sent(session: object, counter: number, now: number, eliciting: boolean): boolean;
  /** The record just filled was not sent: its cells go again. */
  notSent(): void;
  acknowledge(ack: Ack, session: object, now: number): void;
  /** The peer said by other means (LINK) that everything below has come. */
  acknowledgeBelow(next: readonly number[], now: number): void;
  /** Judges losses that have become due. */
  judge(now: number): void;
  /** When `judge` has something to do, or Infinity. */
  readonly judgeAt: number;
  /** Something sent waits for an acknowledgement. */
  readonly outstanding: boolean;
  readonly hasLost: boolean;
  readonly unacknowledgedBytes: number;
  readonly resent: number;
  readonly cellsSent: number;
  /** Next sequence to be given, per lane; and the lowest unacknowledged one. */
  readonly nextToSend: readonly number[];
  readonly acknowledgedBelow: readonly number[];
  /** Messages with unacknowledged cells, each once. */
  pending(): Queued[];
}

/** Told about messages as their fragments enter and leave the window. */
export interface SendWindowSink {
  /** The last fragment has this sequence. */
  sealed(message: Queued, sequence: number): void;
  /** Every fragment was acknowledged. */
  acknowledged(message: Queued): void;
}

export interface SendWindowOptions {
  readonly lanes: Lanes;
  readonly pace: Pace;
  readonly credit: SendCredits;
  readonly sink: SendWindowSink;
}

/** Less room than this at the end of a record or of the window is not worth a cell of a larger message. */
const sliverBytes = 1_024;
/** Of the reserve: the other half is the critical lane's alone, so that large replies cannot stand in its way. */
const controlReserve = 0.5;

/** The sender's half of reliability: what was sealed and not acknowledged, and what goes next. */
export function createSendWindow({ lanes, pace, credit, sink }: SendWindowOptions): SendWindow {
  const perLane = (): readonly Fifo<Cell>[] => [createFifo(), createFifo(), createFifo(), createFifo()];
  const next = [0, 0, 0, 0];
  const sent = perLane();
  const lost = perLane();
  let filling: Cell[] = [];
  let inFlightBytes = 0;
  let windowBytes = 0;
  let windowCells = 0;
  let reservedBytes = 0;
  let reservedCells = 0;
  let lostCells = 0;
  let resent = 0;
  let cellsSent = 0;
  /** Copies of cells that were not judged lost: the peer may well have had them. */
  let probedCopies = 0;
  let repeatedSeen = 0;

  const give = (cell: Cell): void => {
    lostCells++;
    if (!cell.reserved) inFlightBytes -= sizeOf(cell);
    (lost[cell.lane] as Fifo<Cell>).push(cell);
  };
  const records = createSentRecords(pace, give);

  const put = (buffer: CellBuffer, at: number, cell: Cell): number => {
    filling.push(cell);
    const type = cell.message.isDone ? cellType.done : cellType.msg;
    return putSequenced(buffer, at, type, cell.flags, cell.sequence, cell.message.bytes, cell.start, cell.end);
  };

  const nextLost = (): Cell | undefined => {
    if (lostCells === 0) return undefined;
    for (const fifo of lost) {
      for (let cell = fifo.peek(); cell !== undefined; cell = fifo.peek()) {
        if (!cell.acknowledged) return cell;
        fifo.shift();
      }
    }
    return undefined;
  };

  const putLost = (buffer: CellBuffer, at: number, cell: Cell): number => {
    (lost[cell.lane] as Fifo<Cell>).shift();
    lostCells--;
    if (!cell.reserved) inFlightBytes += sizeOf(cell);
    resent++;
    return put(buffer, at, cell);
  };

  const takeNew = (message: Queued, most: number, reserved: boolean): Cell => {
    const lane = message.lane;
    const start = message.offset;
    const length = message.bytes.length;
    const end = message.abandoned ? start : Math.min(length, start + Math.min(most, fragmentMaxBytes));
    let flags: number = lane;
    if (!message.started) {
      flags |= msgFlag.first | (message.intake ? msgFlag.intake : 0) | (message.wantsDone ? msgFlag.wantsDone : 0);
      if (message.intake) credit.spend(lane, length);
    }
    const last = message.abandoned || end === length;
    if (last) flags |= message.abandoned ? msgFlag.abort : msgFlag.last;
    if (message.abandoned && message.intake) credit.refund(lane, length - end);
    const sequence = (next[lane] as number)++;
    const cell: Cell = {
      message,
      lane,
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
    };
    (sent[lane] as Fifo<Cell>).push(cell);
    message.offset = end;
    message.sealed = last;
    message.unacknowledged++;
    lanes.took(message, end - start);
    const size = sizeOf(cell);
    if (reserved) {
      reservedBytes += size;
      reservedCells++;
    } else {
      windowBytes += size;
      windowCells++;
      inFlightBytes += size;
    }
    cellsSent++;
    return cell;
  };

  const acknowledgeCell = (cell: Cell, overtakenBelow: number, now: number): void => {
    cell.acknowledged = true;
    const size = sizeOf(cell);
    const { record } = cell;
    if (record === undefined) {
      lostCells--;
      pace.arrivedLate(now - cell.sentAt, true);
    } else {
      record.waiting--;
      if (!cell.reserved) inFlightBytes -= size;
      if (cell.copies > 1 && record.index > records.newest) pace.arrivedLate(now - cell.previousSentAt, true);
      else if (record.index < overtakenBelow) pace.arrivedLate(now - cell.sentAt, false);
      if (cell.copies === 1) records.came(record);
    }
    pace.acknowledged(size);
    const { message } = cell;
    message.unacknowledged--;
    if (message.sealed && message.unacknowledged === 0) sink.acknowledged(message);
  };

  /** The window counts everything from the first gap on, acknowledged or not: it bounds what the peer must hold to put it in order. */
  const acknowledgeLane = (fifo: Fifo<Cell>, below: number, overtakenBelow: number, now: number): void => {
    for (let cell = fifo.peek(); cell !== undefined && cell.sequence < below; cell = fifo.peek()) {
      fifo.shift();
      if (!cell.acknowledged) acknowledgeCell(cell, overtakenBelow, now);
      if (cell.reserved) {
        reservedBytes -= sizeOf(cell);
        reservedCells--;
      } else {
        windowBytes -= sizeOf(cell);
        windowCells--;
      }
    }
  };

  const acknowledgeRanges = (fifo: Fifo<Cell>, ranges: Ack["lanes"][number]["ranges"], overtakenBelow: number, now: number): void => {
    const base = fifo.peek()?.sequence ?? 0;
    for (const range of ranges) {
      const start = Math.max(range.start, base);
      const first = fifo.at(start - base);
      if (first === undefined) return;
      for (let sequence = Math.max(start, first.acknowledgedTo); sequence < range.end; sequence++) {
        const cell = fifo.at(sequence - base);
        if (cell === undefined) return;
        if (!cell.acknowledged) acknowledgeCell(cell, overtakenBelow, now);
      }
      first.acknowledgedTo = range.end;
    }
  };

  /** The peer had some of what was sent again: unless as a probe, it was late, not lost. */
  const noteRepeated = (total: number, now: number): void => {
    const more = (total - repeatedSeen) & 0xffff;
    if (more === 0 || more >= 0x8000) return;
    repeatedSeen = total;
    const probed = Math.min(more, probedCopies);
    probedCopies -= probed;
    if (more > probed) pace.resentInVain(now);
  };

  /** What the reserve lets pass now, and for how many bytes. */
  const onReserve = (farthest: Reach, share: number): boolean =>
    farthest >= reach.critical &&
    reservedCells < protocol.windowReserveCells * share &&
    reservedBytes + msgOverhead + sliverBytes <= protocol.windowReserveBytes * share;

  return {
    fill(buffer, start, room) {
      let at = start;
      for (;;) {
        const left = room - at - msgOverhead;
        if (left < 0) return at;
        const again = nextLost();
        const fits = again !== undefined && (again.reserved || inFlightBytes === 0 || inFlightBytes + sizeOf(again) <= pace.window);
        let space = Math.min(pace.window - inFlightBytes, protocol.windowMaxBytes - windowBytes) - msgOverhead;
        const open = again === undefined && space >= sliverBytes && windowCells < protocol.windowMaxCells;
        let message: Queued | undefined;
        if (open) message = lanes.next(credit, reach.everything);
        else {
          // What is lost goes before what is new, but a new critical message waits for no other lane's loss and no full window.
          const control = !fits && onReserve(reach.control, controlReserve);
          const critical = control || (again?.lane !== 0 && onReserve(reach.critical, 1));
          if (critical) message = lanes.next(credit, control ? reach.control : reach.critical);
          space = protocol.windowReserveBytes * (message?.lane === 0 ? 1 : controlReserve) - reservedBytes - msgOverhead;
        }
        if (message === undefined) {
          if (again === undefined || !fits || at + sizeOf(again) > room) return at;
          at = putLost(buffer, at, again);
          continue;
        }
        const most = Math.min(left, space);
        if (at > start && !message.abandoned && most < Math.min(message.bytes.length - message.offset, sliverBytes)) return at;
        const cell = takeNew(message, most, !open);
        at = put(buffer, at, cell);
        if (message.sealed) sink.sealed(message, cell.sequence);
      }
    },
    fillProbe(buffer, at, room) {
      const cell = records.oldest();
      if (cell !== undefined) {
        if (at + sizeOf(cell) > room) return at;
        resent++;
        probedCopies++;
        return put(buffer, at, cell);
      }
      const again = nextLost();
      return again === undefined || at + sizeOf(again) > room ? at : putLost(buffer, at, again);
    },
    sent(session, counter, now, eliciting) {
      if (filling.length === 0 && !eliciting) return false;
      records.add(session, counter, now, filling);
      filling = [];
      return true;
    },
    notSent() {
      for (const cell of filling) if (cell.record === undefined) give(cell);
      filling = [];
    },
    acknowledge(ack, session, now) {
      const overtakenBelow = records.newest;
      if (ack.highest !== noCounter) records.reported(session, ack.highest, ack.delay / 1_000, now);
      for (const { lane, next: below, ranges } of ack.lanes) {
        // What was never sent cannot have come: not believed, and nothing of it is taken.
        if (below > (next[lane] as number)) continue;
        const fifo = sent[lane] as Fifo<Cell>;
        acknowledgeLane(fifo, below, overtakenBelow, now);
        if (ranges.length > 0) acknowledgeRanges(fifo, ranges, overtakenBelow, now);
      }
      noteRepeated(ack.repeated, now);
      records.judge(now);
    },
    acknowledgeBelow(below, now) {
      for (let lane = 0; lane < 4; lane++) acknowledgeLane(sent[lane] as Fifo<Cell>, Math.min(below[lane] ?? 0, next[lane] as number), -1, now);
      records.judge(now);
    },
    judge: records.judge,
    get judgeAt() {
      return records.judgeAt;
    },
    get outstanding() {
      return windowCells + reservedCells > 0 || records.waiting;
    },
    get hasLost() {
      return lostCells > 0;
    },
    get unacknowledgedBytes() {
      return windowBytes + reservedBytes;
    },
    get resent() {
      return resent;
    },
    get cellsSent() {
      return cellsSent;
    },
    nextToSend: next,
    get acknowledgedBelow() {
      return sent.map((fifo, lane) => fifo.peek()?.sequence ?? (next[lane] as number));
    },
    pending() {
      const messages = new Set<Queued>();
      for (const fifo of sent) for (let index = 0; index < fifo.length; index++) messages.add((fifo.at(index) as Cell).message);
      return [...messages].filter((message) => message.unacknowledged > 0);
    },
  };
}
