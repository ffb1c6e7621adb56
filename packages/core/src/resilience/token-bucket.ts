import { TightbeamError } from "../errors.js";
import { checkKnown, type WithDefaults } from "../known-options.js";

export interface Rate {
  /** How many a second in the long run, more than 0. */
  readonly perSecond: number;
  /** How many at once after a rest: a whole number of at least 1. Default: as many as come in a second. */
  readonly burst?: number | undefined;
}

/** One token bucket for each key, all of one rate. */
export interface TokenBuckets {
  /** Takes one token: 0, or the ms until there is one again. `now`: monotonic ms. */
  take(key: string, now: number): number;
  readonly size: number;
}

/** Throws `invalid_argument` unless it is a rate; returns it whole. */
export function checkRate(rate: Rate): WithDefaults<Rate> {
  const { perSecond, burst = Math.max(1, Math.ceil(perSecond)), ...unknown } = rate;
  checkKnown("A rate", unknown, ["perSecond", "burst"]);
  if (!(typeof perSecond === "number" && perSecond > 0 && perSecond <= 1e6 && Number.isInteger(burst) && burst >= 1 && burst <= 1e9))
    throw new TightbeamError("invalid_argument", "A rate is { perSecond: more than 0 and at most 1,000,000, burst?: a whole number of at least 1 }.");
  return Object.freeze({ perSecond, burst });
}

/**
 * The generic cell rate algorithm: of a bucket only the time at which it is full again is kept. At most `most` buckets: full ones, which
 * say nothing, are forgotten when there is no room, and if there are none, the oldest.
 */
export function createTokenBuckets({ perSecond, burst }: WithDefaults<Rate>, most: number): TokenBuckets {
  const interval = 1_000 / perSecond;
  const tolerance = (burst - 1) * interval;
  const fullAt = new Map<string, number>();

  const makeRoom = (now: number): void => {
    for (const [key, at] of fullAt) if (at <= now) fullAt.delete(key);
    if (fullAt.size < most) return;
    for (const key of fullAt.keys()) {
      fullAt.delete(key);
      return;
    }
  };

  return {
    take(key, now) {
      const known = fullAt.get(key);
      if (known === undefined && fullAt.size >= most) makeRoom(now);
      const from = Math.max(known ?? now, now);
      const wait = from - now - tolerance;
      // Sums of intervals that are no binary fractions: a millionth of a ms is no wait.
      if (wait > 1e-6) return wait;
      fullAt.set(key, from + interval);
      return 0;
    },
    get size() {
      return fullAt.size;
    },
  };
}
