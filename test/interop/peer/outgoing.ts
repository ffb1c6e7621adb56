import type { Bytes } from "./bytes.js";
import type { Ack, Credit, Done, Msg, Totals } from "./records.js";

/** docs/protocol.md, sections 6.5 to 6.8: messages into cells, what of them was acknowledged, and the credit that some need. */

type Cell = Msg | Done;
type Outcome = { readonly sequence: number };

export interface Outgoing {
  readonly next: readonly number[];
  readonly acknowledged: readonly number[];
  readonly outstanding: number;
  readonly blocked: boolean;
  push(bytes: Bytes, options: { lane: number; intake: boolean; wantsDone: boolean; onLast?: (last: Outcome) => void }): void;
  pushDone(of: Done["of"], outcome: number): void;
  /** Cells to seal now: what was lost first, then what is new. */
  take(now: number): Cell[];
  acknowledge(ack: Pick<Ack, "entries">): void;
  grant(credit: NonNullable<Credit["grant"]>): void;
}

interface Waiting {
  readonly bytes: Bytes;
  readonly intake: boolean;
  readonly wantsDone: boolean;
  readonly done?: Pick<Done, "of" | "outcome">;
  readonly onLast: ((last: Outcome) => void) | undefined;
  sent: number;
}

const fragmentBytes = 16_384;
const windowBytes = 262_144;
const recordBytes = 49_152;
const resendMs = 250;

export function createOutgoing(granted: Totals): Outgoing {
  const lanes = [0, 1, 2, 3].map(() => ({ next: 0, acknowledged: 0, queue: [] as Waiting[], cells: new Map<number, { cell: Cell; at: number }>() }));
  const counted = (first: Totals) => ({ granted: first, count: 0, bytes: 0 });
  const credit = [counted({ count: 256, bytes: 1_048_576 }), counted(granted)] as [ReturnType<typeof counted>, ReturnType<typeof counted>];
  const creditOf = (lane: number) => (lane === 0 ? credit[0] : credit[1]);
  const sizeOf = (cell: Cell): number => (cell.type === "msg" ? cell.bytes.length : 8) + 14;
  const unacknowledged = (): number => lanes.reduce((sum, { cells }) => sum + [...cells.values()].reduce((bytes, { cell }) => bytes + sizeOf(cell), 0), 0);
  const mayStart = (lane: number, message: Waiting): boolean => {
    const { granted: most, count, bytes } = creditOf(lane);
    return !message.intake || message.sent > 0 || (count < most.count && bytes < most.bytes);
  };

  function nextCell(lane: number, message: Waiting): Cell {
    const mine = lanes[lane] as (typeof lanes)[number];
    const sequence = mine.next++;
    if (message.done !== undefined) {
      mine.queue.shift();
      return { type: "done", lane, sequence, ...message.done };
    }
    const first = message.sent === 0;
    const bytes = message.bytes.subarray(message.sent, message.sent + fragmentBytes);
    message.sent += bytes.length;
    const last = message.sent === message.bytes.length;
    if (first && message.intake) creditOf(lane).count++;
    if (message.intake) creditOf(lane).bytes += bytes.length;
    if (last) {
      mine.queue.shift();
      message.onLast?.({ sequence });
    }
    const length = first && !last ? { length: message.bytes.length } : {};
    return { type: "msg", lane, sequence, first, last, abort: false, intake: first && message.intake, wantsDone: first && message.wantsDone, ...length, bytes };
  }

  return {
    get next() {
      return lanes.map(({ next }) => next);
    },
    get acknowledged() {
      return lanes.map(({ acknowledged }) => acknowledged);
    },
    get outstanding() {
      return lanes.reduce((sum, { cells }) => sum + cells.size, 0);
    },
    get blocked() {
      return lanes.some(({ queue: [first] }, lane) => first !== undefined && !mayStart(lane, first));
    },
    push: (bytes, { lane, intake, wantsDone, onLast }) => void lanes[lane]?.queue.push({ bytes, intake, wantsDone, onLast, sent: 0 }),
    pushDone: (of, outcome) =>
      void lanes[0]?.queue.push({ bytes: new Uint8Array(), intake: false, wantsDone: false, done: { of, outcome }, onLast: undefined, sent: 0 }),
    take(now) {
      const cells: Cell[] = [];
      let room = recordBytes;
      for (const { cells: sealed } of lanes)
        for (const each of sealed.values()) {
          if (now - each.at < resendMs || room <= 0) continue;
          each.at = now;
          room -= sizeOf(each.cell);
          cells.push(each.cell);
        }
      for (const [number, lane] of lanes.entries())
        for (let [first] = lane.queue; first !== undefined && room > 0; [first] = lane.queue) {
          if (!mayStart(number, first) || unacknowledged() > windowBytes) break;
          const cell = nextCell(number, first);
          lane.cells.set(cell.sequence, { cell, at: now });
          room -= sizeOf(cell);
          cells.push(cell);
        }
      return cells;
    },
    acknowledge({ entries }) {
      for (const { lane, next, ranges } of entries) {
        const mine = lanes[lane];
        if (mine === undefined || next > mine.next) continue;
        mine.acknowledged = Math.max(mine.acknowledged, next);
        let at = next;
        const came = ranges.map(({ gap, length }) => {
          at += gap + length;
          return { from: at - length, to: at };
        });
        for (const sequence of mine.cells.keys())
          if (sequence < next || came.some(({ from, to }) => sequence >= from && sequence < to)) mine.cells.delete(sequence);
      }
    },
    grant({ ordinary, critical }) {
      for (const [at, most] of [critical, ordinary].entries()) {
        const mine = credit[at as 0 | 1];
        mine.granted = { count: Math.max(mine.granted.count, most.count), bytes: Math.max(mine.granted.bytes, most.bytes) };
      }
    },
  };
}
