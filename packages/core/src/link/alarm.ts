import type { Timers } from "../runtime/runtime.js";

/** One timer that only moves forward to an earlier time, until it rings or is cleared. */
export interface Alarm {
  /** When it rings, monotonic ms, or Infinity. */
  readonly at: number;
  /** Rings at `at` unless it rings earlier already. */
  set(at: number, now: number): void;
  clear(): void;
}

class BackgroundAlarm implements Alarm {
  at = Number.POSITIVE_INFINITY;
  readonly #timers: Timers;
  readonly #ring: () => void;
  #cancel: (() => void) | undefined;

  constructor(timers: Timers, ring: () => void) {
    this.#timers = timers;
    this.#ring = ring;
  }

  set(at: number, now: number): void {
    if (at >= this.at) return;
    this.clear();
    this.at = at;
    this.#cancel = this.#timers.after(Math.ceil(at - now), this.#ring, { background: true });
  }

  clear(): void {
    this.at = Number.POSITIVE_INFINITY;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

/** It does not keep the process alive. */
export const createAlarm = (timers: Timers, ring: () => void): Alarm => new BackgroundAlarm(timers, ring);
