import type { Clock, Timers } from "../../runtime/runtime.js";
import { createSignalWatch } from "../../signal-watch.js";

/** An operation that must not go on for ever. */
export interface Limited {
  /** Its time is up. */
  expired(): void;
  aborted(signal: AbortSignal): void;
}

export interface Limit {
  /** The operation is over. Idempotent. */
  clear(): void;
}

/** The timeouts and signals of many operations. Those of one length share a timer: nearly all of them end long before it rings, and a timer each would cost more than sending a small message. */
export interface Deadlines {
  /** Tells `owner` once, after `ms` (at `until`, monotonic, for who knows it already) or when the signal fires; at once, before this returns, when it has fired. */
  limit(ms: number, owner: Limited, signal: AbortSignal | undefined, until?: number): Limit;
}

/** In the order of their ends, since all take equally long. */
class Line {
  first: Deadline | undefined;
  last: Deadline | undefined;
  readonly #ms: number;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #lines: Map<number, Line>;
  #cancel: (() => void) | undefined;
  #leaving = false;

  constructor(ms: number, clock: Clock, timers: Timers, lines: Map<number, Line>) {
    this.#ms = ms;
    this.#clock = clock;
    this.#timers = timers;
    this.#lines = lines;
  }

  add(owner: Limited, at: number): Deadline {
    const deadline = new Deadline(this, owner, at, this.last);
    if (this.last === undefined) this.first = deadline;
    else this.last.after = deadline;
    this.last = deadline;
    this.#cancel ??= this.#timers.after(this.#ms, this.#ring);
    return deadline;
  }

  remove(deadline: Deadline): void {
    const { before, after } = deadline;
    deadline.before = undefined;
    deadline.after = undefined;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    if (this.first !== undefined || this.#leaving) return;
    this.#leaving = true;
    this.#timers.soon(this.#leave);
  }

  /** Not at once: who asks one after the other asks again when the answer is there, and needs no other timer for that. */
  readonly #leave = (): void => {
    this.#leaving = false;
    if (this.first !== undefined) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#lines.delete(this.#ms);
  };

  readonly #ring = (): void => {
    this.#cancel = undefined;
    const now = this.#clock.monotonic();
    try {
      for (let due = this.first; due !== undefined && due.at <= now; due = this.first) due.ring();
    } finally {
      // Also when an owner threw: those behind it are not its business.
      if (this.first !== undefined) this.#cancel ??= this.#timers.after(Math.max(Math.ceil(this.first.at - now), 0), this.#ring);
    }
  };
}

class Deadline implements Limit {
  readonly at: number;
  before: Deadline | undefined;
  after: Deadline | undefined;
  readonly #line: Line;
  #owner: Limited | undefined;

  constructor(line: Line, owner: Limited, at: number, before: Deadline | undefined) {
    this.#line = line;
    this.#owner = owner;
    this.at = at;
    this.before = before;
  }

  ring(): void {
    const owner = this.#owner;
    this.clear();
    owner?.expired();
  }

  clear(): void {
    if (this.#owner === undefined) return;
    this.#owner = undefined;
    this.#line.remove(this);
  }
}

const over: Limit = { clear: () => undefined };

export function createDeadlines(clock: Clock, timers: Timers): Deadlines {
  const lines = new Map<number, Line>();
  const signals = createSignalWatch();
  const lineOf = (ms: number): Line => {
    const known = lines.get(ms);
    if (known !== undefined) return known;
    const line = new Line(ms, clock, timers, lines);
    lines.set(ms, line);
    return line;
  };

  return {
    limit(ms, owner, signal, until = clock.monotonic() + ms) {
      if (signal === undefined) return lineOf(ms).add(owner, until);
      if (signal.aborted) {
        owner.aborted(signal);
        return over;
      }
      const deadline = lineOf(ms).add(owner, until);
      const leave = signals.on(signal, () => {
        deadline.clear();
        owner.aborted(signal);
      });
      return {
        clear() {
          deadline.clear();
          leave();
        },
      };
    },
  };
}
