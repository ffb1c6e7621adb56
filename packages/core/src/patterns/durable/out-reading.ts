import type { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { MemoryBudget } from "../../link/budget.js";
import { numberKey } from "../../store/keys.js";
import type { State } from "../../store/state.js";
import { checkEntry, entryCost, ofOutKey } from "./out-entry.js";
import type { OutLane } from "./out-lane.js";
import type { OutMessage } from "./out-message.js";

export interface Reading {
  readonly state: State;
  readonly budget: Pick<MemoryBudget, "take">;
  /** Keys of the lane begin with it. */
  readonly prefix: string;
  readonly make: (number: number, value: Uint8Array) => OutMessage;
  /** There is no message of this number, and there should be. */
  readonly missing: (number: number) => void;
  readonly onDamaged: (key: string, error: TightbeamError) => void;
}

/** Brings the next messages of a lane from disk into memory: a few at least, more while there is room. Rejects what the store rejects. */
export async function readOn(lane: OutLane, { state, budget, prefix, make, missing, onDamaged }: Reading): Promise<void> {
  const from = lane.onDisk as number;
  let at = from;
  let count = 0;
  const after = from === 0 ? {} : { after: prefix + numberKey(from - 1) };
  for await (const [key, value] of state.scan(prefix, { ...after, limit: limits.durableReadCount })) {
    const number = ofOutKey(key)?.number ?? 0;
    if (number >= lane.flushed) break;
    const room = budget.take(value.length + entryCost);
    if (!room && lane.ready.length > 0) break;
    count++;
    for (; at < number; at++) missing(at);
    at = number + 1;
    if (!lane.settled.has(number) && isWhole(key, value)) {
      const parked = lane.parked.get(number);
      lane.parked.delete(number);
      const message = parked ?? make(number, value);
      message.value = value;
      message.charged = room ? value.length + entryCost : 0;
      lane.ready.push(message);
    }
  }
  // Nothing more, although there should be.
  if (count === 0) for (; at < lane.flushed; at++) missing(at);
  lane.onDisk = at < lane.flushed ? at : undefined;

  function isWhole(key: string, value: Uint8Array): boolean {
    try {
      checkEntry(value);
      return true;
    } catch (error) {
      onDamaged(key, error as TightbeamError);
      missing(at - 1);
      return false;
    }
  }
}
