/** The last so many calls, or those of the last so many ms. */
export type WindowSize = { readonly calls: number } | { readonly ms: number };

/** How calls went lately. */
export interface Window {
  readonly calls: number;
  readonly failures: number;
  add(failed: boolean, now: number): void;
  /** Lets go of what is too old. */
  advance(now: number): void;
}

/** Older calls leave one tenth of the window at a time. */
const slots = 10;

class CallWindow implements Window {
  calls = 0;
  failures = 0;
  readonly #ring: Uint8Array;
  #at = 0;

  constructor(size: number) {
    this.#ring = new Uint8Array(size);
  }

  add(failed: boolean): void {
    if (this.calls === this.#ring.length) this.failures -= this.#ring[this.#at] as number;
    else this.calls++;
    const value = failed ? 1 : 0;
    this.#ring[this.#at] = value;
    this.failures += value;
    this.#at = (this.#at + 1) % this.#ring.length;
  }

  advance(): void {
    // Calls do not grow old.
  }
}

class TimeWindow implements Window {
  calls = 0;
  failures = 0;
  readonly #slotMs: number;
  readonly #calls = new Uint32Array(slots);
  readonly #failures = new Uint32Array(slots);
  /** The newest slot, counted from the clock's start. */
  #slot: number;

  constructor(ms: number, now: number) {
    this.#slotMs = ms / slots;
    this.#slot = Math.floor(now / this.#slotMs);
  }

  add(failed: boolean, now: number): void {
    this.advance(now);
    const at = this.#slot % slots;
    this.calls++;
    (this.#calls[at] as number)++;
    if (!failed) return;
    this.failures++;
    (this.#failures[at] as number)++;
  }

  advance(now: number): void {
    const slot = Math.floor(now / this.#slotMs);
    if (slot <= this.#slot) return;
    for (let next = Math.max(this.#slot + 1, slot - slots + 1); next <= slot; next++) {
      const at = next % slots;
      this.calls -= this.#calls[at] as number;
      this.failures -= this.#failures[at] as number;
      this.#calls[at] = 0;
      this.#failures[at] = 0;
    }
    this.#slot = slot;
  }
}

export const createWindow = (size: WindowSize, now: number): Window => ("calls" in size ? new CallWindow(size.calls) : new TimeWindow(size.ms, now));
