import { type ErrorCode, errorCodes } from "../../errors.js";
import * as limits from "../../limits.js";
import type { MessageMoment, MessageStage } from "../../telemetry/types.js";
import type { TraceStage } from "./types.js";

/** Three numbers for each stage: what it is, when, and how long (NaN: it does not say). As objects they would be most of what a store of traces holds. */
export type PackedStages = number[];

const names: readonly MessageStage[] = ["queued", "sealed", "sent", "acknowledged", "answered", "delivered", "processed", "failed", "expired", "dead_lettered"];
const codes = Object.keys(errorCodes) as ErrorCode[];
const numberOfName = new Map(names.map((name, number) => [name, number]));
const numberOfCode = new Map(codes.map((code, number) => [code, number + 1]));
const width = 3;

/* What it is: 4 bits its name, 1 bit its side, 1 bit of the reply, 8 bits its code, 24 bits its attempt. */
const isFromBit = 16;
const isReplyBit = 32;
const codeUnit = 64;
const attemptUnit = codeUnit * 256;
const attemptMax = 2 ** 24 - 1;

function packed(what: MessageStage, isFrom: boolean, isReply: boolean, code: ErrorCode | undefined, attempt = 0): number {
  const flags = (isFrom ? isFromBit : 0) + (isReply ? isReplyBit : 0);
  const number = code === undefined ? 0 : (numberOfCode.get(code) ?? 0);
  return (numberOfName.get(what) ?? 0) + flags + number * codeUnit + Math.min(attempt, attemptMax) * attemptUnit;
}

export function unpacked(stages: PackedStages): TraceStage[] {
  const all: TraceStage[] = [];
  for (let i = 0; i < stages.length; i += width) {
    const what = stages[i] as number;
    const duration = stages[i + 2] as number;
    const code = Math.floor(what / codeUnit) % 256;
    const attempt = Math.floor(what / attemptUnit);
    const stage: { -readonly [name in keyof TraceStage]: TraceStage[name] } = {
      stage: nameAt(what),
      side: (what & isFromBit) === 0 ? "to" : "from",
      of: (what & isReplyBit) === 0 ? "call" : "reply",
      at: stages[i + 1] as number,
    };
    if (!Number.isNaN(duration)) stage.duration = duration;
    if (code > 0) stage.code = codes[code - 1] as ErrorCode;
    if (attempt > 0) stage.attempt = attempt;
    all.push(stage);
  }
  return all;
}

const nameAt = (what: number): MessageStage => names[what & 15] as MessageStage;

export function pack(all: readonly TraceStage[]): PackedStages {
  return all.flatMap(({ stage, side, of, at, duration, code, attempt }) => [
    packed(stage, side === "from", of === "reply", code, attempt),
    at,
    duration ?? Number.NaN,
  ]);
}

const isEnd = (name: MessageStage): boolean => isFailure(name) || name === "answered" || name === "processed";

export const isFailure = (stage: MessageStage): boolean => stage === "failed" || stage === "expired" || stage === "dead_lettered";

/** The stages that say how it began and what came of it. */
export const isOutline = (stage: MessageStage): boolean => stage !== "sealed" && stage !== "sent";

/** False: there is no room, and it, or a step whose place it took because it is how a call ends, is left out. */
export function addStage(stages: PackedStages, { what, at, duration = Number.NaN, code, attempt }: MessageMoment, isFrom: boolean, isReply: boolean): boolean {
  const name = packed(what, isFrom, isReply, code, attempt);
  if (stages.length < limits.traceStages * width) {
    stages.push(name, at, duration);
    return true;
  }
  if (!isEnd(what)) return false;
  let step = stages.length - width;
  while (step > 0 && isEnd(nameAt(stages[step] as number))) step -= width;
  // All of them are ends: the last one gives way.
  if (step === 0 && isEnd(nameAt(stages[0] as number))) step = stages.length - width;
  stages.splice(step, width, name, at, duration);
  return false;
}
