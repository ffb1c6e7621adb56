import type { Headers } from "../../envelope/types.js";
import { formatTraceparent, parseTraceContext, type TraceContext } from "../../telemetry/trace-context.js";

/** Of the span of a message with these headers, which knows the one above; else as they were read. */
const contexts = new WeakMap<Headers, TraceContext>();

/** What a sender said of the trace its message is part of: nobody has checked more than its form. */
export const saidIn = (headers: Headers | undefined): TraceContext | undefined =>
  headers?.traceparent === undefined ? undefined : parseTraceContext(headers.traceparent, headers.tracestate);

/** The same, or the span that the message has here. */
export function traceOf(headers: Headers | undefined): TraceContext | undefined {
  if (headers?.traceparent === undefined) return undefined;
  const known = contexts.get(headers);
  if (known !== undefined) return known;
  const context = saidIn(headers);
  if (context !== undefined) contexts.set(headers, context);
  return context;
}

/** What is told of a message with these headers from now on is told of this span. */
export function standsAt(headers: Headers | undefined, context: TraceContext | undefined): void {
  if (headers?.traceparent !== undefined && context !== undefined) contexts.set(headers, context);
}

/** Of an operation that begins outside of every trace. Its ids are those that W3C Trace Context calls invalid. */
export const nowhere: TraceContext = Object.freeze({ traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: false });

/** True for ids that can travel: given from the outside, it may be anything. */
export const isTraceContext = (trace: unknown): trace is TraceContext => parseTraceContext(formatTraceparent(Object(trace))) !== undefined;

/** The application's headers with the context's beside them; as they are where they name a trace themselves. */
export const withTrace = (headers: Headers | undefined, trace: TraceContext): Headers =>
  headers?.traceparent === undefined
    ? { ...headers, traceparent: formatTraceparent(trace), ...(trace.state === undefined ? undefined : { tracestate: trace.state }) }
    : headers;
