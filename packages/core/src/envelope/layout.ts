import { TightbeamError } from "../errors.js";
import * as flag from "./flag.js";
import type { EnvelopeType, Priority } from "./types.js";

/*
 * The envelope on the wire, version 1. Integers are big-endian; L8(x) and L16(x) are x behind its length in bytes.
 *
 *  0  u8    version << 4 | type     version 1; types: 1 request  2 response  3 notification  4 event  5 stream  6 error
 *  1  u16   flags                   bits 0-7 and 10 below; bits 8-9 priority (0 critical, 1 high, 2 normal, 3 low); others must be 0
 *  3  16    id                      a UUIDv7
 * 19  u48   timestamp               ms since 1970 on the sender's clock
 * 25  then, in this order, each only where its flag or type says so:
 *     16    correlation id          flag 0x01; a UUIDv7
 *     u32   ttl                     flag 0x02; ms from the timestamp
 *     L8    method or topic         flag 0x04; 1-128 bytes, grammar of `isMethodName` or `isName`
 *     u8 n, n x (L8 name, L16 value) flag 0x08; 1-32 headers, no name twice, grammars of `isHeaderName` and `isPrintable` (UTF-8)
 *     L8    idempotency key         flag 0x10; 1-128 bytes of visible ASCII
 *           durable                 flag 0x0400; type 3 only:
 *     u48     number                of the message, in its lane, among those its sender keeps for this agent
 *     u48     floor                 every number of this lane below it is settled; at most the number
 *     u8      flags                 0x01: it was sent before
 *           error                   type 6 only, always:
 *     L8      code                  `[a-z][a-z_]{0,63}`; a code the reader does not know reads as handler_failed
 *     L16     message               at most 1024 bytes of UTF-8, `isPrintable`
 *     L8      id                    1-64 of `A-Z a-z 0-9 _ -`
 *     u32     retry after           flag 0x20; ms
 *           opening                 type 5 only, always:
 *     u32     number                of the stream, among those its opener opens on this link
 *     u48     credit                bytes that the handler may say before it hears of more
 *     rest  payload                 flag 0x40: all that is left, JSON in UTF-8, or raw bytes with flag 0x80; without 0x40 nothing may be left
 * Type 7, what is said in a stream, is no envelope: part.ts has its layout.
 *
 * Which parts a type must and may have (others are refused):
 *   request                 method; correlation id, ttl, headers, idempotency key, payload
 *   notification            the same; durable
 *   event                   topic; the same
 *   stream                  method, opening; the same
 *   response                correlation id; ttl, headers, payload
 *   error                   correlation id, error; ttl, headers, retry after
 * Everything before the payload is at most 8 KiB (`limits.envelopeHeaderMaxBytes`).
 */

export const fixedBytes = 25;
export const priorityShift = 8;
export const knownFlags = 0x07ff;
/** Where the floor begins in the part of a durable message, where its flags are, and how long it is. */
export const durableFloorAt = 6;
export const durableFlagsAt = 12;
export const durableBytes = 13;
export const sentBefore = 0x01;

export const types: readonly EnvelopeType[] = ["request", "response", "notification", "event", "stream", "error"];
export const priorities: readonly Priority[] = ["critical", "high", "normal", "low"];

const anyType = flag.ttl | flag.headers;
const message = anyType | flag.correlation | flag.idempotencyKey | flag.payload | flag.rawPayload;

/** By type: the flags that must be set, and those that may. */
export const shapes: Readonly<Record<EnvelopeType, { readonly required: number; readonly allowed: number }>> = {
  request: { required: flag.name, allowed: message | flag.name },
  notification: { required: flag.name, allowed: message | flag.name | flag.durable },
  event: { required: flag.name, allowed: message | flag.name },
  stream: { required: flag.name, allowed: message | flag.name },
  response: { required: flag.correlation, allowed: anyType | flag.correlation | flag.payload | flag.rawPayload },
  error: { required: flag.correlation, allowed: anyType | flag.correlation | flag.retryAfter },
};

/** The part that a flagged type is missing or may not have, or undefined when its flags are in order. */
export function shapeFault(type: EnvelopeType, flags: number): string | undefined {
  const shape = shapes[type];
  const missing = shape.required & ~flags;
  const extra = flags & (0xff | flag.durable) & ~shape.allowed;
  if ((missing | extra) === 0) return undefined;
  const fault = missing !== 0 ? missing : extra;
  if (fault & flag.correlation) return "correlationId";
  if (fault & flag.name) return type === "event" ? "topic" : "method";
  if (fault & flag.idempotencyKey) return "idempotencyKey";
  if (fault & flag.retryAfter) return "error.retryAfter";
  if (fault & flag.durable) return "durable";
  return "payload";
}

/** Says where an envelope is wrong and what belongs there, never what was found. */
export const invalid = (path: string, expected: string): TightbeamError =>
  new TightbeamError("invalid_envelope", `The envelope is invalid at ${path}: ${expected}.`);
