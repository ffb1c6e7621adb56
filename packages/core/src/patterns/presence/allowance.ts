import type { Clock } from "../../runtime/runtime.js";

/** How much of something may be done: `burst` at once, and `perSecond` more of it each second. */
export interface Allowance {
  /** Takes one. False, and nothing taken, when there is none. */
  take(): boolean;
}

export function createAllowance(clock: Clock, burst: number, perSecond: number): Allowance {
  let left = burst;
  let at = clock.monotonic();
  return {
    take() {
      const now = clock.monotonic();
      left = Math.min(burst, left + ((now - at) / 1_000) * perSecond);
      at = now;
      if (left < 1) return false;
      left--;
      return true;
    },
  };
}
