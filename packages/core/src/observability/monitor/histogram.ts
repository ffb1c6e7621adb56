/**
 * Where durations fall, ms: bound i is 2^(i / 4 - 4), from 1/16 ms to 65,536 ms, four to each doubling, so that what is read out of a
 * bucket is off by less than a fifth. Beside them one bucket for all that is longer.
 */
export const durationBounds: readonly number[] = Array.from({ length: 81 }, (_, i) => 2 ** (i / 4 - 4));
/** Every fourth bound, a doubling each: what metrics show. */
export const coarseBounds: readonly number[] = durationBounds.filter((_, i) => i % 4 === 0);

const perDoubling = 4;
const firstDoubling = -4;
const last = durationBounds.length;

/** How long things took, ms. */
export interface Histogram {
  count: number;
  sum: number;
  /** 0 before the first. */
  min: number;
  max: number;
  /** How many fell below or on each bound and above the one before; the last: above all. */
  readonly buckets: Float64Array;
}

export interface DurationSummary {
  readonly count: number;
  /** ms, as all that follows. */
  readonly sum: number;
  /** Null where nothing has been measured. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** As many as there are bounds, and one more for what is longer than 65,536 ms; up to the last that is not 0. */
  readonly buckets: readonly number[];
}

export const createHistogram = (): Histogram => ({ count: 0, sum: 0, min: 0, max: 0, buckets: new Float64Array(last + 1) });

/** What is no duration (negative, not finite) is left out. */
export function record(histogram: Histogram, ms: number): void {
  if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) return;
  if (histogram.count === 0 || ms < histogram.min) histogram.min = ms;
  if (ms > histogram.max) histogram.max = ms;
  histogram.count += 1;
  histogram.sum += ms;
  const at = bucketOf(ms);
  histogram.buckets[at] = (histogram.buckets[at] as number) + 1;
}

function bucketOf(ms: number): number {
  if (ms <= (durationBounds[0] as number)) return 0;
  if (ms > (durationBounds[last - 1] as number)) return last;
  const near = Math.min(last - 1, Math.max(0, Math.ceil((Math.log2(ms) - firstDoubling) * perDoubling)));
  // The logarithm of a bound may lie a little beside it.
  if (near > 0 && ms <= (durationBounds[near - 1] as number)) return near - 1;
  return ms > (durationBounds[near] as number) ? near + 1 : near;
}

/** The value below which the share lies, spread evenly within its bucket. Null where nothing has been measured. */
export function quantile({ count, min, max, buckets }: Histogram, share: number): number | null {
  if (count === 0) return null;
  const rank = Math.max(1, Math.ceil(share * count));
  let below = 0;
  for (let i = 0; i < buckets.length; i++) {
    const inside = buckets[i] as number;
    if (below + inside < rank) {
      below += inside;
      continue;
    }
    const low = i === 0 ? 0 : (durationBounds[i - 1] as number);
    const high = durationBounds[i] ?? max;
    return Math.min(max, Math.max(min, low + ((high - low) * (rank - below)) / inside));
  }
  return max;
}

export function summarize(histogram: Histogram): DurationSummary {
  const { count, sum, min, max, buckets } = histogram;
  const none = count === 0;
  return {
    count,
    sum,
    min: none ? null : min,
    max: none ? null : max,
    mean: none ? null : sum / count,
    p50: quantile(histogram, 0.5),
    p95: quantile(histogram, 0.95),
    p99: quantile(histogram, 0.99),
    buckets: [...buckets.subarray(0, 1 + buckets.findLastIndex((each) => each > 0))],
  };
}

/** Adds what another one has counted. */
export function addInto(into: Histogram, { count, sum, min, max, buckets }: Histogram): void {
  if (count === 0) return;
  into.min = into.count === 0 ? min : Math.min(into.min, min);
  into.max = Math.max(into.max, max);
  into.count += count;
  into.sum += sum;
  for (let i = 0; i < buckets.length; i++) into.buckets[i] = (into.buckets[i] as number) + (buckets[i] as number);
}
