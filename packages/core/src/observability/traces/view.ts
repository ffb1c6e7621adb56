import { type KeptCall, startOf, traceOf } from "./call.js";
import type { KeptTrace } from "./kept-traces.js";
import { clockDifferenceOf, inOrder } from "./order.js";
import { hasFailed, outcomeOf } from "./outcome.js";
import { unpacked } from "./stages.js";
import type { Trace, TraceCall, TraceFilter, TraceParty, TraceSummary } from "./types.js";

type Mutable<T> = { -readonly [name in keyof T]: T[name] };

const partyOf = (id: string, instance: string | undefined): TraceParty => (instance === undefined ? { id } : { id, instance });

/** `parent`: the call whose handler sent it. */
function callView(call: KeptCall, parent: string | undefined): TraceCall {
  const { status, code, duration, attempt } = outcomeOf(call);
  const stages = unpacked(call.stages);
  const clockDifference = clockDifferenceOf(stages);
  const view: Mutable<TraceCall> = {
    id: call.id,
    traceId: traceOf(call),
    type: call.type ?? "request",
    from: partyOf(call.from, call.fromInstance),
    to: partyOf(call.to, call.toInstance),
    priority: call.priority,
    durable: call.durable,
    bytes: call.bytes,
    status,
    sampled: call.sampled,
    startedAt: startOf(call),
    lastAt: call.lastAt,
    stages: inOrder(stages, clockDifference ?? 0),
    moreStages: call.moreStages,
  };
  if (call.fromSpanId !== undefined) view.spanId = call.fromSpanId;
  if (call.fromParentSpanId !== undefined) view.parentSpanId = call.fromParentSpanId;
  if (call.toSpanId !== undefined) view.handlerSpanId = call.toSpanId;
  if (parent !== undefined) view.parent = parent;
  if (call.method !== undefined) view.method = call.method;
  if (call.replyBytes !== undefined) view.replyBytes = call.replyBytes;
  if (code !== undefined) view.code = code;
  if (attempt !== undefined) view.attempt = attempt;
  if (duration !== undefined) view.duration = duration;
  if (clockDifference !== undefined) view.clockDifference = clockDifference;
  return view;
}

const byStart = (a: KeptCall, b: KeptCall): number => startOf(a) - startOf(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

export function traceView({ traceId, calls, more }: KeptTrace): Trace {
  const ordered = [...calls].sort(byStart);
  const handlers = new Map<string, string>();
  for (const { id, toSpanId, fromSpanId } of ordered) {
    if (fromSpanId !== undefined) handlers.set(fromSpanId, id);
    if (toSpanId !== undefined) handlers.set(toSpanId, id);
  }
  const parentOf = ({ id, fromParentSpanId }: KeptCall): string | undefined => {
    const parent = fromParentSpanId === undefined ? undefined : handlers.get(fromParentSpanId);
    return parent === id ? undefined : parent;
  };
  const views = ordered.map((call) => callView(call, parentOf(call)));
  return { traceId, ...spanOf(views), calls: views, more };
}

export function summaryOf({ traceId, calls, more }: KeptTrace): TraceSummary {
  const views = [...calls].sort(byStart).map((call) => callView(call, undefined));
  const { stages: _, ...first } = views[0] as TraceCall;
  return { traceId, ...spanOf(views), calls: calls.length, failed: views.filter(({ status }) => hasFailed(status)).length, first, more };
}

function spanOf(calls: readonly TraceCall[]): Pick<Trace, "status" | "startedAt" | "lastAt"> {
  let startedAt = Number.POSITIVE_INFINITY;
  let lastAt = Number.NEGATIVE_INFINITY;
  let status: Trace["status"] = "completed";
  for (const call of calls) {
    startedAt = Math.min(startedAt, call.startedAt);
    lastAt = Math.max(lastAt, call.lastAt);
    if (call.status === "active") status = "active";
    else if (status === "completed" && (hasFailed(call.status) || call.status === "interrupted")) status = "failed";
  }
  return { status, startedAt, lastAt };
}

/** What a filter asks of a call. */
export function matches(call: KeptCall, { traceId, agent, route = {}, failed, status, since, until }: TraceFilter): boolean {
  const start = startOf(call);
  if (since !== undefined && start < since) return false;
  if (until !== undefined && start >= until) return false;
  if (agent !== undefined && call.from !== agent && call.to !== agent) return false;
  if (route.from !== undefined && call.from !== route.from) return false;
  if (route.to !== undefined && call.to !== route.to) return false;
  if (route.method !== undefined && call.method !== route.method) return false;
  if (traceId !== undefined && traceOf(call) !== traceId) return false;
  if (failed === undefined && status === undefined) return true;
  const outcome = outcomeOf(call).status;
  return (failed === undefined || hasFailed(outcome) === failed) && (status === undefined || outcome === status);
}
