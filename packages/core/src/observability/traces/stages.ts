import { type ErrorCode, errorCodes } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import { isFailure } from "../../telemetry/failure.js";
import type { MessageStage } from "../../telemetry/types.js";
import type { TraceStage } from "./types.js";

/**
 * Three numbers for each stage: what it is, when, and how long (NaN: it does not say). As objects they would be most of what a store of traces holds.
 * What is behind the first `length` numbers is of an earlier call.
 */
export interface PackedStages {
  length: number;
  readonly numbers: number[];
}

export const noStages = (): PackedStages => ({ length: 0, numbers: [] });

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

export function unpacked({ length, numbers }: PackedStages): TraceStage[] {
  const all: TraceStage[] = [];
  for (let i = 0; i < length; i += width) {
    const what = numbers[i] as number;
    const duration = numbers[i + 2] as number;
    const code = Math.floor(what / codeUnit) % 256;
    const attempt = Math.floor(what / attemptUnit);
    const stage: { -readonly [name in keyof TraceStage]: TraceStage[name] } = {
      stage: nameAt(what),
      side: (what & isFromBit) === 0 ? "to" : "from",
      of: (what & isReplyBit) === 0 ? "call" : "reply",
      at: numbers[i + 1] as number,
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
  const numbers = all.flatMap(({ stage, side, of, at, duration, code, attempt }) => [
    packed(stage, side === "from", of === "reply", code, attempt),
    at,
    duration ?? Number.NaN,
  ]);
  return { length: numbers.length, numbers };
}

const isEnd = (name: MessageStage): boolean => isFailure(name) || name === "answered" || name === "processed";

/** The stages that say how it began and what came of it. */
export const isOutline = (stage: MessageStage): boolean => stage !== "sealed" && stage !== "sent";

/** False: there is no room, and it, or a step whose place it took because it is how a call ends, is left out. */
export function addStage(
  stages: PackedStages,
  isFrom: boolean,
  isReply: boolean,
  what: MessageStage,
  at: number,
  duration = Number.NaN,
  code?: ErrorCode,
  attempt?: number,
): boolean {
  const { numbers, length } = stages;
  const name = packed(what, isFrom, isReply, code, attempt);
  if (length < keptLimits.traceStages * width) {
    numbers[length] = name;
    numbers[length + 1] = at;
    numbers[length + 2] = duration;
    stages.length = length + width;
    return true;
  }
  if (!isEnd(what)) return false;
  let step = length - width;
  while (step > 0 && isEnd(nameAt(numbers[step] as number))) step -= width;
  // All of them are ends: the last one gives way.
  if (step === 0 && isEnd(nameAt(numbers[0] as number))) step = length - width;
  numbers[step] = name;
  numbers[step + 1] = at;
  numbers[step + 2] = duration;
  return false;
}
