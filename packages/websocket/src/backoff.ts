import type { Random } from "@tightbeam/core/transport";

export interface ReconnectOptions {
  /** The first retry comes within half of this, the next within twice this, then four times and so on. Default 100 ms. */
  readonly minMs?: number | undefined;
  /** No wait is longer. Default 5,000 ms. */
  readonly maxMs?: number | undefined;
}

/** Full jitter: uniform between 0 and a bound that doubles, so that a thousand clients of a restarted relay do not come back in step. `attempt` from 0. */
export function reconnectDelay(random: Random, attempt: number, minMs: number, maxMs: number): number {
  const bound = attempt === 0 ? minMs / 2 : Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
  return (bound * (((a << 24) | (b << 16) | (c << 8) | d) >>> 0)) / 2 ** 32;
}
