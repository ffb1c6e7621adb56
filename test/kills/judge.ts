import type { Tally } from "./child.js";
import type { Line } from "./journal.js";

export interface Verdict {
  /** Of which the sender was told that they are on disk. */
  readonly accepted: number;
  /** Different messages whose handler began. */
  readonly handled: number;
  /** Beginnings beside the first: of handlers that a kill interrupted. */
  readonly again: number;
  /** What must not be, in words. */
  readonly wrongs: readonly string[];
}

/** What the two journals and the last tally say about each other. Everything that was accepted must have been handled by now. */
export function judgeJournals(sender: readonly Line[], receiver: readonly Line[], tally: Tally): Verdict {
  const wrongs: string[] = [];
  const accepted = new Set<number>();
  const tried = new Set<number>();
  const doneAt = new Map<number, bigint>();
  for (const { at, deed, number } of sender) {
    if (deed === "tried") tried.add(number);
    else accepted.add(number);
    if (deed === "done") doneAt.set(number, at);
  }
  const started = new Set<number>();
  const committed = new Set<number>();
  let highest = -1;
  let again = 0;
  for (const { at, deed, number } of receiver) {
    if (deed === "committed") {
      if (committed.has(number)) wrongs.push(`${number} was committed twice`);
      committed.add(number);
      continue;
    }
    if (!tried.has(number)) wrongs.push(`${number} was never sent`);
    if (committed.has(number)) wrongs.push(`${number} began again after its commit`);
    const done = doneAt.get(number);
    if (done !== undefined && done < at) wrongs.push(`${number} began again after its DONE`);
    if (started.has(number)) again++;
    else if (number < highest) wrongs.push(`${number} began after ${highest}`);
    highest = Math.max(highest, number);
    started.add(number);
  }
  for (const number of accepted) if (!started.has(number)) wrongs.push(`${number} was accepted and is lost`);
  const sum = [...started].reduce((total, number) => total + number, 0);
  if (tally.count !== started.size || tally.sum !== sum)
    wrongs.push(`the tally has ${tally.count} messages with the sum ${tally.sum}; ${started.size} with ${sum} were handled`);
  return { accepted: accepted.size, handled: started.size, again, wrongs };
}
