import type { MessageView } from "../../feed/types.js";
import { outcomeOf } from "./outcome.js";

/** What the page saw of one way that messages go. */
export interface RouteRow {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly name: string;
  readonly count: number;
  readonly failed: number;
  readonly bytes: number;
  /** Of those whose duration is known, ms. */
  readonly p50: number | undefined;
  readonly p95: number | undefined;
}

/** By sender, receiver and method of what is kept: a look, not an account. The busiest first, at most `limit`. */
export function routesOf(messages: readonly MessageView[], agentName: (key: string) => string, limit = 100): RouteRow[] {
  const groups = new Map<string, { from: string; to: string; name: string; count: number; failed: number; bytes: number; times: number[] }>();
  for (const message of messages) {
    if (message.type === "response" || message.type === "error") continue;
    const from = agentName(message.from);
    const to = agentName(message.to);
    const name = message.name ?? message.type;
    const key = JSON.stringify([from, to, name]);
    const group = groups.get(key) ?? { from, to, name, count: 0, failed: 0, bytes: 0, times: [] };
    groups.set(key, group);
    group.count += 1;
    group.bytes += message.bytes;
    if (outcomeOf(message) === "failed") group.failed += 1;
    const time = message.answered ?? message.handled;
    if (time !== undefined) group.times.push(time);
  }
  return [...groups]
    .map(([key, { times, ...rest }]) => {
      const sorted = times.sort((a, b) => a - b);
      return { key, ...rest, p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) };
    })
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
    .slice(0, limit);
}

/** The nearest rank. `sorted`: ascending. */
export function quantile(sorted: readonly number[], part: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))];
}
