import { createVirtualRuntime } from "@tightbeam/core/runtime";

/** Predictable chance: the same for the same seed and labels, whatever else is drawn elsewhere. */
export interface Chance {
  /** From 0 to below 1. */
  number(): number;
  /** A whole number from 0 to below `count`. */
  below(count: number): number;
  /** From `min` to below `max`. */
  between(min: number, max: number): number;
  /** True with this probability. */
  is(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  bytes(length: number): Uint8Array;
}

/** FNV-1a: labels to 32 bits. */
export function mix(seed: number, ...labels: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const letter of `${seed}/${labels.join("/")}`) hash = Math.imul(hash ^ (letter.codePointAt(0) as number), 0x01000193);
  return hash >>> 0;
}

export function createChance(seed: number, ...labels: readonly (string | number)[]): Chance {
  const { bytes } = createVirtualRuntime({ seed: mix(seed, ...labels) }).random;
  const number = (): number => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes(4);
    return (a * 0x1_00_00_00 + b * 0x1_00_00 + c * 0x1_00 + d) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(number() * count);
  return {
    number,
    below,
    between: (min, max) => min + number() * (max - min),
    is: (probability) => number() < probability,
    pick: <T>(list: readonly T[]) => list[below(list.length)] as T,
    bytes,
  };
}
