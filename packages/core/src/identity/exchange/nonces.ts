import { toBase64url } from "../../bytes.js";
import type { Runtime } from "../../runtime/runtime.js";

/** Nonces for proofs (RFC 9449, 8): one for everybody, another every minute; the one before it still counts. */
export interface Nonces {
  current(): string;
  knows(nonce: string): boolean;
}

const lastsMs = 60_000;

export function createNonces({ clock, random }: Runtime): Nonces {
  let madeAt = Number.NEGATIVE_INFINITY;
  let now: string | undefined;
  let before: string | undefined;

  function rotate(): string {
    const age = clock.monotonic() - madeAt;
    if (now !== undefined && age < lastsMs) return now;
    before = age < 2 * lastsMs ? now : undefined;
    madeAt = clock.monotonic();
    now = toBase64url(random.bytes(16));
    return now;
  }

  return { current: rotate, knows: (nonce) => nonce === rotate() || nonce === before };
}
