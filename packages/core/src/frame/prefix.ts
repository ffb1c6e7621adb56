import * as protocol from "../protocol.js";
import * as frameTypes from "./frame-types.js";

// The 12 bytes every frame begins with (docs/protocol.md, section 4): `version << 4 | type`, flags, u16 suite, u64 session id chosen by the receiver.

/** HS1 only: a cookie stands before the Noise message. */
export const cookieFlag = 0x01;
/** HS1 only: a question who is there, answered by RETRY. No Noise message. */
export const askFlag = 0x02;

/** Why a frame was dropped before anything was spent on it. Each is a counter's name. */
export type FrameFault = "too_short" | "too_long" | "version" | "type" | "flags" | "suite" | "session_id" | "reply_address" | "suites" | "cookie_length";

const highest = 0x20_0000;
const versionBits = protocol.version << 4;

/** The type of a frame of this protocol version, 0 for anything else. */
export function frameType(frame: Uint8Array): number {
  const first = frame[0];
  if (first === undefined || frame.length < protocol.prefixBytes || (first & 0xf0) !== versionBits) return 0;
  const type = first & 0x0f;
  return type >= frameTypes.hs1 && type <= frameTypes.retry ? type : 0;
}

/** The receiver's session id, for dispatch; -1 when it is 2^53 or more (never one of ours) or the frame is too short. */
export function sessionIdOf(frame: Uint8Array): number {
  if (frame.length < protocol.prefixBytes) return -1;
  const high = (((frame[4] as number) << 24) | ((frame[5] as number) << 16) | ((frame[6] as number) << 8) | (frame[7] as number)) >>> 0;
  if (high >= highest) return -1;
  return high * 0x1_0000_0000 + ((((frame[8] as number) << 24) | ((frame[9] as number) << 16) | ((frame[10] as number) << 8) | (frame[11] as number)) >>> 0);
}

/** Writes the prefix at the start of `out`. `to` is the receiver's session id, 8 bytes. */
export function putPrefix(out: Uint8Array, type: number, flags: number, suite: number, to: Uint8Array): void {
  out[0] = versionBits | type;
  out[1] = flags;
  out[2] = suite >>> 8;
  out[3] = suite;
  out.set(to, 4);
}

/** What is wrong with the prefix of a frame of which `type` and `flags` are expected; undefined when nothing is. */
export function prefixFault(frame: Uint8Array, type: number, allowedFlags: number): FrameFault | undefined {
  if (frame.length < protocol.prefixBytes) return "too_short";
  const first = frame[0] as number;
  if ((first & 0xf0) !== versionBits) return "version";
  if ((first & 0x0f) !== type) return "type";
  return ((frame[1] as number) & ~allowedFlags) === 0 ? undefined : "flags";
}

export const suiteOfFrame = (frame: Uint8Array): number => ((frame[2] as number) << 8) | (frame[3] as number);
