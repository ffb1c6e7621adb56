import type { Clock } from "@tightbeam/core/transport";

/** At most `perWindow` in each `windowMs`. Reads the clock only when a window's share is used up, so counting costs nothing on the path of every frame. */
export interface Budget {
  /** Counts one. 0 when it is within the budget, otherwise the ms until there is more. */
  take(): number;
}

export function createBudget(clock: Clock, perWindow: number, windowMs: number): Budget {
  let used = 0;
  let began = clock.monotonic();
  return {
    take() {
      used += 1;
      if (used <= perWindow) return 0;
      const now = clock.monotonic();
      const left = began + windowMs - now;
      if (left > 0) return left;
      began = now;
      used = 1;
      return 0;
    },
  };
}
