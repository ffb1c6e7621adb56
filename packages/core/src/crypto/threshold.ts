import type { Clock } from "../runtime/index.js";
import type { Aead } from "./provider.js";

/** ms. At or below this, native wins at every size: JavaScript that the engine has fully compiled needs about 6 µs for the smallest message. */
const cheapCall = 0.012;
/** Nothing larger is ever faster in JavaScript. */
const largestCandidate = 2_048;
/** Small calls that take turns before measuring: the engine compiles the JavaScript on real traffic, which no short loop could do (it takes 10 to 20 ms). */
const warmingCalls = 1_024;
const sizes = [64, 256, 1_024, largestCandidate] as const;

export interface MixedAead extends Aead {
  /** Plaintext bytes from which native is used: 0 = always; undefined = not decided yet. */
  readonly threshold: number | undefined;
}

/** The shortest of a few runs, in ms: noise only ever adds. */
function shortest(clock: Clock, rounds: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i++) {
    const start = clock.monotonic();
    run();
    best = Math.min(best, clock.monotonic() - start);
  }
  return best;
}

/**
 * Chooses per message between two equal implementations by size. A native call has a fixed cost that differs between runtimes,
 * so it is measured on first use (about 200 µs); where it is high, both take turns on small messages until the script is compiled,
 * and then the crossing is measured (under 1 ms).
 */
export function mixedAead(native: Aead, script: () => Aead, clock: Clock): MixedAead {
  let threshold: number | undefined;
  let warming = -1;

  const timed = (aead: Aead, size: number, rounds = 6): number => {
    const key = new Uint8Array(32).fill(1);
    const nonce = new Uint8Array(12);
    const plaintext = new Uint8Array(size);
    const out = new Uint8Array(size + 16);
    return shortest(clock, rounds, () => aead.sealInto(out, key, nonce, nonce, plaintext));
  };

  function crossing(): number {
    for (const size of sizes) if (timed(native, size) <= timed(script(), size)) return size === sizes[0] ? 0 : size;
    return largestCandidate;
  }

  function choose(size: number): Aead {
    if (threshold !== undefined) return size >= threshold ? native : script();
    if (warming < 0) {
      warming = 0;
      if (timed(native, sizes[0], 24) <= cheapCall) {
        threshold = 0;
        return native;
      }
    }
    if (size > largestCandidate) return native;
    if (++warming > warmingCalls) {
      threshold = crossing();
      return choose(size);
    }
    return warming % 2 === 0 ? script() : native;
  }

  return {
    get threshold() {
      return threshold;
    },
    get expect() {
      return threshold === 0 ? native.expect : undefined;
    },
    sealInto(out, key, nonce, aad, plaintext) {
      choose(plaintext.length).sealInto(out, key, nonce, aad, plaintext);
    },
    open: (key, nonce, aad, ciphertext) => choose(ciphertext.length).open(key, nonce, aad, ciphertext),
  };
}
