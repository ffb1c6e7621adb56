import { expect, test } from "vitest";
import { checkRate, createTokenBuckets } from "../../src/resilience/token-bucket.js";

test("a bucket gives its burst at once, then its rate, and says how long to wait", () => {
  const buckets = createTokenBuckets(checkRate({ perSecond: 10, burst: 3 }), 10);
  expect([0, 0, 0, 0].map((now) => buckets.take("bob", now))).toEqual([0, 0, 0, 100]);
  expect(buckets.take("carol", 0)).toBe(0);
  expect(buckets.take("bob", 40)).toBeCloseTo(60);
  expect(buckets.take("bob", 100)).toBe(0);
  expect(buckets.take("bob", 100)).toBeCloseTo(100);
  // A rest gives no more than the burst.
  expect([9_000, 9_000, 9_000, 9_000].map((now) => buckets.take("bob", now) > 0)).toEqual([false, false, false, true]);
});

test("over a long time it gives the rate and the burst, whatever the steps", () => {
  for (const perSecond of [3, 7, 30, 1_000]) {
    const buckets = createTokenBuckets(checkRate({ perSecond, burst: 5 }), 10);
    let taken = 0;
    for (let now = 0; now <= 60_000; now += 0.7) if (buckets.take("bob", now) === 0) taken++;
    expect(taken).toBeGreaterThanOrEqual(Math.floor(60 * perSecond * 0.99));
    expect(taken).toBeLessThanOrEqual(60 * perSecond + 5);
  }
});

test("a bucket refused again and again is not pushed further away, and a clock that goes back gives nothing", () => {
  const buckets = createTokenBuckets(checkRate({ perSecond: 1, burst: 1 }), 10);
  expect(buckets.take("bob", 1_000)).toBe(0);
  for (let i = 0; i < 100; i++) expect(buckets.take("bob", 1_500)).toBeCloseTo(500);
  expect(buckets.take("bob", 500)).toBeGreaterThan(0);
  expect(buckets.take("bob", 2_000)).toBe(0);
});

test("the table is bounded: full buckets are forgotten first, then the oldest", () => {
  const buckets = createTokenBuckets(checkRate({ perSecond: 1, burst: 1 }), 100);
  for (let i = 0; i < 5_000; i++) buckets.take(`early${i}`, 0);
  expect(buckets.size).toBe(100);
  buckets.take("bob", 5_000);
  expect(buckets.size).toBe(1);
  for (let i = 0; i < 500; i++) buckets.take(`late${i}`, 5_000);
  expect(buckets.size).toBe(100);
  expect(buckets.take("late499", 5_000)).toBeGreaterThan(0);
});

test.each([
  { perSecond: 0 },
  { perSecond: -1 },
  { perSecond: Number.NaN },
  { perSecond: Number.POSITIVE_INFINITY },
  { perSecond: "10" as never },
  { perSecond: 1, burst: 0 },
  { perSecond: 1, burst: 1.5 },
  { perSecond: 1, burst: -1 },
  { perSecond: 1, burst: Number.NaN },
])("%o is no rate", (rate) => {
  expect(() => checkRate(rate)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});

test("the burst of a slow rate is one, of a fast one a second's worth", () => {
  expect(checkRate({ perSecond: 0.1 })).toEqual({ perSecond: 0.1, burst: 1 });
  expect(checkRate({ perSecond: 50 })).toEqual({ perSecond: 50, burst: 50 });
});
