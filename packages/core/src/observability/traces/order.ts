import type { TraceStage } from "./types.js";

/** What can only happen after another thing has a higher rank: it decides between stages of one ms. */
const callRanks = {
  queued: 0,
  sealed: 1,
  sent: 2,
  delivered: 3,
  acknowledged: 4,
  processed: 5,
  answered: 11,
  failed: 13,
  expired: 14,
  dead_lettered: 15,
} as const;
const replyRanks = { ...callRanks, queued: 6, sealed: 7, sent: 8, delivered: 9, processed: 10, acknowledged: 12 } as const;

const rankOf = ({ of, stage }: TraceStage): number => (of === "call" ? callRanks : replyRanks)[stage];

/**
 * What the receiver's clock is ahead of the sender's, in ms; 0 where the stages do not contradict that. Nothing is delivered before it was queued, or answered
 * before it was processed: that bounds the difference from above and from below, and between the two the middle is the best guess. Undefined: only one side was seen.
 */
export function clockDifferenceOf(stages: readonly TraceStage[]): number | undefined {
  const queued = first(stages, "from", "queued");
  const delivered = first(stages, "to", "delivered");
  if (queued === undefined || delivered === undefined) return undefined;
  const most = delivered - queued;
  const [answered, processed] = [first(stages, "from", "answered") ?? first(stages, "from", "processed"), first(stages, "to", "processed")];
  const least = answered === undefined || processed === undefined ? Number.NEGATIVE_INFINITY : processed - answered;
  if (least <= 0 && most >= 0) return 0;
  return Number.isFinite(least) ? Math.round((least + most) / 2) : most;
}

function first(stages: readonly TraceStage[], side: TraceStage["side"], name: TraceStage["stage"]): number | undefined {
  let at: number | undefined;
  for (const stage of stages) if (stage.stage === name && stage.side === side && stage.of === "call" && (at === undefined || stage.at < at)) at = stage.at;
  return at;
}

/** As they happened, by the sender's clock. */
export function inOrder(stages: readonly TraceStage[], clockDifference: number): TraceStage[] {
  const timeOf = ({ side, at }: TraceStage): number => (side === "to" ? at - clockDifference : at);
  return stages.toSorted(
    (a, b) =>
      timeOf(a) - timeOf(b) || (a.attempt ?? 0) - (b.attempt ?? 0) || rankOf(a) - rankOf(b) || (a.duration ?? 0) - (b.duration ?? 0) || compare(a.code, b.code),
  );
}

const compare = (a = "", b = ""): number => (a < b ? -1 : a > b ? 1 : 0);
