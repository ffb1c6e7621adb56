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
  /** As each side says. */
  fromTrace: SideTrace | undefined;
  toTrace: SideTrace | undefined;
  sampled: boolean;
  /** It was under way when it was last watched. */
  interrupted: boolean;
  /** By each side's clock. Undefined: it was not seen by that one. */
  fromStartedAt: number | undefined;
  toStartedAt: number | undefined;
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
  fromTrace: undefined,
  toTrace: undefined,
  sampled: false,
  interrupted: false,
  fromStartedAt: undefined,
  toStartedAt: undefined,
  lastAt: 0,
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
  call.fromTrace = undefined;
  call.toTrace = undefined;
  call.sampled = false;
  call.interrupted = false;
  call.fromStartedAt = undefined;
  call.toStartedAt = undefined;
  call.lastAt = at;
  call.stages.length = 0;
  call.moreStages = 0;
  return call;
}

/** The sender's word about the trace counts: the receiver has it from its peer. */
export const traceOf = ({ fromTrace, toTrace, id }: KeptCall): string => fromTrace?.traceId ?? toTrace?.traceId ?? traceIdOf(id);

/** Its trace is the one that begins with it. */
export function beginsTrace({ fromTrace, toTrace, id }: KeptCall): boolean {
  const trace = fromTrace ?? toTrace;
  return hasIdForm(id) && (trace === undefined || isNamedAfter(trace.traceId, id));
}

export const startOf = ({ fromStartedAt, toStartedAt, lastAt }: KeptCall): number => fromStartedAt ?? toStartedAt ?? lastAt;

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
  const began = duration === undefined ? at : Math.ceil(at - duration);
  if (from) {
    if (call.fromStartedAt === undefined || began < call.fromStartedAt) call.fromStartedAt = began;
    call.toInstance ??= peer.instance;
  } else {
    if (call.toStartedAt === undefined || began < call.toStartedAt) call.toStartedAt = began;
    call.fromInstance ??= peer.instance;
  }
  if (at > call.lastAt) call.lastAt = at;
  call.interrupted = false;
  call.method ??= message.name;
  if (reply) call.replyBytes = message.bytes;
  else {
    // Of a letter the type is not known.
    if (what !== "dead_lettered" || call.type === undefined) call.type = message.type as TraceCall["type"];
    call.priority = message.priority;
    call.bytes = message.bytes;
    if (message.durable === true) call.durable = true;
    const { trace } = message;
    if (trace !== undefined) {
      if (from) call.fromTrace ??= trace;
      // Its own span is the child of what its peer sent, which is what it knows at first.
      else if (call.toTrace === undefined || trace.parentSpanId !== undefined) call.toTrace = trace;
    }
  }
  if (keepsStage && !addStage(call.stages, from, reply, what, at, duration, code, attempt)) call.moreStages++;
}

/** The same of a moment. */
export const addMoment = (call: KeptCall, moment: MessageMoment, keepsStage: boolean): void =>
  addToCall(call, moment, keepsStage, moment.what, moment.at, moment.duration, moment.code, moment.attempt);
