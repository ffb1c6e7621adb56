import { decodeUtf8 } from "../bytes.js";
import type { EncodedPayload } from "../codec/types.js";
import { isErrorCode } from "../errors.js";
import * as limits from "../limits.js";
import * as flag from "./flag.js";
import { isCodeText, isErrorId, isHeaderName, isIdempotencyKey, isMethodName, isName, isPrintable, maxErrorTextBytes, maxHeaders } from "./grammar.js";
import { emptyHeaders } from "./headers.js";
import { isUuidAt, uuidText } from "./id.js";
import {
  durableBytes,
  durableFlagsAt,
  durableFloorAt,
  fixedBytes,
  invalid,
  knownFlags,
  priorities,
  priorityShift,
  sentBefore,
  shapeFault,
  types,
} from "./layout.js";
import type { DurableNumber, EnvelopeHeader, Headers, WireError } from "./types.js";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface DecodedEnvelope {
  readonly header: EnvelopeHeader;
  readonly payload: EncodedPayload | undefined;
}

/** An envelope from its bytes. The payload is a view of them. Throws `invalid_envelope` with a short path, never with what was found. */
export const decodeEnvelope = (bytes: Uint8Array): DecodedEnvelope => parse(bytes, true);

/** The header alone, from the first bytes of an envelope whose rest is not there or not wanted. Throws `invalid_envelope`. */
export const decodeHeader = (bytes: Uint8Array): EnvelopeHeader => parse(bytes, false).header;

function parse(bytes: Uint8Array, whole: boolean): DecodedEnvelope {
  const limit = Math.min(bytes.length, limits.envelopeHeaderMaxBytes);
  if (limit < fixedBytes) throw short("header");
  const first = bytes[0] as number;
  if (first >> 4 !== 1) throw invalid("version", "1");
  const type = types[(first & 15) - 1];
  if (type === undefined) throw invalid("type", "1 to 6, or 7 in a stream");
  const flags = get16(bytes, 1);
  if ((flags & ~knownFlags) !== 0) throw invalid("flags", "an unknown one is set");
  if ((flags & (flag.payload | flag.rawPayload)) === flag.rawPayload) throw invalid("flags", "raw without a payload");
  const fault = shapeFault(type, flags);
  if (fault !== undefined) throw invalid(fault, `not as the type ${type} has it`);
  if (!isUuidAt(bytes, 3)) throw invalid("id", "a UUIDv7");
  const header: Mutable<EnvelopeHeader> = {
    type,
    id: uuidText(bytes, 3),
    timestamp: get48(bytes, 19),
    priority: priorities[(flags >> priorityShift) & 3] as EnvelopeHeader["priority"],
  };
  let at = fixedBytes;
  if (flags & flag.correlation) {
    if (at + 16 > limit) throw short("correlationId");
    if (!isUuidAt(bytes, at)) throw invalid("correlationId", "a UUIDv7");
    header.correlationId = uuidText(bytes, at);
    at += 16;
  }
  if (flags & flag.ttl) {
    if (at + 4 > limit) throw short("ttl");
    header.ttl = get32(bytes, at);
    at += 4;
  }
  if (flags & flag.name) {
    const field = type === "event" ? "topic" : "method";
    const name = nameAt(bytes, at, limit, field);
    header[field] = name;
    at += 1 + name.length;
  }
  if (flags & flag.headers) at = readHeaders(bytes, at, limit, header);
  if (flags & flag.idempotencyKey) {
    const key = ascii8(bytes, at, limit, "idempotencyKey");
    if (!isIdempotencyKey(key)) throw invalid("idempotencyKey", "outside its grammar");
    header.idempotencyKey = key;
    at += 1 + key.length;
  }
  if (flags & flag.durable) {
    if (at + durableBytes > limit) throw short("durable");
    header.durable = durableAt(bytes, at);
    at += durableBytes;
  }
  if (type === "error") at = readError(bytes, at, limit, (flags & flag.retryAfter) !== 0, header);
  if (type === "stream") {
    if (at + 10 > limit) throw short("stream");
    header.stream = { number: get32(bytes, at), credit: get48(bytes, at + 4) };
    at += 10;
  }
  if (!whole || (flags & flag.payload) === 0) {
    if (whole && at !== bytes.length) throw invalid("payload", "bytes are left over although it has none");
    return { header, payload: undefined };
  }
  return { header, payload: { kind: (flags & flag.rawPayload) === 0 ? "json" : "bytes", bytes: bytes.subarray(at) } };
}

function durableAt(bytes: Uint8Array, at: number): DurableNumber {
  const number = get48(bytes, at);
  const floor = get48(bytes, at + durableFloorAt);
  const bits = bytes[at + durableFlagsAt] as number;
  if (floor > number) throw invalid("durable.floor", "at most the number");
  if ((bits & ~sentBefore) !== 0) throw invalid("durable.flags", "an unknown one is set");
  return { number, floor, again: bits !== 0 };
}

/** Names that came lately: agents use a few over and over, and comparing one costs a tenth of making and checking it. */
const recentMethods = new Array<string>(64).fill("");
const recentTopics = new Array<string>(64).fill("");

function nameAt(bytes: Uint8Array, at: number, limit: number, field: "method" | "topic"): string {
  const length = at < limit ? (bytes[at] as number) : 0;
  // What is a method need not be a topic.
  const names = field === "topic" ? recentTopics : recentMethods;
  const place = (length * 7 + (bytes[at + length] ?? 0)) % names.length;
  const recent = names[place] as string;
  if (length > 0 && recent.length === length && at + length < limit && isTextAt(bytes, at + 1, recent)) return recent;
  const name = ascii8(bytes, at, limit, field);
  if (!(field === "topic" ? isName(name) : isMethodName(name))) throw invalid(field, "outside its grammar");
  names[place] = name;
  return name;
}

function isTextAt(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

function readHeaders(bytes: Uint8Array, from: number, limit: number, header: Mutable<EnvelopeHeader>): number {
  if (from >= limit) throw short("headers");
  const count = bytes[from] as number;
  if (count < 1 || count > maxHeaders) throw invalid("headers", `1 to ${maxHeaders}`);
  const headers = emptyHeaders();
  let at = from + 1;
  for (let i = 0; i < count; i++) {
    const name = headerNameAt(bytes, at, limit);
    if (name in headers) throw invalid(`headers.${name}`, "given twice");
    at += 1 + name.length;
    const end = end16(bytes, at, limit, limit, "headers");
    headers[name] = text(bytes, at + 2, end, "headers");
    at = end;
  }
  header.headers = headers satisfies Headers;
  return at;
}

/** The last one that came. */
let recentHeader = "";

function headerNameAt(bytes: Uint8Array, at: number, limit: number): string {
  const { length } = recentHeader;
  if (length > 0 && at + length < limit && bytes[at] === length && isTextAt(bytes, at + 1, recentHeader)) return recentHeader;
  const name = ascii8(bytes, at, limit, "headers");
  if (!isHeaderName(name)) throw invalid("headers", "a name is outside its grammar");
  recentHeader = name;
  return name;
}

/** Reads the fields of an error into `header`. Returns where they end. Throws `invalid_envelope`. */
export function readError(bytes: Uint8Array, from: number, limit: number, retryAfter: boolean, header: { error?: WireError }): number {
  const code = ascii8(bytes, from, limit, "error.code");
  if (!isCodeText(code)) throw invalid("error.code", "outside its grammar");
  let at = from + 1 + code.length;
  const end = end16(bytes, at, limit, maxErrorTextBytes, "error.message");
  const message = text(bytes, at + 2, end, "error.message");
  const id = ascii8(bytes, end, limit, "error.id");
  if (!isErrorId(id)) throw invalid("error.id", "outside its grammar");
  at = end + 1 + id.length;
  const error: Mutable<WireError> = { code: isErrorCode(code) ? code : "handler_failed", message, id };
  if (retryAfter) {
    if (at + 4 > limit) throw short("error.retryAfter");
    error.retryAfter = get32(bytes, at);
    at += 4;
  }
  header.error = error;
  return at;
}

/** L8 read as Latin-1: a byte outside ASCII becomes a character that every grammar refuses. */
function ascii8(bytes: Uint8Array, at: number, limit: number, field: string): string {
  if (at >= limit) throw short(field);
  const end = at + 1 + (bytes[at] as number);
  if (end > limit) throw short(field);
  const codes = new Array<number>(end - at - 1);
  for (let i = 0; i < codes.length; i++) codes[i] = bytes[at + 1 + i] as number;
  return String.fromCharCode.apply(null, codes);
}

function end16(bytes: Uint8Array, at: number, limit: number, max: number, field: string): number {
  if (at + 2 > limit) throw short(field);
  const length = get16(bytes, at);
  if (length > max) throw invalid(field, `at most ${max} bytes`);
  if (at + 2 + length > limit) throw short(field);
  return at + 2 + length;
}

function text(bytes: Uint8Array, from: number, end: number, field: string): string {
  const short = end - from <= shortMax ? printableAt(bytes, from, end) : undefined;
  if (short !== undefined) return short;
  let result: string;
  try {
    result = decodeUtf8(bytes.subarray(from, end));
  } catch {
    throw invalid(field, "well-formed UTF-8");
  }
  if (!isPrintable(result)) throw invalid(field, "printable text");
  return result;
}

/** A few printable ASCII characters, for which the decoder costs more than the copy; undefined: something else. */
function printableAt(bytes: Uint8Array, from: number, end: number): string | undefined {
  const codes = new Array<number>(end - from);
  for (let i = 0; i < codes.length; i++) {
    const code = bytes[from + i] as number;
    if (code < 0x20 || code > 0x7e) return undefined;
    codes[i] = code;
  }
  return String.fromCharCode.apply(null, codes);
}
const shortMax = 64;

const get16 = (bytes: Uint8Array, at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
const get32 = (bytes: Uint8Array, at: number): number => (get16(bytes, at) * 0x1_0000 + get16(bytes, at + 2)) >>> 0;
const get48 = (bytes: Uint8Array, at: number): number => get16(bytes, at) * 0x1_0000_0000 + get32(bytes, at + 2);
const short = (field: string) => invalid(field, `ends early, or the header is longer than ${limits.envelopeHeaderMaxBytes} bytes`);
