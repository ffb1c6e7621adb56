import { TightbeamError } from "../../errors.js";
import type { WithDefaults } from "../../known-options.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import { checkRate, createTokenBuckets, type Rate, type TokenBuckets } from "../../resilience/token-bucket.js";
import type { Runtime } from "../../runtime/runtime.js";
import { createPermits, type Policy } from "./policy.js";

/** What an agent asks before a peer's call, beside the places it has: only agents with a policy or a rate have any. */
export interface Guards {
  /** Undefined: every peer may do everything. */
  readonly permits: ReturnType<typeof createPermits>;
  readonly rate: WithDefaults<Rate> | undefined;
  /** `rate_limited`, or undefined and one token less. */
  limited(link: Link): TightbeamError | undefined;
  /** The same for what agents say to each other on their own account. */
  ownLimited(link: Link): TightbeamError | undefined;
}

/** Throws `invalid_argument` for a policy or a rate that is none. */
export function createGuards({ clock }: Pick<Runtime, "clock">, policy: Policy | undefined, rate: Rate | undefined): Guards {
  const permits = createPermits(policy);
  if (rate === undefined) return { permits, rate, limited: unlimited, ownLimited: unlimited };
  const whole = checkRate(rate);
  const own = { perSecond: Math.max(whole.perSecond, limits.ownRatePerSecond), burst: Math.max(whole.burst, limits.ownRateBurst) };

  const limit =
    (buckets: TokenBuckets) =>
    (link: Link): TightbeamError | undefined => {
      const wait = buckets.take(link.peer.id, clock.monotonic());
      if (wait === 0) return undefined;
      const retryAfter = Math.ceil(wait);
      return new TightbeamError("rate_limited", `${link.peer.id} asks more often than this agent takes: again in ${retryAfter} ms.`, { retryAfter });
    };
  return { permits, rate: whole, limited: limit(createTokenBuckets(whole, limits.rateTable)), ownLimited: limit(createTokenBuckets(own, limits.rateTable)) };
}

const unlimited = (): undefined => undefined;
