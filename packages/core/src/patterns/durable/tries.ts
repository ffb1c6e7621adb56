import { encodeUtf8 } from "../../bytes.js";
import type { TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Random } from "../../runtime/runtime.js";
import type { StoreChange } from "../../store/types.js";
import { type Book, placeOf } from "./book.js";
import type { Item, Writer } from "./writer.js";

/** This try of a message counts from now on, in the next process once it is on disk. */
export function countTry(book: Book, item: Item, attempt: number): StoreChange {
  book.tries.set(placeOf(item), attempt);
  return { put: book.tryKey(item), value: encodeUtf8(String(attempt)) };
}

export interface WrittenTry {
  readonly book: Book;
  readonly item: Item;
  /** Undefined: it is not counted, and waits for those before it in its lane. */
  readonly attempt: number | undefined;
  /** It may begin, or why not. */
  readonly settled: (error: TightbeamError | undefined) => void;
}

/** A try goes to disk before its handler begins. What comes later in its lane waits for that. */
export function writeTry(writer: Writer, { book, item, attempt, settled }: WrittenTry): void {
  const { starting, tries } = book;
  const { lane } = item;
  const before = tries.get(placeOf(item));
  starting[lane] = (starting[lane] as number) + 1;
  writer.add({
    changes: () => (attempt === undefined ? [] : [countTry(book, item, attempt)]),
    // A try counts in the next process only beside the entry of its sender.
    ...(attempt === undefined ? undefined : { shared: book, items: [] }),
    settled(error) {
      starting[lane] = (starting[lane] as number) - 1;
      // What could not be written does not count.
      if (error !== undefined && attempt !== undefined) {
        if (before === undefined) tries.delete(placeOf(item));
        else tries.set(placeOf(item), before);
      }
      settled(error);
    },
  });
}

/** ms until a message is tried again. `least`: what its handler asked for. */
export function untilRetry(random: Random, attempt: number, least: number): number {
  const most = Math.min(keptLimits.durableRetryMaxMs, keptLimits.durableRetryMs * 4 ** Math.min(Math.max(attempt - 1, 0), 10));
  const [chance = 0] = random.bytes(1);
  return Math.max(least, most * (0.5 + chance / 512));
}
