import type { RatePoint } from "../../feed/types.js";

/** How many requests took how long, over all points. `bounds`: upper ones; what took longer is behind the last. */
export function bucketsOf(points: readonly Pick<RatePoint, "latency">[], bounds: readonly number[]): { readonly name: string; readonly count: number }[] {
  const sums = new Array<number>(bounds.length + 1).fill(0);
  for (const { latency } of points)
    for (const [index, count] of (latency?.buckets ?? []).entries()) if (index < sums.length) sums[index] = (sums[index] ?? 0) + count;
  const first = sums.findIndex((count) => count > 0);
  const last = sums.findLastIndex((count) => count > 0);
  if (first < 0) return [];
  return sums.slice(first, last + 1).map((count, index) => {
    const bound = bounds[first + index];
    return { name: bound === undefined ? `> ${short(bounds.at(-1) ?? 0)}` : `≤ ${short(bound)}`, count };
  });
}

const short = (ms: number): string => (ms >= 1_000 ? `${ms / 1_000} s` : `${ms} ms`);
