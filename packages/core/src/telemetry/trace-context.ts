/** Where a message stands in a trace: W3C Trace Context, 3.2 and 3.3. Travels sealed, in the headers `traceparent` and `tracestate` of the envelope. */
export interface TraceContext {
  /** 32 lower-case hexadecimal characters, not all zero. */
  readonly traceId: string;
  /** 16 of them, not all zero: the span that sent the message. */
  readonly spanId: string;
  readonly sampled: boolean;
  /** `tracestate`, as it came. At most 512 characters. */
  readonly state?: string;
  /** The span above, where it is known. It does not travel. */
  readonly parentSpanId?: string;
}

/** Version 00 ends there; what a later one has behind it is not read. */
const shape = /^(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
/** 3.3.1.5: a longer `tracestate` is left out. */
export const stateMaxLength = 512;

/** Undefined for what is no trace context: then a new trace begins (3.2.2, 3.3.1). Later versions are read as far as this one knows them. */
export function parseTraceContext(traceparent: string | undefined, tracestate?: string): TraceContext | undefined {
  const [, traceId, spanId, flags] = (traceparent !== undefined && shape.exec(traceparent)) || [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const sampled = (Number.parseInt(flags, 16) & 1) === 1;
  const kept = tracestate !== undefined && tracestate !== "" && tracestate.length <= stateMaxLength;
  return kept ? { traceId, spanId, sampled, state: tracestate } : { traceId, spanId, sampled };
}

export const formatTraceparent = ({ traceId, spanId, sampled }: TraceContext): string => `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`;
