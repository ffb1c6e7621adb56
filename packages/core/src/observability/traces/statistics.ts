import type { KeptCall } from "./call.js";
import { hasFailed, outcomeOf } from "./outcome.js";
import type { CallStatus, Durations, TraceStatistics } from "./types.js";

export function statisticsOf(calls: Iterable<KeptCall>): TraceStatistics {
  const all: number[] = [];
  const groups = new Map<CallStatus, { count: number; readonly durations: number[] }>();
  let total = 0;
  let failed = 0;
  for (const call of calls) {
    const { status, duration } = outcomeOf(call);
    const group = groups.get(status) ?? { count: 0, durations: [] };
    groups.set(status, group);
    group.count++;
    total++;
    if (hasFailed(status)) failed++;
    if (duration === undefined) continue;
    all.push(duration);
    group.durations.push(duration);
  }
  const byStatus = Object.fromEntries([...groups].map(([status, { count, durations }]) => [status, { count, ...durationsOf(durations) }]));
  return { total, active: groups.get("active")?.count ?? 0, failed, durations: durationsOf(all), byStatus };
}

function durationsOf(values: number[]): Durations {
  values.sort((a, b) => a - b);
  const sum = values.reduce((total, value) => total + value, 0);
  const at = (percent: number): number | undefined => values[Math.max(Math.ceil((values.length * percent) / 100) - 1, 0)];
  return { mean: values.length === 0 ? undefined : sum / values.length, p50: at(50), p95: at(95), p99: at(99) };
}
