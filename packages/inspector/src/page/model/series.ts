import type { RatePoint } from "../../feed/types.js";

const readers = {
  sent: ({ sent, span }) => perSecond(sent, span),
  received: ({ received, span }) => perSecond(received, span),
  failed: ({ failed, span }) => perSecond(failed, span),
  bytesSent: ({ bytesSent, span }) => perSecond(bytesSent, span),
  bytesReceived: ({ bytesReceived, span }) => perSecond(bytesReceived, span),
  p50: ({ latency }) => latency?.p50 ?? null,
  p95: ({ latency }) => latency?.p95 ?? null,
  p99: ({ latency }) => latency?.p99 ?? null,
  critical: ({ queue }) => queue.critical,
  high: ({ queue }) => queue.high,
  normal: ({ queue }) => queue.normal,
  low: ({ queue }) => queue.low,
} satisfies Record<string, (point: RatePoint) => number | null>;

export type SeriesName = keyof typeof readers;

const perSecond = (count: number, span: number): number => (span > 0 ? (count * 1_000) / span : 0);

/** Columns for a plot: seconds since 1970, then a list for each name. */
export const seriesOf = (points: readonly RatePoint[], ...names: readonly SeriesName[]): [number[], ...(number | null)[][]] => [
  points.map(({ at }) => at / 1_000),
  ...names.map((name) => points.map(readers[name])),
];
