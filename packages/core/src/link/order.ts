import { limits, protocol } from "../limits.js";
import type { MemoryBudget } from "./budget.js";
import { ackBytes, ackRangesMax, type CellBuffer, type LaneAck, noCounter, putAck, type Range } from "./cells.js";
import type { Lane } from "./message.js";

interface HeldCell {
  readonly type: number;
  readonly flags: number;
  readonly data: Uint8Array;
}

interface LaneOrder {
  next: number;
  readonly held: Map<number, HeldCell>;
  /** What is held, as sorted ranges. */
  readonly ranges: Range[];
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
  /** A record that asks for an acknowledgement was read whole. */
  recordRead(counter: ReceivedCounter, value: number, now: number): void;
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
  /** Called in lane order. `data` is a view of the record for cells that came in order. */
  readonly deliver: (type: number, flags: number, lane: Lane, sequence: number, data: Uint8Array) => void;
}

const heldMaxBytes = protocol.windowMaxBytes + protocol.windowReserveBytes;
const heldMaxCells = protocol.windowMaxCells + protocol.windowReserveCells;

/** The receiver's half of reliability: puts the cells of each lane in order within a bounded buffer, drops what it has, and says so in ACKs. */
export function createReceiveOrder({ budget, deliver }: ReceiveOrderOptions): ReceiveOrder {
  const orders: readonly LaneOrder[] = [0, 1, 2, 3].map(() => ({ next: 0, held: new Map(), ranges: [], changed: false }));
  let duplicates = 0;
  let outside = 0;
  let heldBytes = 0;
  let unansweredRecords = 0;
  let ackAt = Number.POSITIVE_INFINITY;
  let outOfOrder = false;

  const hold = (order: LaneOrder, sequence: number, cell: HeldCell): void => {
    order.held.set(sequence, cell);
    heldBytes += cell.data.length;
    insert(order.ranges, sequence);
  };

  const release = (order: LaneOrder, lane: Lane): void => {
    for (let cell = order.held.get(order.next); cell !== undefined; cell = order.held.get(order.next)) {
      order.held.delete(order.next);
      heldBytes -= cell.data.length;
      budget.give(cell.data.length);
      const sequence = order.next++;
      deliver(cell.type, cell.flags, lane, sequence, cell.data);
    }
    const first = order.ranges[0];
    if (first !== undefined && first.end <= order.next) order.ranges.shift();
  };

  return {
    take(type, flags, lane, sequence, data) {
      const order = orders[lane] as LaneOrder;
      order.changed = true;
      if (sequence === order.next) {
        order.next++;
        deliver(type, flags, lane, sequence, data);
        if (order.held.size === 0) return;
        outOfOrder = true;
        release(order, lane);
        return;
      }
      outOfOrder = true;
      if (sequence < order.next || order.held.has(sequence)) {
        duplicates++;
        return;
      }
      // Not acknowledged, so it comes again. An honest peer stays within the window; a full budget asks it to wait.
      if (sequence - order.next >= heldMaxCells || heldBytes + data.length > heldMaxBytes || !budget.take(data.length)) {
        outside++;
        return;
      }
      // A copy: one small cell must not keep its whole record in memory while it waits.
      hold(order, sequence, { type, flags, data: data.slice() });
    },
    recordRead(counter, value, now) {
      if (counter.highest === noCounter || value > counter.highest) {
        counter.highest = value;
        counter.at = now;
      }
      unansweredRecords++;
      if (unansweredRecords >= limits.ackEveryRecords || outOfOrder) ackAt = 0;
      else ackAt = Math.min(ackAt, now + limits.ackDelayMs);
      outOfOrder = false;
    },
    ackAt: () => ackAt,
    writeAck(buffer, at, room, counter, now) {
      if (unansweredRecords === 0) return at;
      const acked: LaneAck[] = [];
      // The lowest gaps matter most: what does not fit is said when they are closed.
      let fit = Math.floor((room - at - ackBytes(0)) / 4);
      if (fit < 0) return at;
      for (let lane = 0; lane < 4; lane++) {
        const order = orders[lane] as LaneOrder;
        if (!order.changed && order.ranges.length === 0) continue;
        const most = Math.min(fit, ackRangesMax);
        const ranges = order.ranges.length > most ? order.ranges.slice(0, most) : order.ranges;
        acked.push({ lane: lane as Lane, next: order.next, ranges });
        fit -= ranges.length;
      }
      return putAck(buffer, at, {
        highest: counter.highest,
        delay: counter.highest === noCounter ? 0 : (now - counter.at) * 1_000,
        repeated: duplicates,
        lanes: acked,
      });
    },
    acknowledged() {
      for (const order of orders) order.changed = false;
      unansweredRecords = 0;
      ackAt = Number.POSITIVE_INFINITY;
    },
    notAcknowledged() {
      for (const order of orders) order.changed = true;
      unansweredRecords = limits.ackEveryRecords;
      ackAt = 0;
    },
    next: () => orders.map((order) => order.next),
    duplicates: () => duplicates,
    outside: () => outside,
    heldBytes: () => heldBytes,
    clear() {
      budget.give(heldBytes);
      heldBytes = 0;
      for (const order of orders) {
        order.held.clear();
        order.ranges.length = 0;
      }
    },
  };
}

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
