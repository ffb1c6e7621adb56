import { TightbeamError } from "../../errors.js";
import type { Clock } from "../../runtime/runtime.js";

/** A token bucket for each of many. */
export interface Rates {
  readonly size: number;
  /** Throws `rate_limited` with `retryAfter`. */
  take(whom: string): void;
}

interface Bucket {
  left: number;
  at: number;
}

/** `perMinute`, also at once. When there are too many, whoever was heard of longest ago is forgotten, and would start anew. */
export function createRates(clock: Clock, perMinute: number, entriesMax: number): Rates {
  const buckets = new Map<string, Bucket>();
  const perMs = perMinute / 60_000;
  return {
    get size() {
      return buckets.size;
    },
    take(whom) {
      const now = clock.monotonic();
      const known = buckets.get(whom);
      const left = known === undefined ? perMinute : Math.min(perMinute, known.left + (now - known.at) * perMs);
      buckets.delete(whom);
      buckets.set(whom, { left: left < 1 ? left : left - 1, at: now });
      if (buckets.size > entriesMax) buckets.delete(buckets.keys().next().value as string);
      if (left < 1) throw new TightbeamError("rate_limited", `More than ${perMinute} requests in a minute.`, { retryAfter: Math.ceil((1 - left) / perMs) });
    },
  };
}
