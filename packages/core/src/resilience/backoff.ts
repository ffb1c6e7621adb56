import type { Random } from "../runtime/runtime.js";

/** From 0 up to and without 1. */
export const fraction = (random: Random): number => {
  const bytes = random.bytes(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
};

/**
 * ms before retry `n` (from 1): exponential with full jitter, a random share of the least of `cap` and base * 2^(n-1). Of the ways to spread clients
 * that failed together it does with the fewest calls (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export const fullJitter = (random: Random, base: number, cap: number, n: number): number => fraction(random) * Math.min(cap, base * 2 ** (n - 1));
