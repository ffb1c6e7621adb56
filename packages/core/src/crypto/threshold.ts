import type { Clock } from "../runtime/index.js";
import type { Aead } from "./provider.js";

/** Nothing larger is ever faster elsewhere. */
const largestCandidate = 2_048;
/** Small calls, all native, before anything is measured: a call that was just loaded costs several times what it costs from then on. */
const firstCalls = 512;
/** ms. At or below this, native wins against JavaScript at every size: fully compiled it needs about 6 µs for the smallest message. */
const cheapCall = 0.012;
/** Small calls that take turns before measuring: the engine compiles on real traffic, which no short loop could do (JavaScript takes it 10 to 20 ms). */
const warmingCalls = 1_024;
const sizes = [64, 256, 1_024, largestCandidate] as const;
const rounds = 24;

export interface MixedAead extends Aead {
  /** Plaintext bytes from which native is used: 0 = always; undefined = not decided yet. */
  readonly threshold: number | undefined;
}

/** The shortest of a few runs, in ms: noise only ever adds. */
function shortest(clock: Clock, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i++) {
    const start = clock.monotonic();
    run();
    best = Math.min(best, clock.monotonic() - start);
  }
  return best;
}

/** WebAssembly, where it is installed: no handshake waits for it. */
const installed = async (): Promise<Aead | undefined> => {
  try {
    return await (await import("./sodium-aead.js")).sodiumAead();
  } catch {
    return undefined;
  }
};

/**
 * Chooses per message between equal implementations by size. A native call has a fixed cost that differs between runtimes, so small messages
 * may go to another one: to `light` where there is one, else to the script where a native call is dear. The engine has to compile that one
 * first, so both take turns on small messages until then; then it is measured from which size native is faster (a few ms, once).
 */
export function mixedAead(native: Aead, script: () => Aead, clock: Clock, light = installed): MixedAead {
  let threshold: number | undefined;
  /** Takes turns with native, or has all below the threshold. */
  let other: Aead | undefined;
  let calls = 0;
  /** Sizes of the last ones: the next are likely alike. */
  let lastSealed = 0;
  let lastOpened = 0;

  const timed = (aead: Aead, size: number): number => {
    const key = new Uint8Array(32).fill(1);
    const nonce = new Uint8Array(12);
    const plaintext = new Uint8Array(size);
    const out = new Uint8Array(size + 16);
    return shortest(clock, () => aead.sealInto(out, key, nonce, nonce, plaintext));
  };

  const judge = async (): Promise<void> => {
    other = await light();
    if (other === undefined && timed(native, sizes[0]) <= cheapCall) threshold = 0;
    else other ??= script();
    calls = 0;
  };

  function crossing(rival: Aead): number {
    const found = sizes.find((size) => timed(native, size) <= timed(rival, size)) ?? largestCandidate;
    return found === sizes[0] ? 0 : found;
  }

  function choose(size: number): Aead {
    if (threshold !== undefined) return other === undefined || size >= threshold ? native : other;
    if (size > largestCandidate) return native;
    calls++;
    if (other === undefined) {
      if (calls === firstCalls) void judge();
      return native;
    }
    if (calls <= warmingCalls) return calls % 2 === 0 ? other : native;
    threshold = crossing(other);
    return choose(size);
  }

  return {
    get threshold() {
      return threshold;
    },
    expect(toSeal, key, nonce, aad) {
      if ((toSeal ? lastSealed : lastOpened) >= (threshold ?? 0)) native.expect?.(toSeal, key, nonce, aad);
    },
    sealInto(out, key, nonce, aad, plaintext) {
      lastSealed = plaintext.length;
      choose(lastSealed).sealInto(out, key, nonce, aad, plaintext);
    },
    open(key, nonce, aad, ciphertext) {
      lastOpened = ciphertext.length;
      return choose(lastOpened).open(key, nonce, aad, ciphertext);
    },
  };
}
