import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bucketsOf } from "../../../src/page/model/buckets.js";
import { quantile, routesOf } from "../../../src/page/model/routes.js";
import { seriesOf } from "../../../src/page/model/series.js";
import { formatAgo, formatBytes, formatMs, formatNumber } from "../../../src/page/parts/format.js";
import { message } from "../messages.js";

describe("routes", () => {
  test("by sender, receiver and method; replies belong to what they answer", () => {
    const routes = routesOf(
      [
        message({ id: "1", name: "search", answered: 10, bytes: 100 }),
        message({ id: "2", name: "search", answered: 20, bytes: 300 }),
        message({ id: "3", name: "search", code: "timeout", bytes: 200 }),
        message({ id: "4", name: "search", type: "response", correlationId: "1" }),
        message({ id: "5", name: "news", type: "event" }),
      ],
      (key) => key,
    );
    expect(routes).toMatchObject([
      { from: "a/1", to: "b/1", name: "search", count: 3, failed: 1, bytes: 600, p50: 10, p95: 20 },
      { from: "a/1", to: "b/1", name: "news", count: 1, failed: 0, bytes: 100, p50: undefined, p95: undefined },
    ]);
  });

  test("are at most as many as asked for, though every message names another method", () => {
    const messages = Array.from({ length: 300 }, (_, index) => message({ id: `${index}`, name: `m${index}` }));
    expect(routesOf(messages, String, 100)).toHaveLength(100);
  });

  test("a quantile is one of the values, and as many are at most as large as it says", () => {
    expect(quantile([], 0.5)).toBeUndefined();
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, part) => {
        const sorted = values.sort((a, b) => a - b);
        const value = quantile(sorted, part) as number;
        expect(sorted).toContain(value);
        expect(sorted.filter((one) => one <= value).length).toBeGreaterThanOrEqual(part * sorted.length - 1e-9);
      }),
    );
  });
});

const latency = (...buckets: number[]) => ({ latency: { count: 0, p50: 0, p95: 0, p99: 0, max: 0, buckets } });

test("a histogram sums its points and leaves out empty ends; the last bucket is what took longer", () => {
  expect(bucketsOf([latency(0, 1, 0, 2), latency(0, 3, 0, 0), {}], [1, 5, 2_500])).toEqual([
    { name: "≤ 5 ms", count: 4 },
    { name: "≤ 2.5 s", count: 0 },
    { name: "> 2.5 s", count: 2 },
  ]);
  expect(bucketsOf([latency(0, 0)], [1])).toEqual([]);
});

test("a plot's columns are rates by second, and nothing where nothing was answered", () => {
  const queue = { critical: 0, high: 0, normal: 3, low: 0 };
  const point = { agent: "", at: 2_000, span: 500, sent: 10, received: 0, failed: 0, bytesSent: 0, bytesReceived: 0, queue, inFlightBytes: 0 };
  expect(seriesOf([point], "sent", "p95", "normal")).toEqual([[2], [20], [null], [3]]);
  expect(seriesOf([{ ...point, span: 0 }], "sent")).toEqual([[2], [0]]);
});

test("figures for people", () => {
  expect([0.4217, 3.456, 42.4, 1_500, 90_000, 7_200_000, undefined].map(formatMs)).toEqual(["0.42 ms", "3.46 ms", "42 ms", "1.5 s", "1.5 min", "2 h", "–"]);
  expect([0, 1_023, 1_536, 5 * 2 ** 20, 2 ** 40].map(formatBytes)).toEqual(["0 B", "1,023 B", "1.5 KiB", "5 MiB", "1,020 GiB"]);
  expect([0, 1.234, 9.5, 12.6, 12_345].map(formatNumber)).toEqual(["0", "1.23", "9.5", "13", "12,345"]);
  expect([1_000, 60_000, 4_000_000, 90_000_000, -5].map((ago) => formatAgo(100_000_000 - ago, 100_000_000))).toEqual([
    "just now",
    "1 min ago",
    "1 h ago",
    "1 d ago",
    "just now",
  ]);
});
