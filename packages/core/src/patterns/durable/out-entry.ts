import { readU16, readU48, writeU16, writeU48 } from "../../bytes.js";
import { durableFlagsAt, durableFloorAt, sentBefore } from "../../envelope/layout.js";
import { TightbeamError } from "../../errors.js";
import { numberKey } from "../../store/keys.js";

/*
 * A durable message in its sender's store:
 *
 *  0  u8    1                version
 *  1  u16   at               where in the envelope its number, floor and flags are
 *  3  u48   expires          ms since 1970 on the sender's clock, 0 = never
 *  9  rest  the envelope
 */

const version = 1;
export const entryHeadBytes = 9;

/** What the key of one costs beside its value, and what is kept of it in memory. */
export const entryCost = 160;

export const outPrefix = (digest: string, lane?: number): string => (lane === undefined ? `out/${digest}/` : `out/${digest}/${lane}/`);
export const outKey = (digest: string, lane: number, number: number): string => `out/${digest}/${lane}/${numberKey(number)}`;

/** The lane and number that a key under `outPrefix(digest)` ends with; undefined for one that is none. */
export function ofOutKey(key: string): { readonly lane: number; readonly number: number } | undefined {
  const [number, lane] = key.split("/").reverse();
  const value = { lane: Number(lane), number: Number.parseInt(number ?? "", 16) };
  return Number.isSafeInteger(value.number) && value.lane >= 0 && value.lane < 4 ? value : undefined;
}

export function makeEntry(envelope: Uint8Array, at: number, expires: number): Uint8Array {
  const value = new Uint8Array(entryHeadBytes + envelope.length);
  value[0] = version;
  writeU16(value, 1, at);
  writeU48(value, 3, expires);
  value.set(envelope, entryHeadBytes);
  return value;
}

/** Throws `store_damaged` for what this version does not read. */
export function checkEntry(value: Uint8Array): void {
  if (value[0] !== version || value.length <= entryHeadBytes || entryHeadBytes + readU16(value, 1) + durableFlagsAt >= value.length + 1)
    throw new TightbeamError("store_damaged", "An entry of the outbox is not one of this version.");
}

export const envelopeOf = (value: Uint8Array): Uint8Array => value.subarray(entryHeadBytes);
export const expiresOf = (value: Uint8Array): number => readU48(value, 3);

/** As it goes out now. */
export function stamp(value: Uint8Array, floor: number, again: boolean): void {
  const at = entryHeadBytes + readU16(value, 1);
  writeU48(value, at + durableFloorAt, floor);
  value[at + durableFlagsAt] = again ? sentBefore : 0;
}
