import { type Bytes, join } from "./bytes.js";
import type { AckEntry, Done, Msg } from "./records.js";

/** docs/protocol.md, sections 6.5 and 6.7: lanes in their order, fragments into messages, and what an ACK says of it. */

export interface Message {
  readonly bytes: Bytes;
  readonly lane: number;
  /** Of its last fragment: what DONE names. */
  readonly sequence: number;
  readonly intake: boolean;
  readonly wantsDone: boolean;
}

export interface Incoming {
  readonly next: readonly number[];
  readonly repeats: number;
  take(cell: Msg | Done): void;
  entries(): AckEntry[];
}

interface Handlers {
  onMessage(message: Message): void;
  onDone(done: Done): void;
}

export function createIncoming({ onMessage, onDone }: Handlers): Incoming {
  const lanes = [0, 1, 2, 3].map(() => ({ next: 0, held: new Map<number, Msg | Done>(), open: [] as Msg[] }));
  let repeats = 0;

  function inOrder(cell: Msg | Done, open: Msg[]): void {
    if (cell.type === "done") return onDone(cell);
    const [first = cell] = open;
    if (cell.first !== (open.length === 0) || (cell.abort && (cell.first || cell.last || cell.bytes.length > 0))) throw new Error("malformed");
    if (!(cell.first && cell.last) && !cell.abort && cell.bytes.length === 0) throw new Error("malformed");
    if (!cell.first && (cell.intake || cell.wantsDone)) throw new Error("malformed");
    if (cell.abort) return void open.splice(0);
    open.push(cell);
    if (!cell.last) return;
    const bytes = join(...open.map((each) => each.bytes));
    open.splice(0);
    if (first.length !== undefined && first.length !== bytes.length) throw new Error("malformed");
    onMessage({ bytes, lane: cell.lane, sequence: cell.sequence, intake: first.intake, wantsDone: first.wantsDone });
  }

  return {
    get next() {
      return lanes.map(({ next }) => next);
    },
    get repeats() {
      return repeats;
    },
    take(cell) {
      const lane = lanes[cell.lane] as (typeof lanes)[number];
      if (cell.sequence < lane.next || lane.held.has(cell.sequence)) return void repeats++;
      if (cell.sequence >= lane.next + 4352) return;
      lane.held.set(cell.sequence, cell);
      for (let ready = lane.held.get(lane.next); ready !== undefined; ready = lane.held.get(lane.next)) {
        lane.held.delete(lane.next++);
        inOrder(ready, lane.open);
      }
    },
    entries: () =>
      lanes.flatMap(({ next, held }, lane) => {
        const ranges: { gap: number; length: number }[] = [];
        let end = next;
        for (const sequence of [...held.keys()].sort((a, b) => a - b)) {
          const range = ranges.at(-1);
          if (range !== undefined && sequence === end) range.length++;
          else ranges.push({ gap: sequence - end, length: 1 });
          end = sequence + 1;
        }
        return next === 0 && ranges.length === 0 ? [] : [{ lane, next, ranges: ranges.slice(0, 512) }];
      }),
  };
}
