/** One that waits in a line. */
export interface Waiter {
  readonly go: () => void;
  before: Waiter | undefined;
  after: Waiter | undefined;
  line: Waiters | undefined;
}

/** First come first served; whoever gives up leaves from anywhere, at the same cost. */
export class Waiters {
  size = 0;
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  add(go: () => void): Waiter {
    const waiter: Waiter = { go, before: this.#last, after: undefined, line: this };
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.after = waiter;
    this.#last = waiter;
    this.size++;
    return waiter;
  }

  /** False: it has left already. */
  remove(waiter: Waiter): boolean {
    if (waiter.line !== this) return false;
    waiter.line = undefined;
    const { before, after } = waiter;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    this.size--;
    return true;
  }

  shift(): Waiter | undefined {
    const first = this.#first;
    if (first !== undefined) this.remove(first);
    return first;
  }
}
