import type { EncodedPayload } from "../codec/types.js";
import { readU48, writeU48 } from "../integers.js";
import { unfilled } from "../release.js";
import { readError } from "./decode.js";
import * as flag from "./flag.js";
import { invalid } from "./layout.js";
import { byOpenerFlag, errorMaxBytes, kindMask, type Part, partHeadBytes, partKind, putPartHead, type StreamAddress } from "./part-head.js";
import type { WireError } from "./types.js";

/*
 * What is said in a stream once it is open, version 1. No envelope of its own: a chunk of 20 bytes would cost 60.
 *
 *  0  u8    0x17                    version 1, type 7
 *  1  u8    kind and flags          bits 0-2 the kind; 0x08 said by the opener; 0x20, 0x40, 0x80 as an envelope's; 0x10 must be 0
 *  2  u32   number                  of the stream
 *  6  rest  by kind:
 *           1 chunk                 the payload: 0x40, and 0x80 when it is raw
 *           2 end                   nothing follows in this direction; from the handler, the output as a chunk's payload
 *           3 error                 the stream is over: code, message, id and, with 0x20, retry after, as in an envelope
 *           4 credit                u48: bytes that may be said since the stream began, whatever the order credits come in
 *           5 cancel                who says this reads no more; from the opener, the stream is over
 */

const payloadFlags = flag.payload | flag.rawPayload;

const slabBytes = 64 * 1024;
const sharedMax = 4 * 1024;
/** Small parts lie side by side, as small envelopes do (encode.ts). */
let slab = new Uint8Array(0);
let slabAt = 0;

function place(length: number): Uint8Array {
  if (length > sharedMax) return unfilled(length);
  if (slabAt + length > slab.length) {
    slab = new Uint8Array(slabBytes);
    slabAt = 0;
  }
  const start = slabAt;
  slabAt += length;
  return slab.subarray(start, slabAt);
}

/** A chunk, or the end with its output. The payload is copied. */
export function encodePayloadPart(kind: typeof partKind.chunk | typeof partKind.end, to: StreamAddress, payload: EncodedPayload | undefined): Uint8Array {
  if (payload === undefined) {
    const out = place(partHeadBytes);
    putPartHead(out, kind, 0, to);
    return out;
  }
  const out = place(partHeadBytes + payload.bytes.length);
  putPartHead(out, kind, payload.kind === "bytes" ? payloadFlags : flag.payload, to);
  out.set(payload.bytes, partHeadBytes);
  return out;
}

export function encodeCredit(to: StreamAddress, total: number): Uint8Array {
  const out = place(partHeadBytes + 6);
  putPartHead(out, partKind.credit, 0, to);
  writeU48(out, partHeadBytes, total);
  return out;
}

export function encodeCancel(to: StreamAddress): Uint8Array {
  const out = place(partHeadBytes);
  putPartHead(out, partKind.cancel, 0, to);
  return out;
}

const allowed: Readonly<Record<number, number>> = {
  [partKind.chunk]: payloadFlags,
  [partKind.end]: payloadFlags,
  [partKind.error]: flag.retryAfter,
  [partKind.credit]: 0,
  [partKind.cancel]: 0,
};

/** Reads the rest of a part whose head was read. Throws `invalid_envelope` with a short path. */
export function readPartBody(bytes: Uint8Array, into: Part): void {
  const bits = bytes[1] as number;
  const flags = bits & ~(kindMask | byOpenerFlag);
  const may = allowed[bits & kindMask];
  if (may === undefined) throw invalid("part.kind", "1 to 5");
  if ((flags & ~may) !== 0 || (flags & payloadFlags) === flag.rawPayload) throw invalid("part.flags", "not as this kind has them");
  into.payload = undefined;
  into.error = undefined;
  let end = partHeadBytes;
  if ((flags & flag.payload) !== 0) {
    if (into.kind === partKind.end && into.byOpener) throw invalid("part.payload", "the opener ends with none");
    into.payload = { kind: (flags & flag.rawPayload) === 0 ? "json" : "bytes", bytes: bytes.subarray(partHeadBytes) };
    end = bytes.length;
  } else if (into.kind === partKind.error) {
    const holder: { error?: WireError } = {};
    end = readError(bytes, partHeadBytes, Math.min(bytes.length, partHeadBytes + errorMaxBytes), (flags & flag.retryAfter) !== 0, holder);
    into.error = holder.error;
  } else if (into.kind === partKind.credit) {
    if (bytes.length !== partHeadBytes + 6) throw invalid("part.credit", "6 bytes");
    into.total = readU48(bytes, partHeadBytes);
    end = bytes.length;
  }
  if (end !== bytes.length) throw invalid("part", "bytes are left over");
}
