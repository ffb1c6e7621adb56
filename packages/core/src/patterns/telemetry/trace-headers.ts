import { encodeUtf8 } from "../../bytes.js";
import { isPrintable, maxHeaders } from "../../envelope/grammar.js";
import type { Headers } from "../../envelope/types.js";
import * as limits from "../../limits.js";
import { formatTraceparent, parseTraceContext, type TraceContext } from "../../telemetry/trace-context.js";

/** Everything of an envelope's header that is neither a header of this kind nor an error. */
const restBytes = 400;

/** What a sender said of the trace its message is part of: nobody has checked more than its form. */
export const traceOf = (headers: Headers | undefined): TraceContext | undefined =>
  headers?.traceparent === undefined ? undefined : parseTraceContext(headers.traceparent, headers.tracestate);

/** Of an operation that begins outside of every trace. Its ids are those that W3C Trace Context calls invalid. */
export const nowhere: TraceContext = Object.freeze({ traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: false });

/** True for what can travel: read from the outside, it may be anything. */
export const isTraceContext = (trace: unknown): trace is TraceContext => {
  const { state, ...rest } = Object(trace) as TraceContext;
  return parseTraceContext(formatTraceparent(rest)) !== undefined && (state === undefined || (isPrintable(state) && state.length <= 512));
};

/** The application's headers with the context's beside them; as they are where they name a trace themselves, or have no room left. */
export function withTrace(headers: Headers | undefined, trace: TraceContext): Headers {
  const own = headers ?? {};
  if (own.traceparent !== undefined) return own;
  const { state } = trace;
  const both = { ...own, traceparent: formatTraceparent(trace), ...(state === undefined ? {} : { tracestate: state }) };
  const entries = Object.entries(both);
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + encodeUtf8(String(value)).length + 3, restBytes);
  return entries.length > maxHeaders || bytes > limits.envelopeHeaderMaxBytes ? own : both;
}
