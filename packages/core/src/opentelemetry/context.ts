import { createTraceState, isSpanContextValid, type SpanContext, TraceFlags } from "@opentelemetry/api";
import { stateMaxLength, type TraceContext } from "../telemetry/trace-context.js";

export const toSpanContext = ({ traceId, spanId, sampled, state }: TraceContext): SpanContext => ({
  traceId,
  spanId,
  traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
  isRemote: true,
  ...(state === undefined ? {} : { traceState: createTraceState(state) }),
});

/** Undefined where there is none: tracing is suppressed, or neither an SDK nor a parent is there. */
export function fromSpanContext(context: SpanContext, parent: SpanContext | undefined): TraceContext | undefined {
  if (!isSpanContextValid(context)) return undefined;
  const { traceId, spanId, traceFlags } = context;
  const state = context.traceState?.serialize() ?? "";
  const inTrace = parent !== undefined && parent.traceId === traceId && parent.spanId !== spanId;
  return {
    traceId,
    spanId,
    sampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
    ...(state === "" || state.length > stateMaxLength ? {} : { state }),
    ...(inTrace ? { parentSpanId: parent.spanId } : {}),
  };
}
