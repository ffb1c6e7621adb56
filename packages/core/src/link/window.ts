import { cellType, msgFlag } from "../frame/cell.js";
import { type Ack, type CellBuffer, fragmentMaxBytes, msgOverhead, noCounter, putSequenced } from "./cells.js";
import { createFifo, type Fifo } from "./fifo.js";
import { type Queued, reach } from "./lanes.js";
import { type Cell, createSentRecords } from "./loss.js";
import { createWindowRoom, sizeOf, sliverBytes } from "./room.js";
import type { SendWindow, SendWindowOptions } from "./types.js";

/** The sender's half of reliability: what was sealed and not acknowledged, and what goes next. */
export function createSendWindow({ lanes, pace, credit, sink }: SendWindowOptions): SendWindow {
  const perLane = (): readonly Fifo<Cell>[] => [createFifo(), createFifo(), createFifo(), createFifo()];
  const next = [0, 0, 0, 0];
  const room = createWindowRoom(pace);
  const sent = perLane();
  const lost = perLane();
  let filling: Cell[] = [];
  let lostCells = 0;
  let resent = 0;
  let cellsSent = 0;
  /** Copies of cells that were not judged lost: the peer may well have had them. */
  let probedCopies = 0;
  let repeatedSeen = 0;

  const give = (cell: Cell): void => {
    lostCells++;
    room.arrive(cell);
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
    room.depart(cell);
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
    room.enter(cell);
    room.depart(cell);
    cellsSent++;
    return cell;
  };

  const acknowledgeCell = (cell: Cell, overtakenBelow: number, now: number): void => {
    cell.acknowledged = true;
    const { record } = cell;
    if (record === undefined) {
      lostCells--;
      pace.arrivedLate(now - cell.sentAt, true);
    } else {
      record.waiting--;
      room.arrive(cell);
      if (cell.copies > 1 && record.index > records.newest()) pace.arrivedLate(now - cell.previousSentAt, true);
      else if (record.index < overtakenBelow) pace.arrivedLate(now - cell.sentAt, false);
      if (cell.copies === 1) records.came(record);
    }
    pace.acknowledged(sizeOf(cell));
    const { message } = cell;
    message.unacknowledged--;
    if (message.sealed && message.unacknowledged === 0) sink.acknowledged(message);
  };

  /** The window counts everything from the first gap on, acknowledged or not: it bounds what the peer must hold to put it in order. */
  const acknowledgeLane = (fifo: Fifo<Cell>, below: number, overtakenBelow: number, now: number): void => {
    for (let cell = fifo.peek(); cell !== undefined && cell.sequence < below; cell = fifo.peek()) {
      fifo.shift();
      if (!cell.acknowledged) acknowledgeCell(cell, overtakenBelow, now);
      room.leave(cell);
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

  return {
    fill(buffer, start, most) {
      let at = start;
      for (;;) {
        const left = most - at - msgOverhead;
        if (left < 0) return at;
        const again = nextLost();
        const open = again === undefined && room.isOpen();
        const fits = again !== undefined && room.takesAgain(again);
        let message: Queued | undefined;
        if (open) message = lanes.next(credit, reach.everything);
        // What is lost goes before what is new, but a new critical message waits for no other lane's loss and no full window.
        else if (!fits && room.onReserve(reach.control)) message = lanes.next(credit, reach.control);
        else if (again?.lane !== 0 && room.onReserve(reach.critical)) message = lanes.next(credit, reach.critical);
        if (message === undefined) {
          if (again === undefined || !fits || at + sizeOf(again) > most) return at;
          at = putLost(buffer, at, again);
          continue;
        }
        const space = Math.min(left, open ? room.space() : room.reserveSpace(message.lane === 0));
        if (at > start && !message.abandoned && space < Math.min(message.bytes.length - message.offset, sliverBytes)) return at;
        const cell = takeNew(message, space, !open);
        at = put(buffer, at, cell);
        if (message.sealed) sink.sealed(message, cell.sequence);
      }
    },
    fillProbe(buffer, at, most) {
      const cell = records.oldest();
      if (cell !== undefined) {
        if (at + sizeOf(cell) > most) return at;
        resent++;
        probedCopies++;
        return put(buffer, at, cell);
      }
      const again = nextLost();
      return again === undefined || at + sizeOf(again) > most ? at : putLost(buffer, at, again);
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
      const overtakenBelow = records.newest();
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
      return records.judgeAt();
    },
    get outstanding() {
      return room.cells() > 0 || records.waiting();
    },
    get hasLost() {
      return lostCells > 0;
    },
    get unacknowledgedBytes() {
      return room.bytes();
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
