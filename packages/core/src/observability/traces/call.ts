import type { TraceContext } from "../../telemetry/trace-context.js";
import type { MessageMoment } from "../../telemetry/types.js";
import { traceIdOf } from "./ids.js";
import { addStage, type PackedStages } from "./stages.js";
import type { TraceCall } from "./types.js";

/** What of a side's context counts. */
export type SideTrace = Pick<TraceContext, "traceId" | "spanId" | "parentSpanId">;

/** A call as it is kept: what its moments say, in the order in which they came. */
export interface KeptCall {
  readonly id: string;
  readonly from: string;
  readonly to: string;
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
}

/** Of the call and its reply: which message, and which of both sides saw it. */
export const isReply = ({ type }: MessageMoment): boolean => type === "response" || type === "error";
export const isFrom = (moment: MessageMoment): boolean => (moment.direction === "sent") !== isReply(moment);
export const callIdOf = (moment: MessageMoment): string | undefined => (isReply(moment) ? moment.correlationId : moment.id);

export const newCall = (id: string, from: string, to: string, { at, priority }: Pick<MessageMoment, "at" | "priority">): KeptCall => ({
  id,
  from,
  to,
  fromInstance: undefined,
  toInstance: undefined,
  type: undefined,
  priority,
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
  lastAt: at,
  stages: [],
  moreStages: 0,
});

/** The sender's word about the trace counts: the receiver has it from its peer. */
export const traceOf = ({ fromTrace, toTrace, id }: KeptCall): string => fromTrace?.traceId ?? toTrace?.traceId ?? traceIdOf(id);

export const startOf = ({ fromStartedAt, toStartedAt, lastAt }: KeptCall): number => fromStartedAt ?? toStartedAt ?? lastAt;

/** What a moment adds to its call. The outcome does not depend on the order of moments, as long as their number is within bounds. */
export function addMoment(call: KeptCall, moment: MessageMoment, keepsStage: boolean): void {
  const { at, trace, peer, duration } = moment;
  const reply = isReply(moment);
  const from = isFrom(moment);
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
  call.method ??= moment.name;
  if (reply) call.replyBytes = moment.bytes;
  else {
    // Of a letter the type is not known.
    if (moment.what !== "dead_lettered" || call.type === undefined) call.type = moment.type as TraceCall["type"];
    call.priority = moment.priority;
    call.bytes = moment.bytes;
    if (moment.durable === true) call.durable = true;
    if (trace !== undefined) {
      if (from) call.fromTrace ??= trace;
      // Its own span is the child of what its peer sent, which is what it knows at first.
      else if (call.toTrace === undefined || trace.parentSpanId !== undefined) call.toTrace = trace;
    }
  }
  if (keepsStage && !addStage(call.stages, moment, from, reply)) call.moreStages++;
}
