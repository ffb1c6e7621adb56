import type { Headers } from "../../envelope/types.js";
import { formatTraceparent, parseTraceContext, type TraceContext } from "../../telemetry/trace-context.js";

/** What a sender said of the trace its message is part of: nobody has checked more than its form. */
export const traceOf = (headers: Headers | undefined): TraceContext | undefined => parseTraceContext(headers?.traceparent, headers?.tracestate);

/** Of an operation that begins outside of every trace. Its ids are those that W3C Trace Context calls invalid. */
export const nowhere: TraceContext = Object.freeze({ traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: false });

/** True for ids that can travel: given from the outside, it may be anything. */
export const isTraceContext = (trace: unknown): trace is TraceContext => parseTraceContext(formatTraceparent(Object(trace))) !== undefined;

/** The application's headers with the context's beside them; as they are where they name a trace themselves. */
export const withTrace = (headers: Headers | undefined, trace: TraceContext): Headers =>
  headers?.traceparent === undefined
    ? { ...headers, traceparent: formatTraceparent(trace), ...(trace.state === undefined ? undefined : { tracestate: trace.state }) }
    : headers;
