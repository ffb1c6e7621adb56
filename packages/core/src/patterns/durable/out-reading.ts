import { isTightbeamError, type TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { MemoryBudget } from "../../link/budget.js";
import { numberKey } from "../../store/keys.js";
import type { State } from "../../store/state.js";
import { messageCost, numberedOf } from "./out-keys.js";
import type { OutLane } from "./out-lane.js";
import type { OutMessage } from "./out-message.js";
import { type OutSegment, readSegment } from "./out-segment.js";

export interface Reading {
  readonly state: State;
  readonly budget: Pick<MemoryBudget, "take">;
  /** Keys of the lane begin with it. */
  readonly prefix: string;
  readonly make: (number: number, segment: OutSegment, start: number) => OutMessage;
  /** All messages of a segment are over: it may go. */
  readonly empty: (segment: OutSegment) => void;
  /** So many messages are not there, and should be. */
  readonly gone: (count: number) => void;
  readonly onDamaged: (key: string, error: TightbeamError) => void;
}

/** Brings the next messages of a lane from disk into memory: a segment at least, more while there is room. Rejects what the store rejects. */
export async function readOn(lane: OutLane, { state, budget, prefix, make, empty, gone, onDamaged }: Reading): Promise<void> {
  const from = lane.onDisk as number;
  /** What is flushed while this reads may not be seen. */
  const end = lane.flushed;
  let at = from;
  let over = false;
  const after = from === 0 ? {} : { after: prefix + numberKey(from - 1) };
  // Entries that do not open count against a limit: once more without one, before all is given up that lies behind them.
  for (const limit of [{ limit: keptLimits.segmentsRead }, undefined]) {
    for await (const [key, value] of state.scan(prefix, { ...after, ...limit })) {
      const first = numberedOf(key)?.number ?? end;
      if (first >= end) break;
      const read = segmentOf(key, first, value);
      if (read === undefined) continue;
      const undone = read.starts.filter((_, index) => !lane.settled.has(first + index)).length;
      const charge = Math.ceil(value.length / read.starts.length) + messageCost;
      const room = lane.ready.length < keptLimits.durableMemoryCount && budget.take(charge * undone);
      // It is there, whether there is room for it now or not.
      over = true;
      if (!room && lane.ready.length > 0) break;
      miss(first);
      take(read.segment, read.starts, room ? charge : 0);
      at = first + read.starts.length;
      if (limit === undefined) break;
    }
    if (over) break;
  }
  // Nothing more, although there should be.
  if (!over) miss(end);
  lane.onDisk = at < lane.flushed ? at : undefined;

  function miss(until: number): void {
    for (; at < until; at++) if (lane.missing(at)) gone(1);
  }

  function segmentOf(key: string, first: number, value: Uint8Array): ReturnType<typeof readSegment> | undefined {
    try {
      return readSegment(lane.lane, first, value);
    } catch (error) {
      if (!isTightbeamError(error)) throw error;
      onDamaged(key, error);
      return undefined;
    }
  }

  function take(segment: OutSegment, starts: readonly number[], charge: number): void {
    starts.forEach((start, index) => {
      const number = segment.first + index;
      if (lane.settled.has(number)) {
        segment.left--;
        return;
      }
      const parked = lane.parked.get(number);
      lane.parked.delete(number);
      const message = parked ?? make(number, segment, start);
      message.segment = segment;
      message.start = start;
      message.charged = charge;
      lane.ready.push(message);
    });
    if (segment.left === 0) empty(segment);
  }
}
