import type { EncodedPayload } from "../codec/types.js";
import * as limits from "../limits.js";
import { unfilled } from "../release.js";
import * as flag from "./flag.js";
import { isCodeText, isErrorId, isIdempotencyKey, isMethodName, isName, isPrintable, maxErrorTextBytes } from "./grammar.js";
import { headerEntries } from "./headers.js";
import { isUuidAt, writeUuid } from "./id.js";
import { durableBytes, fixedBytes, invalid, priorities, priorityShift, sentBefore, shapeFault, types } from "./layout.js";
import type { DurableNumber, EnvelopeType, OutgoingHeader, Priority, StreamOpening, WireError } from "./types.js";

const headerMax = limits.envelopeHeaderMaxBytes;
const slabBytes = 64 * 1024;
const sharedMax = 4 * 1024;

/** Small envelopes lie side by side in one slab: making an array of a few hundred bytes costs more than everything else here. A slab is never written twice. */
let slab = new Uint8Array(0);
let slabAt = 0;

/** They were checked. */
let lastMethod: string | undefined;
let lastTopic: string | undefined;

const textEncoder = new TextEncoder();

/**
 * The bytes of an envelope; layout.ts has the layout. The payload is copied, so nothing that happens to the arguments
 * afterwards is seen. Up to about 4 KiB the result is a view of a larger buffer, which must not be written to.
 * Throws `invalid_envelope` with the path of a field outside its grammar or not fit for the type.
 */
export function encodeEnvelope(header: OutgoingHeader, payload?: EncodedPayload): Uint8Array {
  const { type, id, correlationId, timestamp, priority, ttl, idempotencyKey, headers, method, topic, error, stream, durable } = header;
  // Everything is read before the first byte is written: reading may run foreign code, which may come back here.
  const entries = headers === undefined ? undefined : headerEntries(headers);
  const wireError = error === undefined ? undefined : readError(error);
  const name = type === "event" ? topic : method;
  if ((type === "event" ? method : topic) !== undefined) throw invalid(type === "event" ? "method" : "topic", `${type} has none`);
  if ((type === "error") !== (wireError !== undefined)) throw invalid("error", "exactly the type error has one");
  if ((type === "stream") !== (stream !== undefined)) throw invalid("stream", "exactly the type stream has one");

  let flags = 0;
  if (correlationId !== undefined) flags |= flag.correlation;
  if (ttl !== undefined) flags |= flag.ttl;
  if (name !== undefined) flags |= flag.name;
  if (entries !== undefined && entries.length > 0) flags |= flag.headers;
  if (idempotencyKey !== undefined) flags |= flag.idempotencyKey;
  if (wireError?.retryAfter !== undefined) flags |= flag.retryAfter;
  if (durable !== undefined) flags |= flag.durable;
  if (payload !== undefined) flags |= payload.kind === "bytes" ? flag.payload | flag.rawPayload : flag.payload;
  if (type !== last.type || priority !== last.priority || flags !== last.flags) last = headOf(type, priority, flags);

  if (slabAt + headerMax + sharedMax > slab.length) {
    slab = new Uint8Array(slabBytes);
    slabAt = 0;
  }
  const out = slab;
  const start = slabAt;
  out[start] = last.first;
  put16(out, start + 1, last.bits);
  if (typeof id !== "string" ? !putId(id, out, start + 3) : !writeUuid(id, out, start + 3)) throw invalid("id", "a UUIDv7 in lower case");
  if (!isU48(timestamp)) throw invalid("timestamp", "whole ms below 2^48");
  put16(out, start + 19, Math.floor(timestamp / 0x1_0000_0000));
  put32(out, start + 21, timestamp);
  let at = start + fixedBytes;
  if (correlationId !== undefined) {
    if (!writeUuid(correlationId, out, at)) throw invalid("correlationId", "a UUIDv7 in lower case");
    at += 16;
  }
  if (ttl !== undefined) {
    if (!isU32(ttl)) throw invalid("ttl", "whole ms below 2^32");
    at = put32(out, at, ttl);
  }
  if (name !== undefined) {
    if (type !== "event") {
      if (name !== lastMethod && !isMethodName(name)) throw invalid("method", "outside its grammar");
      lastMethod = name;
    } else {
      if (name !== lastTopic && !isName(name)) throw invalid("topic", "outside its grammar");
      lastTopic = name;
    }
    at = putAscii(out, at, name);
  }
  if (entries !== undefined && entries.length > 0) at = putHeaders(out, at, entries, start + headerMax);
  if (idempotencyKey !== undefined) {
    if (!isIdempotencyKey(idempotencyKey)) throw invalid("idempotencyKey", "1 to 128 visible ASCII characters");
    if (at + 129 > start + headerMax) throw headersTooLarge();
    at = putAscii(out, at, idempotencyKey);
  }
  if (durable !== undefined) at = putDurable(out, at, durable, start + headerMax);
  if (wireError !== undefined) at = putError(out, at, wireError, start + headerMax);
  if (stream !== undefined) at = putOpening(out, at, stream, start + headerMax);
  return finish(start, at, payload);
}

/** For whoever has copied the last one that was encoded and lets go of it: the next one takes its place. */
export function dropEnvelope({ buffer, byteOffset, length }: Uint8Array): void {
  if (buffer === slab.buffer && byteOffset + length === slabAt) slabAt = byteOffset;
}

/** The first three bytes of an envelope. */
interface Head {
  readonly type: EnvelopeType;
  readonly priority: Priority;
  readonly flags: number;
  readonly first: number;
  readonly bits: number;
}

function headOf(type: EnvelopeType, priority: Priority, flags: number): Head {
  const typeIndex = types.indexOf(type);
  if (typeIndex < 0) throw invalid("type", "an unknown one");
  const fault = shapeFault(type, flags);
  if (fault !== undefined) throw invalid(fault, `not as the type ${type} has it`);
  const priorityIndex = priorities.indexOf(priority);
  if (priorityIndex < 0) throw invalid("priority", "an unknown one");
  return { type, priority, flags, first: 0x10 | (typeIndex + 1), bits: flags | (priorityIndex << priorityShift) };
}

/** Of the last envelope: one kind is sent over and over. */
let last = headOf("response", "normal", flag.correlation);

function putId(id: Uint8Array, out: Uint8Array, at: number): boolean {
  for (let i = 0; i < 16; i++) out[at + i] = id[i] as number;
  return id.length === 16 && isUuidAt(out, at);
}

function finish(start: number, end: number, payload: EncodedPayload | undefined): Uint8Array {
  const length = payload === undefined ? 0 : payload.bytes.length;
  if (length <= sharedMax) {
    if (payload !== undefined) slab.set(payload.bytes, end);
    slabAt = end + length;
    return slab.subarray(start, slabAt);
  }
  const out = unfilled(end - start + length);
  out.set(slab.subarray(start, end), 0);
  if (payload !== undefined) out.set(payload.bytes, end - start);
  return out;
}

/** The fields of an error, each checked. Throws `invalid_envelope`. */
export function readError(error: WireError): WireError {
  const { code, message, id, retryAfter } = error;
  if (!isCodeText(code)) throw invalid("error.code", "a code of errors.ts");
  if (!isPrintable(message)) throw invalid("error.message", "printable text: see toWireError");
  if (!isErrorId(id)) throw invalid("error.id", "1 to 64 of A-Z a-z 0-9 _ -");
  if (retryAfter !== undefined && !isU32(retryAfter)) throw invalid("error.retryAfter", "whole ms below 2^32");
  return retryAfter === undefined ? { code, message, id } : { code, message, id, retryAfter };
}

function putHeaders(out: Uint8Array, from: number, entries: readonly (readonly [string, string])[], end: number): number {
  let at = from;
  out[at++] = entries.length;
  for (const [name, value] of entries) {
    if (at + 1 + name.length + 2 + value.length > end) throw headersTooLarge();
    at = putText16(out, putAscii(out, at, name), value, end);
  }
  return at;
}

/** Writes what `readError` returned. Throws when it would go past `end`. */
export function putError(out: Uint8Array, from: number, error: WireError, end: number): number {
  if (from + 1 + 64 + 2 + maxErrorTextBytes + 1 + 64 + 4 > end) throw headersTooLarge();
  let at = putAscii(out, from, error.code);
  at = putText16(out, at, error.message, at + 2 + maxErrorTextBytes);
  at = putAscii(out, at, error.id);
  return error.retryAfter === undefined ? at : put32(out, at, error.retryAfter);
}

function putDurable(out: Uint8Array, from: number, { number, floor, again }: DurableNumber, end: number): number {
  if (!isU48(number)) throw invalid("durable.number", "a whole number below 2^48");
  if (!isU48(floor) || floor > number) throw invalid("durable.floor", "a whole number, at most the number");
  if (from + durableBytes > end) throw headersTooLarge();
  const at = put48(out, put48(out, from, number), floor);
  out[at] = again ? sentBefore : 0;
  return at + 1;
}

function putOpening(out: Uint8Array, from: number, { number, credit }: StreamOpening, end: number): number {
  if (!isU32(number)) throw invalid("stream.number", "a whole number below 2^32");
  if (!isU48(credit)) throw invalid("stream.credit", "whole bytes below 2^48");
  if (from + 10 > end) throw headersTooLarge();
  return put48(out, put32(out, from, number), credit);
}

/** L16 of UTF-8 that must end at or before `end`. */
function putText16(out: Uint8Array, at: number, text: string, end: number): number {
  const past = putShort(out, at + 2, text, end);
  if (past > 0) {
    put16(out, at, text.length);
    return past;
  }
  const { read, written } = textEncoder.encodeInto(text, out.subarray(at + 2, end));
  if (read !== text.length) throw headersTooLarge();
  put16(out, at, written);
  return at + 2 + written;
}

/** Text of a few ASCII characters, for which the encoder costs more than the copy. Returns where it ends, or 0: it is something else. */
function putShort(out: Uint8Array, at: number, text: string, end: number): number {
  const { length } = text;
  if (length > shortMax || at + length > end) return 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return 0;
    out[at + i] = code;
  }
  return at + length;
}
const shortMax = 64;

/** L8 of ASCII text that the caller has checked. */
function putAscii(out: Uint8Array, at: number, text: string): number {
  const length = text.length;
  out[at] = length;
  for (let i = 0; i < length; i++) out[at + 1 + i] = text.charCodeAt(i);
  return at + 1 + length;
}

function put16(out: Uint8Array, at: number, value: number): number {
  out[at] = value >>> 8;
  out[at + 1] = value;
  return at + 2;
}

const put48 = (out: Uint8Array, at: number, value: number): number => put32(out, put16(out, at, Math.floor(value / 0x1_0000_0000)), value);

function put32(out: Uint8Array, at: number, value: number): number {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}

const isU32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 2 ** 32;
const isU48 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 2 ** 48;
const headersTooLarge = () => invalid("headers", `all but the payload is at most ${headerMax} bytes, an error message ${maxErrorTextBytes}`);
