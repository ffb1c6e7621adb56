import { empty } from "../bytes.js";
import { decodeJson } from "./json-decode.js";
import { encodeJson } from "./json-encode.js";
import { type JsonLimits, jsonLimits } from "./limits.js";
import type { EncodedPayload } from "./types.js";

/** True for a Uint8Array of any realm, Node's Buffer included; false for every other view. */
export const isBytes = (value: unknown): value is Uint8Array =>
  ArrayBuffer.isView(value) && (value.constructor === Uint8Array || (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === "Uint8Array");

/**
 * A payload as it will travel: a Uint8Array untouched (the same view, not a copy), anything else as JSON, `undefined` as no
 * payload at all, which is not the same as null. Throws `not_serialisable` or `too_large`, see `encodeJson`.
 */
export function encodePayload(value: unknown, limits: JsonLimits = jsonLimits): EncodedPayload | undefined {
  if (value === undefined) return undefined;
  return isBytes(value) ? { kind: "bytes", bytes: value } : encodeJson(value, limits);
}

/**
 * What the application receives: bytes, a JSON value, or undefined when there was no payload. Bytes are its own to keep and to
 * change: a plain Uint8Array, copied when it is less than half of the buffer it lies in, so that a small message never keeps a
 * large frame alive. Many small ones that came in one record lie side by side in buffers of 4 KiB, as Node's Buffers do: read
 * `.buffer` only together with `byteOffset` and `byteLength`. Throws `too_large` or `invalid_envelope`, see `decodeJson`.
 */
export function decodePayload(payload: EncodedPayload | undefined, limits: JsonLimits = jsonLimits): unknown {
  if (payload === undefined) return undefined;
  return payload.kind === "bytes" ? owned(payload.bytes) : decodeJson(payload.bytes, limits);
}

/** Small, because one message that is kept keeps its slab: as many slabs as messages may wait for handlers (`intakeCount`) are no more than the bytes that may (`intakeBytes`). */
const slabBytes = 4 * 1024;
const slabbedMax = slabBytes / 4;

/** The buffer that the last small payload was taken from. */
let source: ArrayBufferLike | undefined;
/** Holds payloads of `source` alone, so nothing of one peer lies beside another's. Each part is given out once. */
let slab: Uint8Array = empty;
let slabAt = 0;

function owned(bytes: Uint8Array): Uint8Array {
  const { length, buffer } = bytes;
  if (length * 2 >= buffer.byteLength) return bytes.constructor === Uint8Array ? bytes : new Uint8Array(buffer, bytes.byteOffset, length);
  if (length > slabbedMax) return new Uint8Array(bytes);
  if (buffer !== source) {
    source = buffer;
    slab = empty;
    slabAt = 0;
    return new Uint8Array(bytes);
  }
  // An array of its own costs six times as much as the rest of a small message.
  if (slabAt + length > slab.length) {
    slab = new Uint8Array(slabBytes);
    slabAt = 0;
  }
  const start = slabAt;
  slabAt += length;
  slab.set(bytes, start);
  return slab.subarray(start, slabAt);
}

export { decodeJson, encodeJson, jsonLimits };
export type { EncodedPayload, JsonLimits };
