/** What core knows about time and chance. Everything that reads either takes one of these, so a test can own both. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
}

export interface Clock {
  /** ms since an arbitrary start; never goes back. May have a fraction. */
  monotonic(): number;
  /** ms since 1970 as the machine believes it; may jump. Whole ms. */
  wall(): number;
}

export interface Random {
  /** Fresh, unpredictable bytes. Throws when the generator fails: callers must refuse to go on. */
  bytes(length: number): Uint8Array;
}

export interface Timers {
  /** Runs once after `ms`. Returns a function that cancels. A `background` timer does not keep the process alive. */
  after(ms: number, run: () => void, options?: { background?: boolean }): () => void;
  /** Runs at the end of this turn of the event loop, after everything that is ready now: the place to batch. */
  turn(run: () => void): void;
  /**
   * Runs still in this turn, once what is ready in it has run, promises included; like `turn` where the runtime has no such place. For work that
   * something from outside asked for: what asks again and again by itself would keep the turn for ever.
   */
  soon(run: () => void): void;
}
