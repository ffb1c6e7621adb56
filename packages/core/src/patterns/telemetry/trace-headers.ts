import { createBeside } from "../../beside.js";
import { encodeUtf8 } from "../../bytes.js";
import { isPrintable, maxHeaders } from "../../envelope/grammar.js";
import type { Headers } from "../../envelope/types.js";
import * as limits from "../../limits.js";
import { areIds, formatTraceparent, parseTraceContext, stateMaxLength, type TraceContext } from "../../telemetry/trace-context.js";

interface Known {
  /** As the headers say it. */
  said: TraceContext | undefined;
  /** Of the span of a message with these headers, which knows the one above. */
  at: TraceContext | undefined;
}

const known = createBeside<Headers, Known>();

/** What a sender said of the trace its message is part of: nobody has checked more than its form. */
export function saidIn(headers: Headers | undefined): TraceContext | undefined {
  if (headers?.traceparent === undefined) return undefined;
  const before = known.get(headers);
  if (before?.said !== undefined) return before.said;
  const said = parseTraceContext(headers.traceparent, headers.tracestate);
  if (before !== undefined) before.said = said;
  else if (said !== undefined) known.set(headers, { said, at: undefined });
  return said;
}

/** The same, or the span that the message has here. */
export const traceOf = (headers: Headers | undefined): TraceContext | undefined =>
  headers?.traceparent === undefined ? undefined : (known.get(headers)?.at ?? saidIn(headers));

/** What is told of a message with these headers from now on is told of this span. */
export function standsAt(headers: Headers | undefined, context: TraceContext | undefined): void {
  if (headers?.traceparent === undefined || context === undefined) return;
  const before = known.get(headers);
  if (before === undefined) known.set(headers, { said: undefined, at: context });
  else before.at = context;
}

/** Of an operation that begins outside of every trace. Its ids are those that W3C Trace Context calls invalid. */
export const nowhere: TraceContext = Object.freeze({ traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: false });

/** True for what can travel: given from the outside, it may be anything. */
export function isTraceContext(trace: unknown): trace is TraceContext {
  const { traceId, spanId, state } = Object(trace) as Partial<TraceContext>;
  return areIds(traceId, spanId) && (state === undefined || (isPrintable(state) && state.length <= stateMaxLength));
}

/** The application's headers with the context's beside them; as they are where they name a trace themselves, where it cannot travel, or leaves them no room. */
export function withTrace(headers: Headers | undefined, trace: TraceContext): Headers | undefined {
  if (headers?.traceparent !== undefined || !isTraceContext(trace)) return headers;
  const { state } = trace;
  if (headers === undefined && state === undefined) return { traceparent: formatTraceparent(trace) };
  const both = { ...headers, traceparent: formatTraceparent(trace), ...(state === undefined ? undefined : { tracestate: state }) };
  const entries = Object.entries(both);
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + encodeUtf8(String(value)).length + 3, restBytes);
  return entries.length > maxHeaders || bytes > limits.envelopeHeaderMaxBytes ? headers : both;
}

/** Everything of an envelope's header that is neither a header of this kind nor an error. */
const restBytes = 400;
