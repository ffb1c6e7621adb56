import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addInto, coarseBounds, createHistogram, durationBounds, quantile, record, summarize } from "../../../src/observability/monitor/histogram.js";

const of = (...values: readonly number[]) => {
  const histogram = createHistogram();
  for (const value of values) record(histogram, value);
  return histogram;
};

describe("the histogram", () => {
  it("has the bounds that are documented", () => {
    expect(durationBounds).toHaveLength(81);
    expect([durationBounds[0], durationBounds[16], durationBounds[20], durationBounds[80]]).toEqual([1 / 16, 1, 2, 65_536]);
    expect(coarseBounds).toEqual(Array.from({ length: 21 }, (_, i) => 2 ** (i - 4)));
  });

  it("puts each bound, and what lies just above it, where they belong", () => {
    for (const [i, bound] of durationBounds.entries()) {
      expect(of(bound).buckets[i], `at ${bound}`).toBe(1);
      expect(of(bound * (1 + 1e-12)).buckets[i + 1], `above ${bound}`).toBe(1);
    }
    expect([of(0).buckets[0], of(1e9).buckets[81]]).toEqual([1, 1]);
  });

  it("takes nothing that is no duration", () => {
    expect(summarize(of(-1, Number.NaN, Number.POSITIVE_INFINITY)).count).toBe(0);
  });

  it("says nothing where nothing was measured, and survives JSON", () => {
    const none = summarize(createHistogram());
    expect(none).toStrictEqual({ count: 0, sum: 0, min: null, max: null, mean: null, p50: null, p95: null, p99: null, buckets: [] });
    for (const summary of [none, summarize(of(1, 2, 70_000))]) expect(JSON.parse(JSON.stringify(summary))).toStrictEqual(summary);
  });

  it("counts, sums and keeps the extremes", () => {
    expect(summarize(of(3, 1, 2))).toMatchObject({ count: 3, sum: 6, min: 1, max: 3, mean: 2 });
    expect(summarize(of(5)).p50).toBe(5);
    expect(summarize(of(100_000, 200_000)).p99).toBe(200_000);
  });

  it("is off by less than a fifth", () => {
    const durations = fc.array(fc.double({ min: 0.0625, max: 65_536, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99), (values, share) => {
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] as number;
        const told = quantile(of(...values), share) as number;
        return told >= exact / 1.2 && told <= exact * 1.2;
      }),
    );
  });

  it("adds what another has counted", () => {
    const all = of(4, 5);
    addInto(all, createHistogram());
    addInto(all, of(1, 70_000));
    expect(summarize(all)).toStrictEqual(summarize(of(4, 5, 1, 70_000)));
    const fresh = createHistogram();
    addInto(fresh, of(3));
    expect(summarize(fresh)).toStrictEqual(summarize(of(3)));
  });
});
