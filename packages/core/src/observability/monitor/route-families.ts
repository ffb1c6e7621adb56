import type { MetricFamily, MetricSample } from "./exposition.js";
import { coarseBounds, type DurationSummary, durationBounds } from "./histogram.js";
import { otherName, type RouteFigures, type RoutePerformance } from "./route.js";
import type { PerformanceSnapshot } from "./snapshot.js";

type Row = readonly [labels: Readonly<Record<string, string>>, figures: RouteFigures];

/** The figures of a monitor as metrics: seconds and bytes. */
export function routeFamilies(snapshot: PerformanceSnapshot): readonly MetricFamily[] {
  const rows: Row[] = snapshot.routes.map((route) => [labelsOf(route), route]);
  if (snapshot.other !== null) rows.push([{ from: otherName, to: otherName, method: otherName, type: otherName, direction: otherName }, snapshot.other]);
  const each = (value: (figures: RouteFigures) => MetricSample["value"]): readonly MetricSample[] =>
    rows.map(([labels, figures]) => ({ labels, value: value(figures) }));
  return [
    {
      name: "tightbeam_route_operations_total",
      type: "counter",
      help: "Requests, notifications, events and streams that have ended, failed ones included.",
      samples: each(({ count }) => count),
    },
    {
      name: "tightbeam_route_failures_total",
      type: "counter",
      help: "Those that failed, by error code.",
      samples: rows.flatMap(([labels, { errors }]) => Object.entries(errors).map(([code, value]) => ({ labels: { ...labels, code }, value }))),
    },
    { name: "tightbeam_route_retries_total", type: "counter", help: "Times that something was tried again.", samples: each(({ retries }) => retries) },
    {
      name: "tightbeam_route_dead_letters_total",
      type: "counter",
      help: "What was put away as a dead letter.",
      samples: each(({ deadLetters }) => deadLetters),
    },
    {
      name: "tightbeam_route_bytes_total",
      type: "counter",
      help: "Envelopes before sealing, in bytes: calls, and the replies to them.",
      samples: rows.flatMap(([labels, { bytes }]) => [
        { labels: { ...labels, part: "calls" }, value: bytes.calls },
        { labels: { ...labels, part: "replies" }, value: bytes.replies },
      ]),
    },
    {
      name: "tightbeam_route_duration_seconds",
      type: "histogram",
      help: "Sent: until the reply, or the acknowledgement where there is none. Received: until the handler has settled.",
      samples: each(({ duration }) => histogramOf(duration)),
    },
    { name: "tightbeam_monitor_routes", type: "gauge", help: "Routes with figures of their own.", samples: [{ labels: {}, value: snapshot.routes.length }] },
    { name: "tightbeam_monitor_routes_max", type: "gauge", help: "How many there may be.", samples: [{ labels: {}, value: snapshot.routesMax }] },
    {
      name: "tightbeam_monitor_start_time_seconds",
      type: "gauge",
      help: "When counting began, in seconds since 1970.",
      samples: [{ labels: {}, value: snapshot.since / 1_000 }],
    },
  ];
}

const labelsOf = ({ from, to, method, type, direction }: RoutePerformance): Readonly<Record<string, string>> => ({ from, to, method, type, direction });

const everyOne = (durationBounds.length - 1) / (coarseBounds.length - 1);

function histogramOf({ count, sum, buckets }: DurationSummary): MetricSample["value"] {
  let below = 0;
  let next = 0;
  const coarse = coarseBounds.map((bound, i) => {
    for (; next <= i * everyOne; next++) below += buckets[next] ?? 0;
    return [bound / 1_000, below] as const;
  });
  return { count, sum: sum / 1_000, buckets: coarse };
}
