import { createBeside } from "../beside.js";

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

const formed = createBeside<TraceContext, true>();

/** One whose ids are known to have the form of the standard. */
export function wellFormed(traceId: string, spanId: string, sampled: boolean, state?: string, parentSpanId?: string): TraceContext {
  const context: { -readonly [name in keyof TraceContext]: TraceContext[name] } = { traceId, spanId, sampled };
  if (state !== undefined) context.state = state;
  if (parentSpanId !== undefined) context.parentSpanId = parentSpanId;
  formed.set(context, true);
  return context;
}

/** Made by `wellFormed`, and not a copy. */
export const isWellFormed = (context: unknown): boolean => typeof context === "object" && context !== null && formed.get(context as TraceContext) === true;

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
  return wellFormed(traceId, spanId, sampled, kept ? tracestate : undefined);
}

export const formatTraceparent = ({ traceId, spanId, sampled }: TraceContext): string => `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`;
