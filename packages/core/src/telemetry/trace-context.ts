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

/** All shapes are made here. */
export function contextAt(traceId: string, spanId: string, sampled: boolean, state?: string, parentSpanId?: string): TraceContext {
  const context: { -readonly [name in keyof TraceContext]: TraceContext[name] } = { traceId, spanId, sampled };
  if (state !== undefined) context.state = state;
  if (parentSpanId !== undefined) context.parentSpanId = parentSpanId;
  return context;
}

/** Lower-case hexadecimal characters between the two places, not all of them zero. */
function isIdAt(text: string, from: number, to: number): boolean {
  let any = false;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code !== zero) any = true;
    if (!((code >= zero && code <= nine) || (code >= smallA && code <= smallF))) return false;
  }
  return any;
}
const [zero, nine, smallA, smallF, hyphen] = [48, 57, 97, 102, 45];

/** The ids of a context, as the standard has them. */
export const areIds = (traceId: unknown, spanId: unknown): boolean =>
  typeof traceId === "string" &&
  typeof spanId === "string" &&
  traceId.length === traceIdLength &&
  spanId.length === spanIdLength &&
  isIdAt(traceId, 0, traceIdLength) &&
  isIdAt(spanId, 0, spanIdLength);
const traceIdLength = 32;
const spanIdLength = 16;

/** Version 00 ends there; what a later one has behind it is not read. */
const shape = /^(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const length00 = 55;
const isHyphenAt = (text: string, at: number): boolean => text.charCodeAt(at) === hyphen;

/** What nearly all look like, without an expression: version 00, sampled or not, and nothing else. */
const isUsual = (text: string): boolean =>
  text.length === length00 &&
  text.startsWith("00-") &&
  isIdAt(text, 3, 35) &&
  isHyphenAt(text, 35) &&
  isIdAt(text, 36, 52) &&
  isHyphenAt(text, 52) &&
  text.charCodeAt(53) === zero &&
  (text.charCodeAt(54) | 1) === zero + 1;

/** 3.3.1.5: a longer `tracestate` is left out. */
export const stateMaxLength = 512;

/** Undefined for what is no trace context: then a new trace begins (3.2.2, 3.3.1). Later versions are read as far as this one knows them. */
export function parseTraceContext(traceparent: string | undefined, tracestate?: string): TraceContext | undefined {
  if (traceparent === undefined) return undefined;
  const state = tracestate !== undefined && tracestate !== "" && tracestate.length <= stateMaxLength ? tracestate : undefined;
  if (isUsual(traceparent)) return contextAt(traceparent.slice(3, 35), traceparent.slice(36, 52), traceparent.charCodeAt(54) !== zero, state);
  const [, traceId, spanId, flags] = shape.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return contextAt(traceId, spanId, (Number.parseInt(flags, 16) & 1) === 1, state);
}

export const formatTraceparent = ({ traceId, spanId, sampled }: TraceContext): string => `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`;
