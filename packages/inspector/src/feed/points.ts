import type { SourceSecond } from "../source/types.js";
import { keptLimits, latencyBounds } from "./protocol.js";
import type { RatePoint } from "./types.js";

export interface Points {
  /** `at`: of the clock here, whatever the agent's says: all points are on one line of time. */
  add(agent: string, second: SourceSecond, at: number): RatePoint;
  /** Of all agents, from what was added since the last; undefined when nothing was. */
  total(at: number): RatePoint | undefined;
  forget(agent: string): void;
  all(): RatePoint[];
}

/** The last minutes as points, the newest last. */
export function createPoints(): Points {
  const totals: RatePoint[] = [];
  const ofAgents = new Map<string, RatePoint[]>();
  let since: SourceSecond[] = [];

  function keep(list: RatePoint[], most: number, point: RatePoint): RatePoint {
    if (list.length >= most) list.shift();
    list.push(point);
    return point;
  }

  return {
    add(agent, told, at) {
      const second = { ...told, at };
      since.push(second);
      const list = ofAgents.get(agent) ?? [];
      if (list.length === 0 && ofAgents.size < keptLimits.agents) ofAgents.set(agent, list);
      return keep(list, keptLimits.agentPoints, pointOf(agent, second));
    },
    total(at) {
      if (since.length === 0) return undefined;
      const point = pointOf("", { ...since.reduce(sum), at });
      since = [];
      return keep(totals, keptLimits.totalPoints, point);
    },
    forget: (agent) => void ofAgents.delete(agent),
    all: () => [...totals, ...[...ofAgents.values()].flat()],
  };
}

function sum(a: SourceSecond, b: SourceSecond): SourceSecond {
  const queue = { ...a.queue };
  for (const priority of ["critical", "high", "normal", "low"] as const) queue[priority] += b.queue[priority];
  return {
    at: b.at,
    span: Math.max(a.span, b.span),
    sent: a.sent + b.sent,
    received: a.received + b.received,
    failed: a.failed + b.failed,
    bytesSent: a.bytesSent + b.bytesSent,
    bytesReceived: a.bytesReceived + b.bytesReceived,
    buckets: a.buckets.map((count, at) => count + (b.buckets[at] ?? 0)),
    slowest: Math.max(a.slowest, b.slowest),
    queue,
    inFlightBytes: a.inFlightBytes + b.inFlightBytes,
  };
}

function pointOf(agent: string, { slowest, buckets, ...second }: SourceSecond): RatePoint {
  const count = buckets.reduce((total, each) => total + each, 0);
  if (count === 0) return { agent, ...second };
  const at = (part: number): number => quantile(buckets, count * part, slowest);
  return { agent, ...second, latency: { count, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: slowest, buckets } };
}

/** Between the bounds of the bucket where it lies, by how far into it. */
function quantile(buckets: readonly number[], rank: number, slowest: number): number {
  let below = 0;
  for (const [at, count] of buckets.entries()) {
    if (below + count >= rank && count > 0) {
      const low = latencyBounds[at - 1] ?? 0;
      const high = Math.min(latencyBounds[at] ?? slowest, slowest);
      return Math.round(Math.max(low, low + ((high - low) * (rank - below)) / count) * 1_000) / 1_000;
    }
    below += count;
  }
  return slowest;
}
