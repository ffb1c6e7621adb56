import type { Priority } from "../../envelope/types.js";

/** A waiting class gets its turn after this many of higher ones: low never starves, and takes at most one part in so many. */
const shareParts = 16;

const classes: readonly Priority[] = ["critical", "high", "normal", "low"];

/** A place in the queue. */
export interface Waiting {
  readonly owner: string;
  readonly bytes: number;
  /** Its turn has come: it is out of the queue. */
  readonly start: () => void;
}

interface Entry extends Waiting {
  /** Undefined once it is out of the queue. */
  row: Row | undefined;
  before: Entry | undefined;
  after: Entry | undefined;
}

/** What one owner has waiting in one priority, first in, first out. Linked, so that whoever waits no longer leaves at once, from anywhere. */
interface Row {
  readonly owner: string;
  readonly line: Line;
  first: Entry | undefined;
  last: Entry | undefined;
}

/** One priority: its owners in turn, so that one with much waiting does not stand before one with little. */
interface Line {
  /** In the order of their next turn; none is empty. */
  readonly rows: Map<string, Row>;
  /** How many of higher lines went while something waited here. */
  passedOver: number;
}

/** What waits for its turn: four priorities in strict order, with a fair share for the lower ones. Whoever adds holds it within its bounds. */
export interface IntakeQueue {
  readonly length: number;
  readonly bytes: number;
  add(owner: string, priority: Priority, bytes: number, start: () => void): Waiting;
  /** Whose turn it is, no longer in the queue; with `urgentOnly`, out of critical and high. Passes over owners that may not start. */
  take(urgentOnly: boolean, mayStart: (owner: string) => boolean): Waiting | undefined;
  /** False when it had its turn, or was removed before. */
  remove(waiting: Waiting): boolean;
}

export const isUrgent = (priority: Priority): boolean => priority === "critical" || priority === "high";

class PriorityQueue implements IntakeQueue {
  length = 0;
  bytes = 0;
  readonly #lines: readonly Line[] = classes.map(() => ({ rows: new Map(), passedOver: 0 }));

  add(owner: string, priority: Priority, bytes: number, start: () => void): Waiting {
    const line = this.#lines[classes.indexOf(priority)] as Line;
    const row: Row = line.rows.get(owner) ?? { owner, line, first: undefined, last: undefined };
    const entry: Entry = { owner, bytes, start, row, before: row.last, after: undefined };
    if (row.last === undefined) {
      row.first = entry;
      line.rows.set(owner, row);
    } else row.last.after = entry;
    row.last = entry;
    this.length++;
    this.bytes += bytes;
    return entry;
  }

  take(urgentOnly: boolean, mayStart: (owner: string) => boolean): Waiting | undefined {
    if (this.length === 0) return undefined;
    const most = urgentOnly ? 2 : classes.length;
    let chosen = -1;
    let row: Row | undefined;
    for (let i = 0; i < most; i++) {
      const line = this.#lines[i] as Line;
      if (line.rows.size === 0 || (row !== undefined && line.passedOver < shareParts - 1)) continue;
      const found = firstThat(line.rows, mayStart);
      if (found === undefined) continue;
      const due = row !== undefined;
      chosen = i;
      row = found;
      if (due) break;
    }
    if (row === undefined) return undefined;
    row.line.passedOver = 0;
    for (let i = chosen + 1; i < classes.length; i++) {
      const lower = this.#lines[i] as Line;
      lower.passedOver = lower.rows.size === 0 ? 0 : Math.min(lower.passedOver + 1, shareParts);
    }
    const entry = row.first as Entry;
    this.#unlink(entry, row);
    if (row.first !== undefined) {
      row.line.rows.delete(row.owner);
      row.line.rows.set(row.owner, row);
    }
    return entry;
  }

  remove(waiting: Waiting): boolean {
    const entry = waiting as Entry;
    if (entry.row === undefined) return false;
    this.#unlink(entry, entry.row);
    return true;
  }

  #unlink(entry: Entry, row: Row): void {
    const { before, after } = entry;
    if (before === undefined) row.first = after;
    else before.after = after;
    if (after === undefined) row.last = before;
    else after.before = before;
    if (row.first === undefined) row.line.rows.delete(row.owner);
    entry.row = undefined;
    entry.before = undefined;
    entry.after = undefined;
    this.length--;
    this.bytes -= entry.bytes;
  }
}

function firstThat(rows: ReadonlyMap<string, Row>, mayStart: (owner: string) => boolean): Row | undefined {
  for (const row of rows.values()) if (mayStart(row.owner)) return row;
  return undefined;
}

export const createIntakeQueue = (): IntakeQueue => new PriorityQueue();
