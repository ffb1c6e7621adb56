import { concat, reader, writeU16 } from "../bytes.js";
import * as protocol from "../protocol.js";
import { parseInbox } from "../transport/address.js";
import * as frameTypes from "./frame-types.js";
import { askFlag, cookieFlag, type FrameFault, prefixFault, putPrefix, sessionIdOf, suiteOfFrame } from "./prefix.js";

/** HS1, HS2, HS3 and RETRY (docs/protocol.md, section 4). Parsing never throws and never reads past the end; what it returns are views of the frame. */

const sessionIdBytes = 8;
/** `inbox/` + realm + `/` + name + `/` + instance. */
const replyAddressMaxBytes = 6 + 64 + 1 + 64 + 1 + 22;
/** What an ask has in place of a Noise message. */
const askPadBytes = 64;
const zeroId = new Uint8Array(sessionIdBytes);

export interface Hs1 {
  readonly suite: number;
  /** The initiator's session id: any 8 bytes. */
  readonly sessionId: Uint8Array;
  /** Matches `inbox/<agent>/<instance>`. */
  readonly replyTo: string;
  /** Preferred first; never empty, holds `suite`. */
  readonly suites: readonly number[];
  readonly cookie: Uint8Array | undefined;
  /** It only asks who is there. */
  readonly asks: boolean;
  /** Everything before the Noise message: what the prologue binds. */
  readonly head: Uint8Array;
  readonly message: Uint8Array;
}

export interface Hs2 {
  readonly suite: number;
  /** Our own id, to which this frame came. */
  readonly to: number;
  readonly sessionId: Uint8Array;
  readonly replyTo: string;
  readonly message: Uint8Array;
}

export interface Hs3 {
  readonly suite: number;
  readonly to: number;
  readonly message: Uint8Array;
}

export interface Retry {
  /** The suite the responder wants. */
  readonly suite: number;
  readonly to: number;
  /** Whose cookie it is: where the second HS1 goes. */
  readonly replyTo: string;
  readonly cookie: Uint8Array;
}

function ascii(text: string): Uint8Array {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

const addressOf = (bytes: Uint8Array): string | undefined => {
  const text = String.fromCharCode(...bytes);
  return parseInbox(text) === undefined ? undefined : text;
};

/** The 8 bytes of one of our own session ids. */
export function sessionIdToBytes(id: number): Uint8Array {
  const out = new Uint8Array(sessionIdBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(id));
  return out;
}

export function buildHs1Head(hs1: {
  suite: number;
  sessionId: Uint8Array;
  replyTo: string;
  suites: readonly number[];
  cookie?: Uint8Array | undefined;
  asks?: boolean;
}): Uint8Array {
  const address = ascii(hs1.replyTo);
  const cookie = hs1.cookie;
  const out = new Uint8Array(
    protocol.prefixBytes + sessionIdBytes + 2 + address.length + 1 + 2 * hs1.suites.length + (cookie === undefined ? 0 : 1 + cookie.length),
  );
  putPrefix(out, frameTypes.hs1, hs1.asks === true ? askFlag : cookie === undefined ? 0 : cookieFlag, hs1.suite, zeroId);
  out.set(hs1.sessionId, protocol.prefixBytes);
  let at = writeU16(out, protocol.prefixBytes + sessionIdBytes, address.length);
  out.set(address, at);
  at += address.length;
  out[at++] = hs1.suites.length;
  for (const suite of hs1.suites) at = writeU16(out, at, suite);
  if (cookie !== undefined) {
    out[at] = cookie.length;
    out.set(cookie, at + 1);
  }
  return out;
}

/** HS1 that only asks who is there: about as long as an answer (at most 1.9 times as long, when a long id answers a short one), so that nobody gains much by asking in another's name. */
export const buildAsk = (ask: { suite: number; sessionId: Uint8Array; replyTo: string; suites: readonly number[] }): Uint8Array =>
  concat(buildHs1Head({ ...ask, asks: true }), new Uint8Array(askPadBytes));

export function parseHs1(frame: Uint8Array): Hs1 | FrameFault {
  const fault = prefixFault(frame, frameTypes.hs1, cookieFlag | askFlag);
  if (fault !== undefined) return fault;
  const flags = frame[1] as number;
  if (flags === (cookieFlag | askFlag)) return "flags";
  if (frame.length > protocol.handshakeFrameMaxBytes) return "too_long";
  if (sessionIdOf(frame) !== 0) return "session_id";
  const rest = reader(frame.subarray(protocol.prefixBytes));
  if (rest.remaining < sessionIdBytes + 2) return "too_short";
  const sessionId = rest.view(sessionIdBytes);
  const addressBytes = rest.u16();
  if (addressBytes > replyAddressMaxBytes) return "reply_address";
  if (rest.remaining < addressBytes + 1) return "too_short";
  const replyTo = addressOf(rest.view(addressBytes));
  if (replyTo === undefined) return "reply_address";
  const count = rest.u8();
  if (count === 0) return "suites";
  if (rest.remaining < 2 * count) return "too_short";
  const suites = Array.from({ length: count }, () => rest.u16());
  const suite = suiteOfFrame(frame);
  if (!suites.includes(suite)) return "suites";
  let cookie: Uint8Array | undefined;
  if (flags === cookieFlag) {
    if (rest.remaining < 1) return "too_short";
    if (rest.u8() !== protocol.cookieBytes) return "cookie_length";
    if (rest.remaining < protocol.cookieBytes) return "too_short";
    cookie = rest.view(protocol.cookieBytes);
  }
  const asks = flags === askFlag;
  if (asks && rest.remaining !== askPadBytes) return rest.remaining < askPadBytes ? "too_short" : "too_long";
  return { suite, sessionId, replyTo, suites, cookie, asks, head: frame.subarray(0, protocol.prefixBytes + rest.offset), message: rest.rest() };
}

export function buildHs2(hs2: { suite: number; to: Uint8Array; sessionId: Uint8Array; replyTo: string; message: Uint8Array }): Uint8Array {
  const address = ascii(hs2.replyTo);
  const head = new Uint8Array(protocol.prefixBytes + sessionIdBytes + 2 + address.length);
  putPrefix(head, frameTypes.hs2, 0, hs2.suite, hs2.to);
  head.set(hs2.sessionId, protocol.prefixBytes);
  head.set(address, writeU16(head, protocol.prefixBytes + sessionIdBytes, address.length));
  return concat(head, hs2.message);
}

export function parseHs2(frame: Uint8Array): Hs2 | FrameFault {
  const fault = prefixFault(frame, frameTypes.hs2, 0);
  if (fault !== undefined) return fault;
  if (frame.length > protocol.handshakeFrameMaxBytes) return "too_long";
  const to = sessionIdOf(frame);
  if (to < 0) return "session_id";
  const rest = reader(frame.subarray(protocol.prefixBytes));
  if (rest.remaining < sessionIdBytes + 2) return "too_short";
  const sessionId = rest.view(sessionIdBytes);
  const addressBytes = rest.u16();
  if (addressBytes > replyAddressMaxBytes) return "reply_address";
  if (rest.remaining < addressBytes) return "too_short";
  const replyTo = addressOf(rest.view(addressBytes));
  if (replyTo === undefined) return "reply_address";
  return { suite: suiteOfFrame(frame), to, sessionId, replyTo, message: rest.rest() };
}

export function buildHs3(hs3: { suite: number; to: Uint8Array; message: Uint8Array }): Uint8Array {
  const out = new Uint8Array(protocol.prefixBytes + hs3.message.length);
  putPrefix(out, frameTypes.hs3, 0, hs3.suite, hs3.to);
  out.set(hs3.message, protocol.prefixBytes);
  return out;
}

export function parseHs3(frame: Uint8Array): Hs3 | FrameFault {
  const fault = prefixFault(frame, frameTypes.hs3, 0);
  if (fault !== undefined) return fault;
  if (frame.length > protocol.handshakeFrameMaxBytes) return "too_long";
  const to = sessionIdOf(frame);
  return to < 0 ? "session_id" : { suite: suiteOfFrame(frame), to, message: frame.subarray(protocol.prefixBytes) };
}

export function buildRetry(retry: { suite: number; to: Uint8Array; replyTo: string; cookie: Uint8Array }): Uint8Array {
  const address = ascii(retry.replyTo);
  const out = new Uint8Array(protocol.prefixBytes + 2 + address.length + 1 + retry.cookie.length);
  putPrefix(out, frameTypes.retry, 0, retry.suite, retry.to);
  const at = writeU16(out, protocol.prefixBytes, address.length);
  out.set(address, at);
  out[at + address.length] = retry.cookie.length;
  out.set(retry.cookie, at + address.length + 1);
  return out;
}

export function parseRetry(frame: Uint8Array): Retry | FrameFault {
  const fault = prefixFault(frame, frameTypes.retry, 0);
  if (fault !== undefined) return fault;
  const to = sessionIdOf(frame);
  if (to < 0) return "session_id";
  const rest = reader(frame.subarray(protocol.prefixBytes));
  if (rest.remaining < 2) return "too_short";
  const addressBytes = rest.u16();
  if (addressBytes > replyAddressMaxBytes) return "reply_address";
  if (rest.remaining < addressBytes + 1 + protocol.cookieBytes) return "too_short";
  const replyTo = addressOf(rest.view(addressBytes));
  if (replyTo === undefined) return "reply_address";
  if (rest.u8() !== protocol.cookieBytes) return "cookie_length";
  const cookie = rest.view(protocol.cookieBytes);
  return rest.remaining > 0 ? "too_long" : { suite: suiteOfFrame(frame), to, replyTo, cookie };
}
