import { decodeUtf8, encodeUtf8 } from "../../bytes.js";
import { TightbeamError } from "../../errors.js";
import { lanes } from "../../link/message.js";
import type { StoreStart } from "../../store/header.js";
import { isAgentId, isInstance } from "../../transport/address.js";

/** Which store a peer's messages go to. */
export interface Binding {
  readonly store: string;
  /** Where it was last. */
  readonly instance: string;
  /** False: the peer has no store, and this one is gone with its process. */
  readonly durable: boolean;
  /** Its newest opening that we know of. */
  readonly start: StoreStart;
}

/** What a sender keeps of one peer beside the messages: the entry `chan/<digest>`. */
export interface OutRecord {
  readonly peer: string;
  readonly epoch: number;
  /** Drawn when its operator last said to forget. */
  readonly forgot: string | undefined;
  readonly bound: Binding | undefined;
  /** By lane: no number at or above it was ever given; and one above the highest that the bound store has answered as handled. */
  readonly next: readonly number[];
  readonly handled: readonly number[];
}

export const recordPrefix = "chan/";
export const recordKey = (digest: string): string => recordPrefix + digest;

const version = 1;

export function encodeRecord({ peer, epoch, forgot, bound, next, handled }: OutRecord): Uint8Array {
  return encodeUtf8(JSON.stringify({ version, peer, epoch, forgot, bound, next, handled }));
}

/** Throws `store_damaged`. */
export function decodeRecord(bytes: Uint8Array): OutRecord {
  try {
    const { version: written, peer, epoch, forgot, bound, next, handled } = JSON.parse(decodeUtf8(bytes));
    if (written === version && isAgentId(peer) && isCount(epoch) && isCounts(next) && isCounts(handled))
      return { peer, epoch, forgot: isInstance(forgot) ? forgot : undefined, bound: readBinding(bound), next, handled };
  } catch {
    // As below.
  }
  throw new TightbeamError("store_damaged", "An entry about a peer's durable messages is not one of this version.");
}

function readBinding(value: unknown): Binding | undefined {
  if (value === undefined) return undefined;
  const { store, instance, durable, start } = value as Partial<Binding>;
  if (!(isInstance(store) && isInstance(instance) && typeof durable === "boolean" && isCount(start?.incarnation) && isInstance(start?.nonce)))
    throw new TightbeamError("store_damaged", "A binding is none.");
  return { store, instance, durable, start: { incarnation: start.incarnation, nonce: start.nonce } };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isCounts = (value: unknown): value is readonly number[] => Array.isArray(value) && value.length === lanes.length && value.every(isCount);
