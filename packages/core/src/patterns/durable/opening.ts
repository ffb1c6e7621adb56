import { TightbeamError } from "../../errors.js";
import { lanes } from "../../link/message.js";
import type { StoreStart } from "../../store/header.js";
import { isInstance } from "../../transport/address.js";

/** What the two sides say of their stores before the first durable message of a link: `tb/durable`. */
export interface Opening {
  /** The sender's store. */
  readonly store: string;
  /** False: it is gone with the sender's process. */
  readonly kept: boolean;
  readonly starts: readonly StoreStart[];
  /** Raised whenever the sender gives its messages to another store. */
  readonly epoch: number;
  /** Drawn when the sender's operator last said to forget what is known of the two stores. One that the receiver has not met yet makes it forget too. */
  readonly forgot: string | undefined;
  /** By lane: one above the highest number given before this opening of the store, and until now; and the lowest that is not settled. */
  readonly began: readonly number[];
  readonly next: readonly number[];
  readonly floor: readonly number[];
}

export interface Answer {
  /** The receiver's store; without one, what stands for it while its process lives. */
  readonly store: string;
  /** False: what it remembers is gone with its process. */
  readonly durable: boolean;
  readonly starts: readonly StoreStart[];
  /** By lane: one above the highest number that the receiver has marked for this store and epoch. */
  readonly seen: readonly number[];
}

const startsMax = 16;
const most = 2 ** 48;

/** Throws `invalid_input`. */
export function readOpening(value: unknown): Opening {
  const { store, kept, starts, epoch, forgot, began, next, floor } = members(value);
  if (!(isInstance(store) && typeof kept === "boolean" && isCount(epoch) && isCounts(began) && isCounts(next) && isCounts(floor))) throw wrong();
  if (forgot !== undefined && !isInstance(forgot)) throw wrong();
  if (next.some((count, lane) => (floor[lane] as number) > count || (began[lane] as number) > count)) throw wrong();
  return { store, kept, starts: readStarts(starts), epoch, forgot, began, next, floor };
}

/** Throws `invalid_output`. */
export function readAnswer(value: unknown): Answer {
  try {
    const { store, durable, starts, seen } = members(value);
    if (!(isInstance(store) && typeof durable === "boolean" && isCounts(seen))) throw wrong();
    return { store, durable, starts: readStarts(starts), seen };
  } catch {
    throw new TightbeamError("invalid_output", "The peer's answer about its store is not as the protocol has it.");
  }
}

export const tellStarts = (starts: readonly StoreStart[]): readonly unknown[] =>
  starts.slice(0, startsMax).map(({ incarnation, nonce }) => [incarnation, nonce]);

/** Why a store that was `known` by this start cannot be the same one, whole; or undefined. */
export function rolledBack(known: StoreStart | undefined, starts: readonly StoreStart[]): string | undefined {
  if (known === undefined) return undefined;
  const newest = starts[0] as StoreStart;
  const oldest = starts.at(-1) as StoreStart;
  if (newest.incarnation < known.incarnation) return `it was opened ${known.incarnation} times before, and now ${newest.incarnation}`;
  if (known.incarnation < oldest.incarnation) return undefined;
  return starts.some(({ incarnation, nonce }) => incarnation === known.incarnation && nonce === known.nonce)
    ? undefined
    : `opening ${known.incarnation} of it was another`;
}

export const rolledBackError = (whose: string, why: string): TightbeamError =>
  new TightbeamError(
    "store_rolled_back",
    `${whose} is not what it was: ${why}. It was restored from a copy, or runs twice. Nothing is sent or taken until agent.durable.forget(peer).`,
  );

/** Newest first, each opening one before the last. */
function readStarts(value: unknown): StoreStart[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > startsMax) throw wrong();
  return value.map((start: unknown, at) => {
    if (!Array.isArray(start) || start.length !== 2) throw wrong();
    const [incarnation, nonce] = start as unknown[];
    if (!(isCount(incarnation) && incarnation > 0 && isInstance(nonce))) throw wrong();
    if (at > 0 && incarnation !== ((value[0] as unknown[])[0] as number) - at) throw wrong();
    return { incarnation, nonce };
  });
}

const members = (value: unknown): Readonly<Record<string, unknown>> => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong();
  return value as Record<string, unknown>;
};

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0 && (value as number) < most;
const isCounts = (value: unknown): value is readonly number[] => Array.isArray(value) && value.length === lanes.length && value.every(isCount);

const wrong = (): TightbeamError => new TightbeamError("invalid_input", "What was said of a store before durable messages is not as the protocol has it.");
