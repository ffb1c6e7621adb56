import { isErrorCode } from "../../errors.js";
import { addInto, createHistogram, type DurationSummary, type Histogram, record, summarize } from "./histogram.js";
import { createRateCounter, type RateCounter, type Rates } from "./rates.js";

export type RouteDirection = "sent" | "received";
export type RouteType = "request" | "notification" | "event" | "stream";

export const routeDirections: readonly RouteDirection[] = ["sent", "received"];
export const routeTypes: readonly RouteType[] = ["request", "notification", "event", "stream"];

/** Stands where there is no name: nothing that an agent, a method or a code can be called. */
export const otherName = "(other)";

/** Which messages are counted together. */
export interface RouteKey {
  /** `sent`: as the agent that called, notified or published saw it. `received`: as the one that handled it did. */
  readonly direction: RouteDirection;
  readonly type: RouteType;
  /** The agent that called, or published. */
  readonly from: string;
  readonly to: string;
  /** The method, or the topic. */
  readonly method: string;
}

/** What became of messages since the monitor began, or was reset last. Plain data. */
export interface RouteFigures {
  /** Operations that have ended: `succeeded` and `failed` together. */
  readonly count: number;
  readonly succeeded: number;
  readonly failed: number;
  /** `failed / count`; 0 where there is nothing. */
  readonly errorRate: number;
  /** Failures by code, in the order of the codes. */
  readonly errors: Readonly<Record<string, number>>;
  /** Times something was tried again: by a policy, on another instance, or as a durable message. */
  readonly retries: number;
  /** What was put away, with its reason: `agent.deadLetters`. */
  readonly deadLetters: number;
  /** Envelopes before sealing: those of the operations, and those that answered them. */
  readonly bytes: { readonly calls: number; readonly replies: number };
  /** Operations that ended, a second. */
  readonly rate: Rates;
  /** Of those, the failed ones. */
  readonly failureRate: Rates;
  readonly duration: DurationSummary;
}

export interface RoutePerformance extends RouteKey, RouteFigures {}

/** One row, while it counts. */
export interface Route extends RouteKey {
  succeeded: number;
  failed: number;
  readonly errors: Map<string, number>;
  retries: number;
  deadLetters: number;
  callBytes: number;
  replyBytes: number;
  readonly duration: Histogram;
  readonly ended: RateCounter;
  readonly failures: RateCounter;
}

/** `now`: the monotonic clock's, as everywhere here. */
export const createRoute = ({ direction, type, from, to, method }: RouteKey, now: number): Route => ({
  direction,
  type,
  from,
  to,
  method,
  succeeded: 0,
  failed: 0,
  errors: new Map(),
  retries: 0,
  deadLetters: 0,
  callBytes: 0,
  replyBytes: 0,
  duration: createHistogram(),
  ended: createRateCounter(now),
  failures: createRateCounter(now),
});

/** An operation has ended. `code`: what it failed with; what is no code of this version counts as `(other)`. */
export function countEnd(route: Route, now: number, duration: number | undefined, code: string | undefined): void {
  route.ended.add(now);
  if (duration !== undefined) record(route.duration, duration);
  if (code === undefined) {
    route.succeeded += 1;
    return;
  }
  route.failed += 1;
  route.failures.add(now);
  const known = isErrorCode(code) ? code : otherName;
  route.errors.set(known, (route.errors.get(known) ?? 0) + 1);
}

/** Adds what another row has counted, but for its rates. */
export function addRoute(into: Route, route: Omit<Route, keyof RouteKey | "ended" | "failures">): void {
  into.succeeded += route.succeeded;
  into.failed += route.failed;
  for (const [code, count] of route.errors) into.errors.set(code, (into.errors.get(code) ?? 0) + count);
  into.retries += route.retries;
  into.deadLetters += route.deadLetters;
  into.callBytes += route.callBytes;
  into.replyBytes += route.replyBytes;
  addInto(into.duration, route.duration);
}

export const keyOf = ({ from, to, method, type, direction }: RouteKey): RouteKey => ({ from, to, method, type, direction });

export function figuresOf(route: Route, now: number): RouteFigures {
  const { succeeded, failed, errors, retries, deadLetters, callBytes, replyBytes, duration, ended, failures } = route;
  const count = succeeded + failed;
  return {
    count,
    succeeded,
    failed,
    errorRate: count === 0 ? 0 : failed / count,
    errors: Object.fromEntries([...errors].sort(byText)),
    retries,
    deadLetters,
    bytes: { calls: callBytes, replies: replyBytes },
    rate: ended.rates(now),
    failureRate: failures.rates(now),
    duration: summarize(duration),
  };
}

const byText = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);
