import type { Priority } from "../envelope/types.js";

/** A waiting class gets its turn after this many of higher ones: low never starves, and takes at most one part in so many. */
const shareParts = 16;

const classes: readonly Priority[] = ["critical", "high", "normal", "low"];

/** A place in the queue. */
export interface Waiting {
  readonly bytes: number;
  /** Its turn has come: it is out of the queue. */
  readonly start: () => void;
}

interface Entry extends Waiting {
  /** Undefined once it is out of the queue. */
  line: Line | undefined;
  before: Entry | undefined;
  after: Entry | undefined;
}

/** One priority, first in, first out. Linked, so that whoever waits no longer leaves at once, from anywhere. */
interface Line {
  first: Entry | undefined;
  last: Entry | undefined;
  /** How many of higher lines went while something waited here. */
  passedOver: number;
}

/** What waits for its turn: four priorities in strict order, with a fair share for the lower ones. Whoever adds holds it within its bounds. */
export interface IntakeQueue {
  readonly length: number;
  readonly bytes: number;
  add(priority: Priority, bytes: number, start: () => void): Waiting;
  /** Whose turn it is, no longer in the queue; with `urgentOnly`, out of critical and high. */
  take(urgentOnly: boolean): Waiting | undefined;
  /** False when it had its turn, or was removed before. */
  remove(waiting: Waiting): boolean;
}

export const isUrgent = (priority: Priority): boolean => priority === "critical" || priority === "high";

class PriorityQueue implements IntakeQueue {
  length = 0;
  bytes = 0;
  readonly #lines: readonly Line[] = classes.map(() => ({ first: undefined, last: undefined, passedOver: 0 }));

  add(priority: Priority, bytes: number, start: () => void): Waiting {
    const line = this.#lines[classes.indexOf(priority)] as Line;
    const entry: Entry = { bytes, start, line, before: line.last, after: undefined };
    if (line.last === undefined) line.first = entry;
    else line.last.after = entry;
    line.last = entry;
    this.length++;
    this.bytes += bytes;
    return entry;
  }

  take(urgentOnly: boolean): Waiting | undefined {
    if (this.length === 0) return undefined;
    const most = urgentOnly ? 2 : classes.length;
    let chosen = -1;
    for (let i = 0; i < most; i++) {
      const line = this.#lines[i] as Line;
      if (line.first === undefined || (chosen >= 0 && line.passedOver < shareParts - 1)) continue;
      const due = chosen >= 0;
      chosen = i;
      if (due) break;
    }
    if (chosen < 0) return undefined;
    const line = this.#lines[chosen] as Line;
    line.passedOver = 0;
    for (let i = chosen + 1; i < classes.length; i++) {
      const lower = this.#lines[i] as Line;
      lower.passedOver = lower.first === undefined ? 0 : Math.min(lower.passedOver + 1, shareParts);
    }
    const entry = line.first as Entry;
    this.#unlink(entry, line);
    return entry;
  }

  remove(waiting: Waiting): boolean {
    const entry = waiting as Entry;
    if (entry.line === undefined) return false;
    this.#unlink(entry, entry.line);
    return true;
  }

  #unlink(entry: Entry, line: Line): void {
    const { before, after } = entry;
    if (before === undefined) line.first = after;
    else before.after = after;
    if (after === undefined) line.last = before;
    else after.before = before;
    entry.line = undefined;
    this.length--;
    this.bytes -= entry.bytes;
  }
}

export const createIntakeQueue = (): IntakeQueue => new PriorityQueue();
