import { concat, decodeUtf8, encodeUtf8 } from "../../bytes.js";
import { isErrorCode, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import { numberKey } from "../../store/keys.js";
import { type KeptCall, placeIn, type SideTrace, sideTrace } from "./call.js";
import { pack, unpacked } from "./stages.js";
import type { TraceStage } from "./types.js";

/*
 * traces/<u48 hex>   u8 1, JSON of the call; of its stages the values alone. The number only says which came first: names are in the value, which is sealed.
 */
export const callPrefix = "traces/";
export const callKey = (number: number): string => callPrefix + numberKey(number);

const version = 1;

export function encodeCall(call: KeptCall): Uint8Array {
  const rows = unpacked(call.stages).map(({ stage, side, of, at, duration, code, attempt }) => [
    stage,
    side,
    of,
    at,
    duration ?? null,
    code ?? null,
    attempt ?? null,
  ]);
  const kept = Object.fromEntries(names.map((name) => [name, Number.isNaN(call[name]) ? undefined : call[name]]));
  return concat(
    Uint8Array.of(version),
    encodeUtf8(JSON.stringify({ ...kept, fromTrace: sideTrace(call, true), toTrace: sideTrace(call, false), stages: rows })),
  );
}

type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value);
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
/** Ids and names: longer ones are none. */
const isText: Check = (value) => typeof value === "string" && value.length <= 256;
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string);
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

const isSideTrace: Check = (value) => isObject(value) && isText(value.traceId) && isText(value.spanId) && optional(isText)(value.parentSpanId);

/** Written as a context for each side. */
type TraceField = "fromTraceId" | "fromSpanId" | "fromParentSpanId" | "toTraceId" | "toSpanId" | "toParentSpanId";

/** What every entry is checked for: a store's bytes may be of another release. */
const shape: Readonly<Record<Exclude<keyof KeptCall, "interrupted" | "stages" | "generation" | "kept" | TraceField>, Check>> = {
  id: isText,
  from: isText,
  to: isText,
  fromInstance: optional(isText),
  toInstance: optional(isText),
  type: optional(oneOf("request", "notification", "stream", "event")),
  priority: oneOf("critical", "high", "normal", "low"),
  method: optional(isText),
  durable: (value) => typeof value === "boolean",
  bytes: isCount,
  replyBytes: optional(isCount),
  sampled: (value) => typeof value === "boolean",
  fromStartedAt: optional(isNumber),
  toStartedAt: optional(isNumber),
  lastAt: isNumber,
  moreStages: isCount,
};

const names = Object.keys(shape) as (keyof typeof shape)[];

const isStage = oneOf("queued", "sealed", "sent", "acknowledged", "answered", "delivered", "processed", "failed", "expired", "dead_lettered");

function stageOf(row: unknown): TraceStage | undefined {
  if (!Array.isArray(row)) return undefined;
  const [stage, side, of, at, duration, code, attempt] = row as unknown[];
  const fits = isStage(stage) && (side === "from" || side === "to") && (of === "call" || of === "reply") && isNumber(at);
  if (!fits || !(duration === null || isNumber(duration)) || !(code === null || isErrorCode(code)) || !(attempt === null || isCount(attempt))) return undefined;
  const made: Record<string, unknown> = { stage, side, of, at };
  if (duration !== null) made.duration = duration;
  if (code !== null) made.code = code;
  if (attempt !== null) made.attempt = attempt;
  return made as unknown as TraceStage;
}

/** Throws `store_damaged`. */
export function decodeCall(key: string, bytes: Uint8Array): KeptCall {
  const given = bytes[0] === version ? json(bytes.subarray(1)) : undefined;
  if (!isObject(given)) throw damaged(key);
  const call: Record<string, unknown> = { interrupted: false, generation: 0, kept: undefined };
  for (const [name, fits] of Object.entries(shape)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (!fits(value)) throw damaged(key);
    call[name] = value;
  }
  for (const side of ["from", "to"] as const) {
    call[`${side}StartedAt`] ??= Number.NaN;
    const trace = Object.hasOwn(given, `${side}Trace`) ? given[`${side}Trace`] : undefined;
    if (!optional(isSideTrace)(trace)) throw damaged(key);
    for (const name of ["TraceId", "SpanId", "ParentSpanId"]) call[side + name] = undefined;
    if (trace !== undefined) placeIn(call as unknown as KeptCall, side === "from", trace as SideTrace);
  }
  if (!Array.isArray(given.stages) || given.stages.length > keptLimits.traceStages) throw damaged(key);
  const stages = given.stages.map(stageOf);
  if (!stages.every((stage) => stage !== undefined)) throw damaged(key);
  return { ...call, stages: pack(stages) } as unknown as KeptCall;
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    return undefined;
  }
}

const damaged = (key: string): TightbeamError =>
  new TightbeamError("store_damaged", `The entry ${key} of a trace store cannot be read: it is damaged, or of another release. It stays in the store.`);
