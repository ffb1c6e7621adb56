import type { ErrorCode } from "../../errors.js";
import type { TraceContext } from "../../telemetry/trace-context.js";
import type { MessageMoment, MessageStage } from "../../telemetry/types.js";
import { hasIdForm, isNamedAfter, traceIdOf } from "./ids.js";
import { addStage, noStages, type PackedStages } from "./stages.js";
import type { TraceCall } from "./types.js";

/** What of a side's context counts. */
export type SideTrace = Pick<TraceContext, "traceId" | "spanId" | "parentSpanId">;

/** A call as it is kept: what its moments say, in the order in which they came. */
export interface KeptCall {
  id: string;
  from: string;
  to: string;
  /** Of an instance only the other side may know. */
  fromInstance: string | undefined;
  toInstance: string | undefined;
  /** Undefined until its own message says what it is. */
  type: TraceCall["type"] | undefined;
  priority: TraceCall["priority"];
  method: string | undefined;
  durable: boolean;
  bytes: number;
  replyBytes: number | undefined;
  /**
   * As each side says; without a span id it says nothing. The trace that is named after the call is undefined. Field by field, and not as the contexts that
   * came: what is made for each message and then kept is dear to collect.
   */
  fromTraceId: string | undefined;
  fromSpanId: string | undefined;
  fromParentSpanId: string | undefined;
  toTraceId: string | undefined;
  toSpanId: string | undefined;
  toParentSpanId: string | undefined;
  sampled: boolean;
  /** It was under way when it was last watched. */
  interrupted: boolean;
  /** By each side's clock; NaN: it was not seen by that one. Numbers from the start, so that each is written where the one before stood. */
  fromStartedAt: number;
  toStartedAt: number;
  lastAt: number;
  readonly stages: PackedStages;
  moreStages: number;
  /** Another one for each call that it was: an object is used again for the next when its call has gone. */
  generation: number;
  /** Its places, of whoever keeps it. */
  kept: object | undefined;
}

/** What of a message counts for its call: a moment has it, and what is followed. */
export type CallMessage = Pick<MessageMoment, "direction" | "type" | "id" | "peer" | "priority" | "bytes"> & {
  readonly [name in "correlationId" | "name" | "trace" | "durable"]?: MessageMoment[name] | undefined;
};

/** Of the call and its reply: which message, and which of both sides saw it. */
export const isReply = ({ type }: Pick<CallMessage, "type">): boolean => type === "response" || type === "error";
export const isFrom = (message: CallMessage): boolean => (message.direction === "sent") !== isReply(message);
export const callIdOf = (message: CallMessage): string | undefined => (isReply(message) ? message.correlationId : message.id);

const blankCall = (): KeptCall => ({
  id: "",
  from: "",
  to: "",
  fromInstance: undefined,
  toInstance: undefined,
  type: undefined,
  priority: "normal",
  method: undefined,
  durable: false,
  bytes: 0,
  replyBytes: undefined,
  fromTraceId: undefined,
  fromSpanId: undefined,
  fromParentSpanId: undefined,
  toTraceId: undefined,
  toSpanId: undefined,
  toParentSpanId: undefined,
  sampled: false,
  interrupted: false,
  fromStartedAt: Number.NaN,
  toStartedAt: Number.NaN,
  lastAt: Number.NaN,
  stages: noStages(),
  moreStages: 0,
  generation: 0,
  kept: undefined,
});

/** `spare`: the object of one that has gone. */
export function newCall(id: string, from: string, to: string, at: number, priority: KeptCall["priority"], spare?: KeptCall): KeptCall {
  const call = spare ?? blankCall();
  call.id = id;
  call.from = from;
  call.to = to;
  call.fromInstance = undefined;
  call.toInstance = undefined;
  call.type = undefined;
  call.priority = priority;
  call.method = undefined;
  call.durable = false;
  call.bytes = 0;
  call.replyBytes = undefined;
  call.fromTraceId = undefined;
  call.fromSpanId = undefined;
  call.fromParentSpanId = undefined;
  call.toTraceId = undefined;
  call.toSpanId = undefined;
  call.toParentSpanId = undefined;
  call.sampled = false;
  call.interrupted = false;
  call.fromStartedAt = Number.NaN;
  call.toStartedAt = Number.NaN;
  call.lastAt = at;
  call.stages.length = 0;
  call.moreStages = 0;
  return call;
}

/** What a side says of its trace, where it says anything. */
export function sideTrace(call: KeptCall, from: boolean): SideTrace | undefined {
  const spanId = from ? call.fromSpanId : call.toSpanId;
  if (spanId === undefined) return undefined;
  const traceId = (from ? call.fromTraceId : call.toTraceId) ?? traceIdOf(call.id);
  const parentSpanId = from ? call.fromParentSpanId : call.toParentSpanId;
  return parentSpanId === undefined ? { traceId, spanId } : { traceId, spanId, parentSpanId };
}

/** A side says it. */
export function placeIn(call: KeptCall, from: boolean, { traceId, spanId, parentSpanId }: SideTrace): void {
  const other = isNamedAfter(traceId, call.id) ? undefined : traceId;
  if (from) {
    call.fromTraceId = other;
    call.fromSpanId = spanId;
    call.fromParentSpanId = parentSpanId;
  } else {
    call.toTraceId = other;
    call.toSpanId = spanId;
    call.toParentSpanId = parentSpanId;
  }
}

/** What this message says of its call's trace, where that counts: the first word of its sender, and its receiver's last one. */
export function wordOf(call: KeptCall, message: CallMessage, from: boolean): TraceContext | undefined {
  if (isReply(message) || (from && call.fromSpanId !== undefined)) return undefined;
  const { trace } = message;
  // The receiver's own span is the child of what its peer sent, which is what it knows at first.
  return trace !== undefined && (from || call.toSpanId === undefined || trace.parentSpanId !== undefined) ? trace : undefined;
}

/** The sender's word about the trace counts: the receiver has it from its peer. */
const otherTraceOf = (call: KeptCall): string | undefined => (call.fromSpanId === undefined ? call.toTraceId : call.fromTraceId);

export const traceOf = (call: KeptCall): string => otherTraceOf(call) ?? traceIdOf(call.id);

/** Its trace is the one that begins with it. */
export const beginsTrace = (call: KeptCall): boolean => otherTraceOf(call) === undefined && hasIdForm(call.id);

/** Its trace would be another with this word. */
export function isMovedBy(call: KeptCall, from: boolean, { traceId }: TraceContext): boolean {
  const said = from ? call.fromTraceId : call.toTraceId;
  const spanId = from ? call.fromSpanId : call.toSpanId;
  return spanId === undefined || (said === undefined ? !isNamedAfter(traceId, call.id) : said !== traceId);
}

/** Whether that side saw the call. */
export const isSeen = (call: KeptCall, from: boolean): boolean => !Number.isNaN(from ? call.fromStartedAt : call.toStartedAt);

export const startOf = (call: KeptCall): number => (isSeen(call, true) ? call.fromStartedAt : isSeen(call, false) ? call.toStartedAt : call.lastAt);

/** What a stage adds to its call. The outcome does not depend on the order of stages, as long as their number is within bounds. */
export function addToCall(
  call: KeptCall,
  message: CallMessage,
  keepsStage: boolean,
  what: MessageStage,
  at: number,
  duration: number | undefined,
  code: ErrorCode | undefined,
  attempt: number | undefined,
): void {
  const { peer } = message;
  const reply = isReply(message);
  const from = isFrom(message);
  if (from) call.toInstance ??= peer.instance;
  else call.fromInstance ??= peer.instance;
  call.method ??= message.name;
  if (reply) call.replyBytes = message.bytes;
  else {
    // Of a letter the type is not known.
    if (what !== "dead_lettered" || call.type === undefined) call.type = message.type as TraceCall["type"];
    call.priority = message.priority;
    call.bytes = message.bytes;
    if (message.durable === true) call.durable = true;
    const trace = wordOf(call, message, from);
    if (trace !== undefined) placeIn(call, from, trace);
  }
  addStageOf(call, from, reply, keepsStage, what, at, duration, code, attempt);
}

/** All that a stage adds where the call has heard of its message before, and knows its trace. */
export function addStageOf(
  call: KeptCall,
  from: boolean,
  reply: boolean,
  keepsStage: boolean,
  what: MessageStage,
  at: number,
  duration: number | undefined,
  code: ErrorCode | undefined,
  attempt: number | undefined,
): void {
  const began = duration === undefined ? at : Math.ceil(at - duration);
  if (from) {
    if (!(call.fromStartedAt <= began)) call.fromStartedAt = began;
  } else if (!(call.toStartedAt <= began)) call.toStartedAt = began;
  if (at > call.lastAt) call.lastAt = at;
  call.interrupted = false;
  if (keepsStage && !addStage(call.stages, from, reply, what, at, duration, code, attempt)) call.moreStages++;
}

/** The same of a moment. */
export const addMoment = (call: KeptCall, moment: MessageMoment, keepsStage: boolean): void =>
  addToCall(call, moment, keepsStage, moment.what, moment.at, moment.duration, moment.code, moment.attempt);
