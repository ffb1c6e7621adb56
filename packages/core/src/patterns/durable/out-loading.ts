import { isTightbeamError, type TightbeamError } from "../../errors.js";
import { type Lane, lanes } from "../../link/message.js";
import type { State } from "../../store/state.js";
import { createNumbers, type Numbers } from "./numbers.js";
import { numberedOf, outPrefix, overPrefix } from "./out-keys.js";
import { OutLane } from "./out-lane.js";
import { readSegment } from "./out-segment.js";

/** What a sender finds of its messages for one peer when it begins. */
export interface Left {
  readonly lanes: OutLane[];
  /** Keys of entries about messages that are not there any more. */
  readonly stray: readonly string[];
  readonly messages: number;
  readonly bytes: number;
}

interface Found {
  readonly settled: Numbers;
  readonly buried: Set<number>;
  first: number | undefined;
  end: number;
}

/** Looks through all that is kept for this peer. `next`: by lane, the numbers that its record gives. Rejects what the store rejects. */
export async function findLeft(state: State, digest: string, next: readonly number[], onDamaged: (key: string, error: TightbeamError) => void): Promise<Left> {
  const found: Found[] = lanes.map(() => ({ settled: createNumbers(), buried: new Set(), first: undefined, end: 0 }));
  let messages = 0;
  let bytes = 0;
  for await (const [key, value] of state.scan(outPrefix(digest))) {
    const of = numberedOf(key);
    if (of === undefined) continue;
    const lane = found[of.lane] as Found;
    try {
      const { segment } = readSegment(of.lane, of.number, value);
      lane.settled.addRange(lane.end, of.number);
      lane.first ??= of.number;
      lane.end = of.number + segment.count;
      messages += segment.count;
      bytes += segment.content;
    } catch (error) {
      if (!isTightbeamError(error)) throw error;
      onDamaged(key, error);
    }
  }
  const stray: string[] = [];
  for await (const [key] of state.scan(overPrefix(digest))) {
    const of = numberedOf(key);
    const lane = of === undefined ? undefined : found[of.lane];
    if (of === undefined || lane === undefined || of.number >= lane.end || lane.settled.has(of.number)) {
      stray.push(key);
      continue;
    }
    lane.settled.add(of.number);
    lane.buried.add(of.number);
    messages--;
  }
  const made = found.map(({ settled, buried, first, end }, lane) => {
    const last = Math.max(next[lane] as number, end);
    settled.addRange(end, last);
    return new OutLane(lane as Lane, last, settled, first, buried);
  });
  return { lanes: made, stray, messages, bytes };
}
