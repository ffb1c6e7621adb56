import * as limits from "../limits.js";
import * as protocol from "../protocol.js";
import type { MemoryBudget } from "./budget.js";
import { ackBytes, ackRangesMax, type CellBuffer, type LaneAck, noCounter, putAck, type Range } from "./cells.js";
import { lanes as allLanes, type Lane } from "./message.js";

interface HeldCell {
  readonly type: number;
  readonly flags: number;
  readonly data: Uint8Array;
}

/** What came too early in one lane. */
interface Held {
  readonly cells: Map<number, HeldCell>;
  /** The same as sorted ranges. */
  readonly ranges: Range[];
}

interface LaneOrder {
  next: number;
  /** Only while there is a gap. */
  held: Held | undefined;
  /** Something came since the last ACK. */
  changed: boolean;
}

/** Highest acknowledgeable counter of one session, and when it came. */
export interface ReceivedCounter {
  highest: number;
  at: number;
}

export const createReceivedCounter = (): ReceivedCounter => ({ highest: noCounter, at: 0 });

export interface ReceiveOrder {
  /** Takes a cell; hands on, in the order of the lane, whatever it completes. A copy of a known cell, or one outside the window, changes nothing. */
  take(type: number, flags: number, lane: Lane, sequence: number, data: Uint8Array): void;
  /** A record of so many bytes that asks for an acknowledgement was read whole. */
  recordRead(counter: ReceivedCounter, value: number, size: number, now: number): void;
  /** When the ACK must go at the latest: 0 = with this turn, Infinity = none due. */
  ackAt(): number;
  /** Writes the ACK cell for this session if there is anything to say. */
  writeAck(buffer: CellBuffer, at: number, room: number, counter: ReceivedCounter, now: number): number;
  /** The cell just written goes out. */
  acknowledged(): void;
  /** It did not. */
  notAcknowledged(): void;
  /** Next expected sequence of each lane. */
  next(): readonly number[];
  duplicates(): number;
  outside(): number;
  heldBytes(): number;
  clear(): void;
}

export interface ReceiveOrderOptions {
  readonly budget: MemoryBudget;
  readonly sink: OrderSink;
}

export interface OrderSink {
  /** Called in lane order. `data` is a view of the record for cells that came in order. */
  inOrder(type: number, flags: number, lane: Lane, sequence: number, data: Uint8Array): void;
}

const heldMaxBytes = protocol.windowMaxBytes + protocol.windowReserveBytes;
/** What a held cell costs beside its data: an empty one is not free. */
const heldCellCost = 256;
const heldMaxCells = protocol.windowMaxCells + protocol.windowReserveCells;

const noRanges: readonly Range[] = [];

/** The receiver's half of reliability: puts the cells of each lane in order within a bounded buffer, drops what it has, and says so in ACKs. */
class LinkReceiveOrder implements ReceiveOrder {
  readonly #budget: MemoryBudget;
  readonly #sink: OrderSink;
  readonly #orders: readonly LaneOrder[] = allLanes.map(() => ({ next: 0, held: undefined, changed: false }));
  #duplicates = 0;
  #outside = 0;
  #heldBytes = 0;
  #heldCells = 0;
  #unansweredRecords = 0;
  #ackAt = Number.POSITIVE_INFINITY;
  #outOfOrder = false;

  constructor({ budget, sink }: ReceiveOrderOptions) {
    this.#budget = budget;
    this.#sink = sink;
  }

  take(type: number, flags: number, lane: Lane, sequence: number, data: Uint8Array): void {
    const order = this.#orders[lane] as LaneOrder;
    order.changed = true;
    if (sequence === order.next) {
      order.next++;
      this.#sink.inOrder(type, flags, lane, sequence, data);
      if (order.held === undefined) return;
      this.#outOfOrder = true;
      this.#release(order, order.held, lane);
      return;
    }
    this.#outOfOrder = true;
    if (sequence < order.next || order.held?.cells.has(sequence) === true) {
      this.#duplicates++;
      return;
    }
    // Not acknowledged, so it comes again. An honest peer stays within the window; a full budget asks it to wait.
    if (sequence - order.next >= heldMaxCells || this.#heldBytes + data.length > heldMaxBytes || !this.#budget.take(data.length + heldCellCost)) {
      this.#outside++;
      return;
    }
    order.held ??= { cells: new Map(), ranges: [] };
    // A copy: one small cell must not keep its whole record in memory while it waits.
    order.held.cells.set(sequence, { type, flags, data: data.slice() });
    this.#heldBytes += data.length;
    this.#heldCells++;
    insert(order.held.ranges, sequence);
  }

  recordRead(counter: ReceivedCounter, value: number, size: number, now: number): void {
    if (counter.highest === noCounter || value > counter.highest) {
      counter.highest = value;
      counter.at = now;
    }
    this.#unansweredRecords++;
    const most = size < limits.largeRecordBytes ? limits.ackEveryRecords : limits.ackEveryLargeRecords;
    if (this.#unansweredRecords >= most || this.#outOfOrder) this.#ackAt = 0;
    else this.#ackAt = Math.min(this.#ackAt, now + limits.ackDelayMs);
    this.#outOfOrder = false;
  }

  ackAt(): number {
    return this.#ackAt;
  }

  writeAck(buffer: CellBuffer, at: number, room: number, counter: ReceivedCounter, now: number): number {
    if (this.#unansweredRecords === 0) return at;
    const acked: LaneAck[] = [];
    // The lowest gaps matter most: what does not fit is said when they are closed.
    let fit = Math.floor((room - at - ackBytes(0)) / 4);
    if (fit < 0) return at;
    for (let lane = 0; lane < 4; lane++) {
      const order = this.#orders[lane] as LaneOrder;
      if (!order.changed && order.held === undefined) continue;
      const most = Math.min(fit, ackRangesMax);
      const held = order.held?.ranges ?? noRanges;
      const ranges = held.length > most ? held.slice(0, most) : held;
      acked.push({ lane: lane as Lane, next: order.next, ranges });
      fit -= ranges.length;
    }
    return putAck(buffer, at, {
      highest: counter.highest,
      delay: counter.highest === noCounter ? 0 : (now - counter.at) * 1_000,
      repeated: this.#duplicates,
      lanes: acked,
    });
  }

  acknowledged(): void {
    for (const order of this.#orders) order.changed = false;
    this.#unansweredRecords = 0;
    this.#ackAt = Number.POSITIVE_INFINITY;
  }

  notAcknowledged(): void {
    for (const order of this.#orders) order.changed = true;
    this.#unansweredRecords = limits.ackEveryRecords;
    this.#ackAt = 0;
  }

  next(): readonly number[] {
    return this.#orders.map((order) => order.next);
  }

  duplicates(): number {
    return this.#duplicates;
  }

  outside(): number {
    return this.#outside;
  }

  heldBytes(): number {
    return this.#heldBytes;
  }

  clear(): void {
    this.#budget.give(this.#heldBytes + this.#heldCells * heldCellCost);
    this.#heldBytes = 0;
    this.#heldCells = 0;
    for (const order of this.#orders) order.held = undefined;
  }

  #release(order: LaneOrder, { cells, ranges }: Held, lane: Lane): void {
    for (let cell = cells.get(order.next); cell !== undefined; cell = cells.get(order.next)) {
      cells.delete(order.next);
      this.#heldBytes -= cell.data.length;
      this.#heldCells--;
      this.#budget.give(cell.data.length + heldCellCost);
      const sequence = order.next++;
      this.#sink.inOrder(cell.type, cell.flags, lane, sequence, cell.data);
    }
    const first = ranges[0];
    if (first !== undefined && first.end <= order.next) ranges.shift();
    if (cells.size === 0) order.held = undefined;
  }
}

export const createReceiveOrder = (options: ReceiveOrderOptions): ReceiveOrder => new LinkReceiveOrder(options);

/** Adds one number to sorted, disjoint, non-adjacent ranges. */
function insert(ranges: Range[], value: number): void {
  let index = ranges.length;
  while (index > 0 && (ranges[index - 1] as Range).start > value) index--;
  const before = ranges[index - 1];
  const after = ranges[index];
  const joinsBefore = before !== undefined && before.end === value;
  const joinsAfter = after !== undefined && after.start === value + 1;
  if (joinsBefore && joinsAfter) {
    before.end = after.end;
    ranges.splice(index, 1);
  } else if (joinsBefore) before.end++;
  else if (joinsAfter) after.start--;
  else ranges.splice(index, 0, { start: value, end: value + 1 });
}
