import { readU16, readU32, readU48, writeU16, writeU32, writeU48 } from "../../bytes.js";
import { durableFlagsAt, durableFloorAt, sentBefore } from "../../envelope/layout.js";
import { dropEnvelope } from "../../envelope/wire.js";
import { TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Lane } from "../../link/message.js";
import { unfilled } from "../../release.js";

/*
 * Messages in their sender's store. What is accepted while a batch is being flushed lies in one entry, a segment: sealing and storing each by
 * itself would cost several times as much as sending it. The entry goes when all of it is over. Its key ends with the number of its first
 * message; the others have the numbers behind it.
 *
 *  0  u8    1                version
 *  1  u16   count
 *  3  then, for each message:
 *     u32   length           of its envelope
 *     u16   at               where in the envelope its number, floor and flags are
 *     u48   expires          ms since 1970 on the sender's clock, 0 = never
 *     the envelope
 */

const version = 1;
const segmentHeadBytes = 3;
/** Before each envelope. */
export const messageHeadBytes = 12;
/** Of an entry with one message, beside its envelope. */
export const segmentOverhead = segmentHeadBytes + messageHeadBytes;
const leastBytes = 2 * 1024;

/** `like`: bytes that the one before had in use, or 0. */
export const newSegment = (lane: Lane, first: number, like: number): OutSegment =>
  new OutSegment(lane, first, unfilled(Math.max(leastBytes, Math.min(like + (like >> 3), keptLimits.segmentBytes))));

export class OutSegment {
  readonly lane: Lane;
  /** Number of its first message. */
  readonly first: number;
  count = 0;
  /** Messages that are not over. */
  left = 0;
  /** Bytes in use. */
  length = segmentHeadBytes;
  bytes: Uint8Array;

  constructor(lane: Lane, first: number, bytes: Uint8Array = new Uint8Array(leastBytes)) {
    this.lane = lane;
    this.first = first;
    this.bytes = bytes;
  }

  /** Room for one more; the first one always fits. */
  takes(envelopeBytes: number): boolean {
    return this.count === 0 || (this.count < keptLimits.segmentMessages && this.length + messageHeadBytes + envelopeBytes <= keptLimits.segmentBytes);
  }

  /** Copies an envelope that was just encoded, and lets go of it. Returns where it is. */
  append(envelope: Uint8Array, at: number, expires: number): number {
    const start = this.length;
    const end = start + messageHeadBytes + envelope.length;
    if (end > this.bytes.length) {
      const grown = unfilled(Math.max(end, 2 * this.bytes.length));
      grown.set(this.bytes.subarray(0, start));
      this.bytes = grown;
    }
    writeU48(this.bytes, writeU16(this.bytes, writeU32(this.bytes, start, envelope.length), at), expires);
    this.bytes.set(envelope, start + messageHeadBytes);
    dropEnvelope(envelope);
    this.length = end;
    this.count++;
    this.left++;
    return start;
  }

  /** Bytes of its envelopes. */
  get content(): number {
    return this.length - segmentHeadBytes - this.count * messageHeadBytes;
  }

  /** The entry. */
  value(): Uint8Array {
    this.bytes[0] = version;
    writeU16(this.bytes, 1, this.count);
    return this.bytes.subarray(0, this.length);
  }

  envelope(start: number): Uint8Array {
    const from = start + messageHeadBytes;
    return this.bytes.subarray(from, from + this.size(start));
  }

  size(start: number): number {
    const { bytes } = this;
    return ((bytes[start] as number) * 0x100_0000 + ((bytes[start + 1] as number) << 16)) | ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number);
  }

  expires(start: number): number {
    return readU48(this.bytes, start + 6);
  }

  /** As it goes out now. */
  stamp(start: number, floor: number, again: boolean): void {
    const at = start + messageHeadBytes + readU16(this.bytes, start + 4);
    writeU48(this.bytes, at + durableFloorAt, floor);
    this.bytes[at + durableFlagsAt] = again ? sentBefore : 0;
  }
}

/** A segment as it was read, and where its messages are. Throws `store_damaged` for what this version does not read. */
export function readSegment(lane: Lane, first: number, value: Uint8Array): { readonly segment: OutSegment; readonly starts: readonly number[] } {
  const segment = new OutSegment(lane, first, value);
  const starts: number[] = [];
  try {
    if (value[0] !== version) throw new TightbeamError("store_damaged", "another version");
    const count = readU16(value, 1);
    let at = segmentHeadBytes;
    for (let i = 0; i < count; i++) {
      starts.push(at);
      const size = readU32(value, at);
      if (readU16(value, at + 4) + durableFlagsAt >= size) throw new TightbeamError("store_damaged", "no place for its number");
      at += messageHeadBytes + size;
    }
    if (at !== value.length || count === 0) throw new TightbeamError("store_damaged", "more or less than it says");
    segment.count = count;
    segment.left = count;
    segment.length = at;
    return { segment, starts };
  } catch (cause) {
    throw new TightbeamError("store_damaged", "An entry of the outbox is not one of this version.", { cause });
  }
}
