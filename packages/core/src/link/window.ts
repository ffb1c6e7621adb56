import { cellType, msgFlag } from "../frame/cell.js";
import { limits, protocol } from "../limits.js";
import { type Ack, type CellBuffer, fragmentMaxBytes, msgOverhead, noCounter, putSequenced } from "./cells.js";
import { createFifo, type Fifo } from "./fifo.js";
import type { Lanes, Queued } from "./lanes.js";
import type { Lane } from "./message.js";
import type { Pace } from "./pace.js";

/** A sealed fragment the peer has not acknowledged yet. */
interface Cell {
  readonly message: Queued;
  readonly lane: Lane;
  readonly sequence: number;
  readonly flags: number;
  readonly start: number;
  readonly end: number;
  /** The record that carried it last. */
  record: SentRecord | undefined;
  firstSentAt: number;
  sentAt: number;
  state: "in flight" | "lost" | "acknowledged";
}

interface SentRecord {
  readonly index: number;
  readonly session: object;
  counter: number;
  sentAt: number;
  readonly cells: Cell[];
  /** Bytes of its cells. */
  bytes: number;
}

const sizeOf = (cell: Cell): number => msgOverhead + cell.end - cell.start;

export interface SendWindow {
  /** Puts lost cells, then new ones, into the buffer, up to `room` bytes. Returns where the next cell goes. */
  fill(buffer: CellBuffer, at: number, room: number, now: number, creditLeft: () => boolean, spend: (bytes: number) => void): number;
  /** Puts the oldest unacknowledged cell again, whatever the window says. Returns `at` when there is none. */
  fillProbe(buffer: CellBuffer, at: number, room: number): number;
  /** The record just filled went out under this counter. `eliciting`: it asks for an acknowledgement even without cells. */
  sent(session: object, counter: number, now: number, eliciting: boolean): void;
  /** The record just filled was not sent: its cells are lost at once. */
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
  readonly lastSentAt: number;
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

/** The sender's half of reliability: what was sealed and not acknowledged, what is lost (RFC 8985, 9002), what goes again. */
export function createSendWindow(lanes: Lanes, pace: Pace, sink: SendWindowSink): SendWindow {
  const sent: readonly Fifo<Cell>[] = [createFifo(), createFifo(), createFifo(), createFifo()];
  const next = [0, 0, 0, 0];
  const lost: Fifo<Cell>[] = [createFifo(), createFifo(), createFifo(), createFifo()];
  const records = createFifo<SentRecord>();
  let filling: Cell[] = [];
  let fillingBytes = 0;
  let recordIndex = 0;
  let highestAcknowledged = -1;
  let inFlightBytes = 0;
  let windowBytes = 0;
  let windowCells = 0;
  /** Records before this one were overtaken when the present ACK came. */
  let overtakenBelow = -1;
  let lostCells = 0;
  let judgeAt = Number.POSITIVE_INFINITY;
  let lastSentAt = Number.NEGATIVE_INFINITY;
  let resent = 0;
  let cellsSent = 0;

  const put = (buffer: CellBuffer, at: number, cell: Cell): number => {
    filling.push(cell);
    fillingBytes += sizeOf(cell);
    const type = cell.message.isDone ? cellType.done : cellType.msg;
    return putSequenced(buffer, at, type, cell.flags, cell.sequence, cell.message.bytes, cell.start, cell.end);
  };

  const nextLost = (): Cell | undefined => {
    for (const fifo of lost) {
      for (let cell = fifo.peek(); cell !== undefined; cell = fifo.peek()) {
        if (cell.state === "lost") return cell;
        fifo.shift();
      }
    }
    return undefined;
  };

  const takeNew = (message: Queued, most: number): Cell => {
    const lane = message.lane;
    const start = message.offset;
    const end = message.abandoned ? start : Math.min(message.bytes.length, start + Math.min(most, fragmentMaxBytes));
    let flags: number = lane;
    if (!message.started) flags |= msgFlag.first | (message.intake ? msgFlag.intake : 0) | (message.wantsDone ? msgFlag.wantsDone : 0);
    const last = message.abandoned || end === message.bytes.length;
    if (last) flags |= message.abandoned ? msgFlag.abort : msgFlag.last;
    const cell: Cell = { message, lane, sequence: next[lane] as number, flags, start, end, record: undefined, firstSentAt: -1, sentAt: 0, state: "in flight" };
    next[lane] = cell.sequence + 1;
    (sent[lane] as Fifo<Cell>).push(cell);
    message.offset = end;
    message.sealed = last;
    message.unacknowledged++;
    lanes.took(message, end - start);
    const size = sizeOf(cell);
    windowBytes += size;
    windowCells++;
    inFlightBytes += size;
    return cell;
  };

  const markLost = (cell: Cell): void => {
    cell.state = "lost";
    inFlightBytes -= sizeOf(cell);
    lostCells++;
    (lost[cell.lane] as Fifo<Cell>).push(cell);
  };

  const acknowledgeCell = (cell: Cell, now: number): void => {
    if (cell.state === "acknowledged") return;
    const size = sizeOf(cell);
    if (cell.state === "lost") {
      lostCells--;
      pace.arrivedLate(now - cell.firstSentAt);
    } else {
      inFlightBytes -= size;
      const index = cell.record?.index ?? 0;
      // Overtaken by a later record, or acknowledged before its second copy can have come: reordering, not loss.
      if (index < overtakenBelow) pace.arrivedLate(now - cell.sentAt);
      else if (index > highestAcknowledged && cell.firstSentAt < cell.sentAt) pace.arrivedLate(now - cell.firstSentAt);
    }
    cell.state = "acknowledged";
    pace.acknowledged(size);
    const { message } = cell;
    message.unacknowledged--;
    if (message.sealed && message.unacknowledged === 0) sink.acknowledged(message);
  };

  /** The window counts everything from the first gap on, acknowledged or not: it bounds what the peer must hold to put it in order. */
  const acknowledgeLane = (lane: number, below: number, now: number): void => {
    const fifo = sent[lane] as Fifo<Cell>;
    for (let cell = fifo.peek(); cell !== undefined && cell.sequence < below; cell = fifo.peek()) {
      fifo.shift();
      acknowledgeCell(cell, now);
      windowBytes -= sizeOf(cell);
      windowCells--;
    }
  };

  const judge = (now: number): void => {
    judgeAt = Number.POSITIVE_INFINITY;
    for (let index = 0; ; index++) {
      const record = records.at(index);
      if (record === undefined || record.index >= highestAcknowledged) break;
      let waiting = false;
      const due = record.sentAt + pace.lossAfter;
      for (const cell of record.cells) {
        if (cell.record !== record || cell.state !== "in flight") continue;
        if (due > now) {
          waiting = true;
          break;
        }
        pace.lost(record.sentAt, now);
        markLost(cell);
      }
      if (waiting) {
        judgeAt = due;
        break;
      }
    }
    for (let record = records.peek(); record !== undefined && record.index <= highestAcknowledged; record = records.peek()) {
      if (record.cells.some((cell) => cell.record === record && cell.state === "in flight")) break;
      records.shift();
    }
  };

  /** Finds the newest record the peer reports, takes a round trip from it, and lets loss be judged against it. */
  const noteHighest = (ack: Ack, session: object, now: number): void => {
    if (ack.highest === noCounter) return;
    for (let index = 0; ; index++) {
      const record = records.at(index);
      if (record === undefined) return;
      if (record.session !== session || record.counter < ack.highest) continue;
      if (record.counter > ack.highest) return;
      if (record.index > highestAcknowledged) {
        highestAcknowledged = record.index;
        pace.roundTrip(now - record.sentAt - ack.delay / 1000);
      }
      return;
    }
  };

  return {
    fill(buffer, start, room, now, creditLeft, spend) {
      let at = start;
      for (let cell = nextLost(); cell !== undefined; cell = nextLost()) {
        const size = sizeOf(cell);
        const reserve = cell.lane === 0 ? protocol.windowReserveBytes : 0;
        if (at + size > room || (inFlightBytes > 0 && inFlightBytes + size > pace.window + reserve)) return at;
        (lost[cell.lane] as Fifo<Cell>).shift();
        lostCells--;
        cell.state = "in flight";
        inFlightBytes += size;
        resent++;
        at = put(buffer, at, cell);
      }
      for (;;) {
        const left = room - at - msgOverhead;
        if (left < 0) return at;
        const bytes = Math.min(pace.window - inFlightBytes, protocol.windowMaxBytes - windowBytes) - msgOverhead;
        const reserveOnly = bytes <= 0 || windowCells >= protocol.windowMaxCells;
        if (reserveOnly) {
          const full = windowCells >= protocol.windowMaxCells + protocol.windowReserveCells;
          if (full || bytes + protocol.windowReserveBytes <= 0) return at;
        }
        const message = lanes.next({ intake: creditLeft(), reserveOnly });
        if (message === undefined) return at;
        const most = Math.min(left, reserveOnly ? bytes + protocol.windowReserveBytes : Math.max(bytes, 1));
        // A sliver at the end of a record or of the window would cost a cell of its own: wait for room instead.
        if (!message.abandoned && most < Math.min(message.bytes.length - message.offset, 1024)) return at;
        if (message.intake && !message.started) spend(message.bytes.length);
        const cell = takeNew(message, most);
        at = put(buffer, at, cell);
        cellsSent++;
        if (message.sealed) sink.sealed(message, cell.sequence);
      }
    },
    fillProbe(buffer, at, room) {
      for (let index = 0; ; index++) {
        const record = records.at(index);
        if (record === undefined) break;
        const cell = record.cells.find((candidate) => candidate.record === record && candidate.state === "in flight");
        if (cell === undefined) continue;
        if (at + sizeOf(cell) > room) return at;
        resent++;
        return put(buffer, at, cell);
      }
      const cell = nextLost();
      if (cell === undefined || at + sizeOf(cell) > room) return at;
      (lost[cell.lane] as Fifo<Cell>).shift();
      lostCells--;
      cell.state = "in flight";
      inFlightBytes += sizeOf(cell);
      resent++;
      return put(buffer, at, cell);
    },
    sent(session, counter, now, eliciting) {
      if (filling.length === 0 && !eliciting) return;
      const record: SentRecord = { index: recordIndex++, session, counter, sentAt: now, cells: filling, bytes: fillingBytes };
      for (const cell of filling) {
        cell.record = record;
        if (cell.firstSentAt < 0) cell.firstSentAt = now;
        cell.sentAt = now;
      }
      records.push(record);
      lastSentAt = now;
      filling = [];
      fillingBytes = 0;
    },
    notSent() {
      for (const cell of filling) if (cell.state === "in flight") markLost(cell);
      filling = [];
      fillingBytes = 0;
    },
    acknowledge(ack, session, now) {
      overtakenBelow = highestAcknowledged;
      noteHighest(ack, session, now);
      for (const { lane, next: below, ranges } of ack.lanes) {
        if (below > (next[lane] as number)) continue;
        acknowledgeLane(lane, below, now);
        const fifo = sent[lane] as Fifo<Cell>;
        const base = fifo.peek()?.sequence ?? 0;
        for (const range of ranges) {
          for (let sequence = Math.max(range.start, base); sequence < range.end; sequence++) {
            const cell = fifo.at(sequence - base);
            if (cell === undefined) break;
            if (cell.state !== "acknowledged") acknowledgeCell(cell, now);
          }
        }
      }
      judge(now);
    },
    acknowledgeBelow(below, now) {
      overtakenBelow = -1;
      for (let lane = 0; lane < 4; lane++) acknowledgeLane(lane, Math.min(below[lane] ?? 0, next[lane] as number), now);
    },
    judge,
    get judgeAt() {
      return judgeAt;
    },
    get outstanding() {
      return windowCells > 0 || (records.length > 0 && (records.at(records.length - 1) as SentRecord).index > highestAcknowledged);
    },
    get hasLost() {
      return lostCells > 0;
    },
    get lastSentAt() {
      return lastSentAt;
    },
    get unacknowledgedBytes() {
      return windowBytes;
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
