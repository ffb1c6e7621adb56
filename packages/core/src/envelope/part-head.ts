import type { EncodedPayload } from "../codec/types.js";
import { readU32, writeU32 } from "../integers.js";
import { putError, readError as readFields } from "./encode.js";
import * as flag from "./flag.js";
import { maxErrorTextBytes } from "./grammar.js";
import type { WireError } from "./types.js";

/* Which stream a part is of, and how one is refused: what an agent needs to know before it has to do with streams. See part.ts. */

export const partFirstByte = 0x17;
export const partKind = { chunk: 1, end: 2, error: 3, credit: 4, cancel: 5 } as const;
export type PartKind = (typeof partKind)[keyof typeof partKind];

export const kindMask = 0x07;
export const byOpenerFlag = 0x08;
export const partHeadBytes = 6;
/** After the head: code and its length 65, message and its length, id and its length 65, retry after 4 */
export const errorMaxBytes = 65 + 2 + maxErrorTextBytes + 65 + 4;

/** Which stream of a link, as the sender of the part sees it. */
export interface StreamAddress {
  readonly number: number;
  readonly byOpener: boolean;
}

/** Fills in the first six bytes. */
export function putPartHead(out: Uint8Array, kind: number, flags: number, { number, byOpener }: StreamAddress): void {
  out[0] = partFirstByte;
  out[1] = kind | flags | (byOpener ? byOpenerFlag : 0);
  writeU32(out, 2, number);
}

export function encodeErrorPart(to: StreamAddress, error: WireError): Uint8Array {
  const checked = readFields(error);
  const room = new Uint8Array(partHeadBytes + errorMaxBytes);
  putPartHead(room, partKind.error, checked.retryAfter === undefined ? 0 : flag.retryAfter, to);
  return room.subarray(0, putError(room, partHeadBytes, checked, room.length));
}

/** A part as it was read. One object is filled again and again: take what you need before the next one is read. */
export interface Part {
  kind: PartKind;
  byOpener: boolean;
  number: number;
  /** chunk, end. Bytes are a view. */
  payload: EncodedPayload | undefined;
  /** error. */
  error: WireError | undefined;
  /** credit. */
  total: number;
}

export const createPart = (): Part => ({ kind: partKind.cancel, byOpener: false, number: 0, payload: undefined, error: undefined, total: 0 });

/** Reads who says it and in which stream. False when not even that can be told. */
export function readPartHead(bytes: Uint8Array, into: Part): boolean {
  if (bytes.length < partHeadBytes) return false;
  const bits = bytes[1] as number;
  into.kind = (bits & kindMask) as PartKind;
  into.byOpener = (bits & byOpenerFlag) !== 0;
  into.number = readU32(bytes, 2);
  return true;
}
