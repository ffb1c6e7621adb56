import type { Method } from "../../contract/index.js";
import type { EnvelopeType, Headers, OutgoingHeader, Priority } from "../../envelope/types.js";
import { type ErrorDetails, TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Lane } from "../../link/message.js";
import type { CallPolicy } from "../../resilience/types.js";
import type { TraceContext } from "../../telemetry/trace-context.js";
import { isTraceContext, nowhere } from "../telemetry/trace-headers.js";

/** What every operation takes. */
export interface OperationOptions {
  /** ms for the whole operation, dialling included. Default 30,000. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default `normal`; messages over 256 KiB go in `low` unless this says otherwise. */
  readonly priority?: Priority | undefined;
  /** ms after which the receiver must not run the handler any more, by its own clock. Requests: their timeout by default. Others: none. */
  readonly ttl?: number | undefined;
  /** 1 to 128 visible ASCII characters: the same key means the same operation. A request with one goes to another instance when the one that has it is gone. */
  readonly idempotencyKey?: string | undefined;
  /** At most 32; lower-case names, printable values, 8 KiB in all. */
  readonly headers?: Headers | undefined;
  /** Its place in a trace: `context.trace` of the handler that asks, or from elsewhere. Default: what the agent's tracer knows of the code that calls. */
  readonly trace?: TraceContext | undefined;
  /** Of what is sent for many messages at once, `context.trace` of each: at most 128. They are links of its span (OpenTelemetry's), and do not travel. */
  readonly traces?: readonly (TraceContext | undefined)[] | undefined;
}

export interface RequestOptions extends OperationOptions {
  /** How it is tried again, and when not at all: instead of the agent's `resilience`. `false`: without one. */
  readonly policy?: CallPolicy | false | undefined;
}

export interface NotifyOptions extends RequestOptions {
  /** What to wait for: the window (default), the peer's memory (`received`), or the end of its handler (`done`). */
  readonly confirm?: "received" | "done" | undefined;
  /**
   * Keeps the message in this agent's store until the peer has handled it, across restarts of either side: at least once. The promise then
   * resolves when it is on disk, and `confirm` waits for more; a timeout ends the waiting only. Default: as the method says, else false.
   */
  readonly durable?: boolean | undefined;
}

const priorities: readonly Priority[] = ["critical", "high", "normal", "low"];

/** The longest a timer can be set for (2^31 - 1 ms). */
const timeoutMax = 2 ** 31 - 1;

const known = new Set(["timeout", "signal", "priority", "ttl", "idempotencyKey", "headers", "trace", "traces", "confirm", "durable"]);

/** Throws `invalid_argument` for an unknown option or a wrong one, `cancelled` when the signal has fired already. `isCall`: it may be under a policy. */
export function checkOperation(options: NotifyOptions, isCall = false): void {
  for (const name in options)
    if (!known.has(name) && !(isCall && name === "policy")) throw wrong(`has no option '${name.slice(0, 40)}'. Options are ${[...known].join(", ")}`);
  const { timeout, ttl, priority, signal, trace, traces, confirm, durable } = options;
  if (timeout !== undefined && !(typeof timeout === "number" && timeout > 0 && timeout <= timeoutMax)) throw wrong("needs a timeout of 1 to 2^31 - 1 ms");
  if (ttl !== undefined && !(Number.isInteger(ttl) && ttl > 0 && ttl < 2 ** 32)) throw wrong("needs a ttl of whole ms, 1 to 2^32 - 1");
  if (priority !== undefined && !priorities.includes(priority)) throw wrong(`needs a priority out of ${priorities.join(", ")}`);
  if (confirm !== undefined && confirm !== "received" && confirm !== "done") throw wrong("needs a confirm out of received, done");
  if (durable !== undefined && typeof durable !== "boolean") throw wrong("needs a boolean durable");
  if (trace !== undefined && trace !== nowhere && !isTraceContext(trace))
    throw wrong("needs a trace of { traceId, spanId, sampled }, and a state of at most 512 printable characters");
  if (traces !== undefined && !areTraces(traces)) throw wrong(`needs traces, a list of at most ${limits.operationTracesMax}, each as \`context.trace\` has it`);
  // A durable notification takes another way.
  if (isCall && durable === true) throw wrong("cannot be durable: somebody waits for the answer to a request. Give it an idempotencyKey, or notify");
  if (signal === undefined) return;
  if (!isSignal(signal)) throw wrong("needs a signal that is an AbortSignal, such as that of an AbortController");
  if (signal.aborted) throw cancelled(signal);
}

/** Of any realm. */
const isSignal = (value: Partial<AbortSignal> | null): boolean => typeof value?.aborted === "boolean" && typeof value.addEventListener === "function";

export const timeoutOf = (options: OperationOptions): number => options.timeout ?? limits.requestTimeoutMs;

export function laneOf(options: OperationOptions, bytes: number): Lane {
  if (options.priority !== undefined) return priorities.indexOf(options.priority) as Lane;
  return bytes > limits.lowLaneFromBytes ? 3 : 2;
}

export const laneOfPriority = (priority: Priority, bytes: number): Lane =>
  priority === "normal" && bytes > limits.lowLaneFromBytes ? 3 : (priorities.indexOf(priority) as Lane);

/** What the envelope of a request or notification says beside its payload. */
export function headerOf(
  type: EnvelopeType,
  id: string | Uint8Array,
  timestamp: number,
  method: Method,
  { idempotencyKey, headers, priority = "normal" }: OperationOptions,
  ttl: number | undefined,
): OutgoingHeader {
  const header: { -readonly [name in keyof OutgoingHeader]: OutgoingHeader[name] } = { type, id, timestamp, priority, method: method.name };
  if (ttl !== undefined) header.ttl = ttl;
  if (idempotencyKey !== undefined) header.idempotencyKey = idempotencyKey;
  if (headers !== undefined) header.headers = headers;
  return header;
}

const areTraces = (traces: unknown): boolean =>
  Array.isArray(traces) && traces.length <= limits.operationTracesMax && traces.every((trace) => trace === undefined || isTraceContext(trace));

const wrong = (what: string): TightbeamError => new TightbeamError("invalid_argument", `The operation ${what}.`);

export const cancelled = (signal: AbortSignal): TightbeamError =>
  new TightbeamError("cancelled", "The operation was cancelled before anything was sent.", { cause: signal.reason });

/** The signal fired, or the time ran out, when the peer may have the message already. */
export const outcomeUnknown = (why: string, options: OperationOptions, cause?: unknown): TightbeamError =>
  new TightbeamError("delivery_unknown", `${why} after the message was sent: whether the handler ran is unknown.`, {
    cause,
    ...(options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
  });

/** The same error, which says under which key the operation may be repeated. */
export const withKey = (error: TightbeamError, { idempotencyKey }: OperationOptions): TightbeamError =>
  idempotencyKey === undefined ? error : new TightbeamError(error.code, error.message, { ...detailsOf(error), idempotencyKey });

const detailsOf = ({ cause, retryable, retryAfter, id }: TightbeamError): ErrorDetails => ({
  cause,
  retryable,
  ...(retryAfter === undefined ? undefined : { retryAfter }),
  ...(id === undefined ? undefined : { id }),
});
