import type { Headers } from "../../envelope/types.js";
import type { TraceContext } from "../../telemetry/trace-context.js";
import type { Span } from "../../telemetry/tracer.js";
import type { OperationOptions } from "../asking/operation.js";
import type { Handled, Taps } from "../taps.js";
import { isTraceContext, nowhere, traceOf, withTrace } from "./trace-headers.js";

/** Where the last try of a call stood: in the options of all its tries, for whose next one has a link to it. */
export const tries = Symbol("tries");
export interface Tried {
  readonly [tries]?: { last: TraceContext | undefined };
}

/** Where a handler stands: in its own span, else where its sender said. */
export const traceAt = ({ span }: Handled, headers: Headers | undefined): TraceContext | undefined => contextOf(span?.span) ?? traceOf(headers);

/** A tracer's context, whatever its tracer makes of it. */
export function contextOf(span: Span | undefined): TraceContext | undefined {
  try {
    return span?.context;
  } catch {
    return undefined;
  }
}

/** An operation that says where it stands: taken when it begins, because what it waits for goes on in other hands. Without a tracer the context itself travels. */
export function standing<O extends OperationOptions>({ tracing }: Taps, operation: O): O {
  if (tracing === undefined && operation.trace === undefined) return operation;
  const trace = operation.trace ?? tracing?.current();
  if (trace === undefined || !(trace === nowhere || isTraceContext(trace))) return operation;
  if (tracing !== undefined) return trace === nowhere && isEmpty(operation) ? (beginning as O) : { ...operation, trace };
  return { ...operation, trace: undefined, headers: withTrace(operation.headers, trace) };
}

/** Of an operation without options that begins a trace. */
export const beginning: OperationOptions = Object.freeze({ trace: nowhere });

function isEmpty(options: object): boolean {
  for (const _ in options) return false;
  return true;
}
