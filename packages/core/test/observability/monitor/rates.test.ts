import { describe, expect, it } from "vitest";
import { createRateCounter } from "../../../src/observability/monitor/rates.js";

/** So many a second, evenly, from one time to another, ms. */
function run(counter: ReturnType<typeof createRateCounter>, perSecond: number, from: number, to: number): void {
  for (let at = from; at < to; at += 1_000 / perSecond) counter.add(at);
}

describe("rates", () => {
  it("are what came in the window", () => {
    const counter = createRateCounter(5_000);
    run(counter, 10, 5_000, 1_805_000);
    const { minute, fiveMinutes, quarterHour } = counter.rates(1_805_000);
    for (const rate of [minute, fiveMinutes, quarterHour]) expect(rate).toBeCloseTo(10, 0);
  });

  it("are over the time there has been, when that is shorter", () => {
    const counter = createRateCounter(0);
    run(counter, 20, 0, 5_000);
    expect(counter.rates(5_000)).toEqual({ minute: 20, fiveMinutes: 20, quarterHour: 20 });
    expect(createRateCounter(0).rates(0)).toEqual({ minute: 0, fiveMinutes: 0, quarterHour: 0 });
    const first = createRateCounter(0);
    first.add(1);
    expect(first.rates(2).minute).toBe(1);
  });

  it("forget what is past: a minute sooner than fifteen", () => {
    const counter = createRateCounter(0);
    run(counter, 10, 0, 60_000);
    expect(counter.rates(60_000).minute).toBeCloseTo(10, 0);
    const later = counter.rates(120_000);
    expect(later.minute).toBe(0);
    expect(later.fiveMinutes).toBeCloseTo(5, 0);
    expect(counter.rates(16 * 60_000)).toEqual({ minute: 0, fiveMinutes: 0, quarterHour: 0 });
    counter.add(10_000 * 60_000);
    expect(counter.rates(10_000 * 60_000 + 1_000).quarterHour).toBeCloseTo(1 / 891, 3);
  });
});
