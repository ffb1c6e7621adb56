import * as limits from "../../limits.js";
import type { MessageMoment, MessageStage } from "../../telemetry/types.js";
import { traceIdOf } from "./ids.js";
import type { TraceCall, TraceStage } from "./types.js";

/** A party whose instance only the other side may know. */
export interface Party {
  readonly id: string;
  instance: string | undefined;
}

/** A call as it is kept: what its stages say, in the order in which they came. */
export interface KeptCall {
  readonly id: string;
  readonly from: Party;
  readonly to: Party;
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
  /** By each side's clock. */
  fromStartedAt: number | undefined;
  toStartedAt: number | undefined;
  lastAt: number;
  readonly stages: TraceStage[];
  moreStages: number;
}

export interface SideTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
}

/** A moment in its call: which of both sides saw it, and of which of both messages it is. */
export interface Seen {
  readonly id: string;
  readonly side: TraceStage["side"];
  readonly of: TraceStage["of"];
  readonly from: string;
  readonly to: string;
}

const uuidLength = 36;

/** Undefined: it belongs to no call. `agent`: who saw it. */
export function seenBy(agent: string, { type, id, correlationId, direction, peer }: MessageMoment): Seen | undefined {
  const isReply = type === "response" || type === "error";
  const callId = isReply ? correlationId : id;
  if (callId?.length !== uuidLength) return undefined;
  const of = isReply ? "reply" : "call";
  return (direction === "sent") !== isReply
    ? { id: callId, side: "from", of, from: agent, to: peer.id }
    : { id: callId, side: "to", of, from: peer.id, to: agent };
}

export const isFailure = (stage: MessageStage): boolean => stage === "failed" || stage === "expired" || stage === "dead_lettered";

export const newCall = ({ id, from, to }: Seen, { at, priority }: Pick<MessageMoment, "at" | "priority">): KeptCall => ({
  id,
  from: { id: from, instance: undefined },
  to: { id: to, instance: undefined },
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
export function addMoment(call: KeptCall, { side, of }: Seen, moment: MessageMoment, keepsStage: boolean): void {
  const { what, at, trace, peer, name, duration, code, attempt } = moment;
  const began = duration === undefined ? at : Math.ceil(at - duration);
  if (side === "from") call.fromStartedAt = Math.min(call.fromStartedAt ?? began, began);
  else call.toStartedAt = Math.min(call.toStartedAt ?? began, began);
  if (at > call.lastAt) call.lastAt = at;
  call.interrupted = false;
  call.method ??= name;
  (side === "from" ? call.to : call.from).instance ??= peer.instance;
  if (of === "reply") call.replyBytes = moment.bytes;
  else {
    // Of a letter the type is not known.
    if (what !== "dead_lettered" || call.type === undefined) call.type = moment.type as TraceCall["type"];
    call.priority = moment.priority;
    call.bytes = moment.bytes;
    call.durable ||= moment.durable === true;
    if (trace !== undefined) {
      const { traceId, spanId, parentSpanId } = trace;
      if (side === "from") call.fromTrace ??= { traceId, spanId, parentSpanId };
      else call.toTrace ??= { traceId, spanId, parentSpanId };
    }
  }
  if (!keepsStage) return;
  const stage: { -readonly [name in keyof TraceStage]: TraceStage[name] } = { stage: what, side, of, at };
  if (duration !== undefined) stage.duration = duration;
  if (code !== undefined) stage.code = code;
  if (attempt !== undefined) stage.attempt = attempt;
  place(call, stage);
}

/** The stages that say how it began and what came of it. */
export const isOutline = (stage: MessageStage): boolean => stage !== "sealed" && stage !== "sent";

const isEnd = ({ stage }: TraceStage): boolean => isFailure(stage) || stage === "answered" || stage === "processed";

/** Where there is no room an end takes the place of a step. */
function place(call: KeptCall, stage: TraceStage): void {
  const { stages } = call;
  if (stages.length < limits.traceStages) {
    stages.push(stage);
    return;
  }
  call.moreStages++;
  if (!isEnd(stage)) return;
  const step = stages.findLastIndex((one) => !isEnd(one));
  stages[step === -1 ? stages.length - 1 : step] = stage;
}
