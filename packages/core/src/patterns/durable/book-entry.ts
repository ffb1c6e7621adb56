import { decodeUtf8, encodeUtf8 } from "../../bytes.js";
import { TightbeamError } from "../../errors.js";
import { lanes } from "../../link/message.js";
import type { StoreStart } from "../../store/header.js";
import { isAgentId, isInstance } from "../../transport/address.js";
import { createNumbers, type Numbers } from "./numbers.js";

export const bookPrefix = "mark/";
export const triesPrefix = "try/";

export const bookKey = (digest: string, store: string): string => `${bookPrefix}${digest}/${store}`;

const version = 1;

/** What a sender's store is known by. */
export interface BookState {
  readonly peer: string;
  readonly store: string;
  /** False: the store is gone with its process. */
  readonly kept: boolean;
  epoch: number;
  /** Its newest opening that we know of. */
  start: StoreStart;
  /** When its sender's operator said to forget, the newest last: each counts once. */
  forgets: readonly string[];
  /** ms since 1970: when it was last written. */
  at: number;
}

/** What the entry of a book says. */
export interface BookEntry {
  readonly state: BookState;
  readonly marks: Numbers[];
}

export function encodeBookEntry(state: BookState, marks: readonly Numbers[]): Uint8Array {
  return encodeUtf8(JSON.stringify({ version, ...state, marks: marks.map(({ floor, top, ranges }) => [floor, top, ...ranges]) }));
}

/** Throws `store_damaged`. */
export function decodeBookEntry(value: Uint8Array): BookEntry {
  try {
    const { version: written, peer, store, kept, epoch, start, forgets, at, marks } = JSON.parse(decodeUtf8(value));
    if (written === version && isAgentId(peer) && isInstance(store) && isInstance(start.nonce) && Array.isArray(forgets) && marks.length === lanes.length) {
      const state = { peer, store, kept: kept === true, epoch: Number(epoch), start, forgets, at: Number(at) };
      return { state, marks: marks.map(([floor, top, ...ranges]: number[]) => createNumbers(floor, top, ranges)) };
    }
  } catch {
    // As below.
  }
  throw new TightbeamError("store_damaged", "An entry about a peer's handled messages is not one of this version.");
}
