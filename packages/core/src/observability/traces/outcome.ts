import type { ErrorCode } from "../../errors.js";
import { isFailure } from "../../telemetry/failure.js";
import type { KeptCall } from "./call.js";
import { unpacked } from "./stages.js";
import type { CallStatus, TraceStage } from "./types.js";

export interface Outcome {
  readonly status: CallStatus;
  readonly code: ErrorCode | undefined;
  readonly duration: number | undefined;
  /** The last try that was heard of. */
  readonly attempt: number | undefined;
}

/** Of one side's ends the one that counts: a later try's, and of one try the one after which nothing comes. */
const weights: Readonly<Partial<Record<TraceStage["stage"], number>>> = { processed: 1, answered: 2, failed: 3, expired: 4, dead_lettered: 5 };

const outweighs = (one: TraceStage, other: TraceStage | undefined): boolean => {
  if (other === undefined) return true;
  const [attempt, before] = [one.attempt ?? 1, other.attempt ?? 1];
  if (attempt !== before) return attempt > before;
  const [weight, than] = [weights[one.stage] ?? 0, weights[other.stage] ?? 0];
  return weight === than ? one.at < other.at : weight > than;
};

/** What came of a call, as far as its stages say. */
export function outcomeOf(call: KeptCall): Outcome {
  const ends: { from: TraceStage | undefined; to: TraceStage | undefined } = { from: undefined, to: undefined };
  const seen = { from: false, to: false };
  let acknowledged: TraceStage | undefined;
  let attempt: number | undefined;
  const stages = unpacked(call.stages);
  for (const stage of stages) {
    const { side } = stage;
    seen[side] = true;
    if (stage.attempt !== undefined && stage.attempt > (attempt ?? 0)) attempt = stage.attempt;
    if (stage.stage === "acknowledged" && stage.of === "call") {
      if (acknowledged === undefined || stage.at < acknowledged.at) acknowledged = stage;
    } else if (weights[stage.stage] !== undefined && outweighs(stage, ends[side])) ends[side] = stage;
  }
  // A reply that came is the caller's to tell; of what nobody answers the receiver knows what came of it.
  const isAnswered = call.type !== "notification" && call.type !== "event";
  const end = isAnswered ? (ends.from ?? (seen.from ? undefined : ends.to)) : (ends.to ?? (seen.to ? undefined : (ends.from ?? acknowledged)));
  if (end === undefined) return { status: call.interrupted ? "interrupted" : "active", code: undefined, duration: undefined, attempt };
  const status = isFailure(end.stage) ? (end.stage as CallStatus) : "completed";
  return { status, code: end.code, duration: end.duration ?? end.at - firstOf(stages, end.side), attempt };
}

function firstOf(stages: readonly TraceStage[], side: TraceStage["side"]): number {
  let first = Number.POSITIVE_INFINITY;
  for (const stage of stages) if (stage.side === side && stage.at < first) first = stage.at;
  return first;
}

export const hasFailed = (status: CallStatus): boolean => status === "failed" || status === "expired" || status === "dead_lettered";
