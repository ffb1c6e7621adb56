import { TightbeamError } from "../../errors.js";
import type { Clock } from "../../runtime/runtime.js";

/** Which proofs have been used. */
export interface Replays {
  /** Throws `invalid_token` for one that was used, `overloaded` when no more can be remembered. */
  check(once: string): void;
  /** The same, and remembers it: call it when everything else about the request counts. What it returns forgets it again, for a request that came to nothing all the same. */
  use(once: string): () => void;
}

/** A proof counts for 60 s before and after its `iat`: so long, and some, it is remembered. */
const rememberedMs = 130_000;

export function createReplays(clock: Clock, entriesMax: number): Replays {
  let since = clock.monotonic();
  let young = new Set<string>();
  let old = new Set<string>();

  function turn(): void {
    const age = clock.monotonic() - since;
    if (age < rememberedMs) return;
    old = age < 2 * rememberedMs ? young : new Set();
    young = new Set();
    since = clock.monotonic();
  }

  function check(once: string): void {
    turn();
    if (young.has(once) || old.has(once)) throw new TightbeamError("invalid_token", "The proof has been used before.");
    if (young.size + old.size >= entriesMax) throw new TightbeamError("overloaded", "Too many tokens are asked for.", { retryAfter: rememberedMs });
  }

  return {
    check,
    use(once) {
      check(once);
      young.add(once);
      return () => {
        young.delete(once);
        old.delete(once);
      };
    },
  };
}
