import { lanes } from "../../link/message.js";
import type { State } from "../../store/state.js";
import { createNumbers, type Numbers } from "./numbers.js";
import { ofOutKey, outPrefix } from "./out-entry.js";
import { OutLane } from "./out-lane.js";

/** What a sender finds of its messages for one peer when it begins. */
export interface Left {
  readonly lanes: OutLane[];
  readonly messages: number;
  readonly bytes: number;
}

/** Looks through all that is kept for this peer. `next`: by lane, the numbers that its record gives. Rejects what the store rejects. */
export async function findLeft(state: State, digest: string, next: readonly number[]): Promise<Left> {
  const settled: Numbers[] = lanes.map(() => createNumbers());
  const ends = [0, 0, 0, 0];
  let messages = 0;
  let bytes = 0;
  for await (const [key, value] of state.scan(outPrefix(digest))) {
    const of = ofOutKey(key);
    if (of === undefined) continue;
    settled[of.lane]?.addRange(ends[of.lane] as number, of.number);
    ends[of.lane] = of.number + 1;
    messages++;
    bytes += value.length;
  }
  const made = settled.map((numbers, lane) => {
    const last = Math.max(next[lane] as number, ends[lane] as number);
    numbers.addRange(ends[lane] as number, last);
    return new OutLane(last, numbers);
  });
  return { lanes: made, messages, bytes };
}
