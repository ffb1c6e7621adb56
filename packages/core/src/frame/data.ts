import { dataHeaderBytes, prefixBytes, tagBytes } from "../protocol.js";
import * as frameTypes from "./frame-types.js";
import { type FrameFault, prefixFault, putPrefix, sessionIdOf, suiteOfFrame } from "./prefix.js";

/** DATA: prefix | u64 counter | ciphertext || tag. The 20-byte header is the associated data. */

/** Header of one direction of one session, ready to be copied into every frame: all but the counter. */
export function dataHeader(to: Uint8Array): Uint8Array {
  const out = new Uint8Array(dataHeaderBytes);
  putPrefix(out, frameTypes.data, 0, 0, to);
  return out;
}

/** `counter` below 2^48. */
export function putCounter(out: Uint8Array, counter: number): void {
  const high = Math.floor(counter / 0x1_0000_0000);
  const low = counter >>> 0;
  out[prefixBytes] = 0;
  out[prefixBytes + 1] = 0;
  out[prefixBytes + 2] = high >>> 8;
  out[prefixBytes + 3] = high;
  out[prefixBytes + 4] = low >>> 24;
  out[prefixBytes + 5] = low >>> 16;
  out[prefixBytes + 6] = low >>> 8;
  out[prefixBytes + 7] = low;
}

/** What is wrong with the shape of a DATA frame for session `id`; undefined when nothing is. */
export function dataFault(frame: Uint8Array, id: number): FrameFault | undefined {
  const fault = prefixFault(frame, frameTypes.data, 0);
  if (fault !== undefined) return fault;
  if (frame.length < dataHeaderBytes + tagBytes) return "too_short";
  if (suiteOfFrame(frame) !== 0) return "suite";
  return sessionIdOf(frame) === id ? undefined : "session_id";
}

/** The counter of a frame that `dataFault` passed, or -1 when it is 2^48 or more. */
export function counterOf(frame: Uint8Array): number {
  const top = ((frame[prefixBytes] as number) << 8) | (frame[prefixBytes + 1] as number);
  if (top !== 0) return -1;
  const high = ((frame[prefixBytes + 2] as number) << 8) | (frame[prefixBytes + 3] as number);
  const low =
    (((frame[prefixBytes + 4] as number) << 24) |
      ((frame[prefixBytes + 5] as number) << 16) |
      ((frame[prefixBytes + 6] as number) << 8) |
      (frame[prefixBytes + 7] as number)) >>>
    0;
  return high * 0x1_0000_0000 + low;
}
