import type { Headers } from "../../envelope/types.js";
import { parseTraceContext, type TraceContext } from "../../telemetry/trace-context.js";

/** What a sender said of the trace its message is part of: nobody has checked more than its form. */
export const traceOf = (headers: Headers | undefined): TraceContext | undefined =>
  headers?.traceparent === undefined ? undefined : parseTraceContext(headers.traceparent, headers.tracestate);
