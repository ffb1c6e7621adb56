import { TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { LedgerBounds } from "./ledger.js";
import type { IdempotencyOptions } from "./types.js";

const known: Readonly<Record<keyof IdempotencyOptions, readonly [least: number, most: number]>> = {
  keep: [1, Number.MAX_SAFE_INTEGER],
  keys: [1, keptLimits.idempotencyKeysMax],
  live: [0, Number.MAX_SAFE_INTEGER],
  bytes: [1, Number.MAX_SAFE_INTEGER],
};

/** Throws `invalid_argument`. */
export function idempotencyBounds(options: IdempotencyOptions, persistent: boolean): LedgerBounds {
  if (typeof options !== "object" || options === null) throw wrong(`\`idempotency\` is an object of ${Object.keys(known).join(", ")}, or false`);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, name)) throw wrong(`idempotency has no option '${name.slice(0, 40)}'. Its options are ${Object.keys(known).join(", ")}`);
    const [least, most] = known[name as keyof IdempotencyOptions];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= least && value <= most))
      throw wrong(`idempotency.${name} is a whole number of ${least} to ${most}`);
  }
  const { keep = keptLimits.idempotencyKeepMs, keys = keptLimits.idempotencyKeys, live = keptLimits.idempotencyLiveMs } = options;
  return {
    keepMs: keep,
    liveMs: Math.min(live, keep),
    keys,
    bytes: options.bytes ?? (persistent ? keptLimits.idempotencyBytes : keptLimits.idempotencyMemoryBytes),
  };
}

const wrong = (what: string): TightbeamError => new TightbeamError("invalid_argument", `${what}.`);
