import type { Random } from "@tightbeam/core/transport";

export interface ReconnectOptions {
  /** The pause before a server is dialled again grows from this. Default 100 ms. */
  readonly minMs?: number | undefined;
  /** No pause is longer. Default 5,000 ms. */
  readonly maxMs?: number | undefined;
}

/** How long the client pauses before it dials the same server again. */
export interface Backoff {
  /** ms. The same until `failed` is called: the client asks more than once for one pause. */
  readonly delay: number;
  failed(): void;
  reset(): void;
}

/** Full jitter: uniform below a bound that doubles, so that the clients of a restarted server do not come back in step. */
export function createBackoff(random: Random, minMs: number, maxMs: number): Backoff {
  let attempt = 0;
  const draw = (): number => {
    const bound = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
    const [a = 0, b = 0] = random.bytes(2);
    return (bound * ((a << 8) | b)) / 2 ** 16;
  };
  let delay = draw();
  return {
    get delay() {
      return delay;
    },
    failed() {
      attempt += 1;
      delay = draw();
    },
    reset() {
      attempt = 0;
      delay = draw();
    },
  };
}
