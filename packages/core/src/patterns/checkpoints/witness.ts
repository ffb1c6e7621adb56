import { isTightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Lane } from "../../link/message.js";
import type { State } from "../../store/state.js";
import { isInstance } from "../../transport/address.js";
import { type Book, type BookHost, decodeBook } from "../durable/book.js";
import { bookPrefix } from "../durable/book-entry.js";
import type { Item } from "../durable/writer.js";

/**
 * A message that was marked with a checkpoint or before it. Both lie in the store, so one that has the checkpoint and not the mark was put
 * together by somebody: the messages that the state holds already would be handled again.
 */
export interface Witness {
  /** Of the entry that has the mark, without its prefix. */
  readonly book: string;
  /** The sender keeps its messages: its marks are kept for `keptLimits.durableMarksMs` at least. */
  readonly kept: boolean;
  /** When the sender's operator said last to forget: what was marked before that need not be there. */
  readonly forgot: string | undefined;
  readonly lane: Lane;
  readonly number: number;
}

/** Of what is marked together with the checkpoint, or of what was last marked before it. */
export function witnessOf(book: Book, items: readonly Item[]): Witness | undefined {
  const item = items.at(-1) ?? book.marks.map(({ top }, lane) => ({ lane, number: top - 1 })).find(({ number }) => number >= 0);
  if (item === undefined) return undefined;
  const { kept, forgets } = book.state;
  return { book: book.key.slice(bookPrefix.length), kept, forgot: forgets.at(-1), lane: item.lane as Lane, number: item.number };
}

/** The key of the entry that should have this mark and has not; undefined when it has, or nobody can tell. Rejects what the store rejects. */
export async function missingMark(state: State, host: BookHost, { book, kept, forgot, lane, number }: Witness, at: number): Promise<string | undefined> {
  const key = bookPrefix + book;
  try {
    const value = await state.get(key);
    // A sender that was not heard of for long is forgotten.
    if (value === undefined) return kept && host.now() - at < keptLimits.durableMarksMs ? key : undefined;
    const { state: now, marks } = decodeBook(key, value, host);
    if (now.forgets.at(-1) !== forgot) return undefined;
    return marks[lane]?.has(number) === true ? undefined : key;
  } catch (error) {
    // It is damaged, which is reported as that.
    if (isTightbeamError(error) && error.code === "store_damaged") return undefined;
    throw error;
  }
}

export const encodeWitness = ({ book, kept, forgot, lane, number }: Witness): readonly unknown[] => [book, kept ? 1 : 0, forgot ?? null, lane, number];

/** Undefined for what is none. */
export function decodeWitness(value: unknown): Witness | undefined {
  if (!Array.isArray(value)) return undefined;
  const [book, kept, forgot, lane, number] = value as unknown[];
  if (typeof book !== "string" || !(kept === 0 || kept === 1) || !(forgot === null || isInstance(forgot))) return undefined;
  if (!(lane === 0 || lane === 1 || lane === 2 || lane === 3) || !Number.isSafeInteger(number) || (number as number) < 0) return undefined;
  return { book, kept: kept === 1, forgot: forgot ?? undefined, lane, number: number as number };
}
