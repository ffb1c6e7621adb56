import { decodeJson } from "./json-decode.js";
import { encodeJson } from "./json-encode.js";
import { type JsonLimits, jsonLimits } from "./limits.js";
import type { EncodedPayload } from "./types.js";

/** True for a Uint8Array of any realm, Node's Buffer included; false for every other view. */
export const isBytes = (value: unknown): value is Uint8Array =>
  ArrayBuffer.isView(value) && (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === "Uint8Array";

/**
 * A payload as it will travel: a Uint8Array untouched (the same view, not a copy), anything else as JSON, `undefined` as no
 * payload at all, which is not the same as null. Throws `not_serialisable` or `too_large`, see `encodeJson`.
 */
export function encodePayload(value: unknown, limits: JsonLimits = jsonLimits): EncodedPayload | undefined {
  if (value === undefined) return undefined;
  return isBytes(value) ? { kind: "bytes", bytes: value } : encodeJson(value, limits);
}

/**
 * What the application receives: bytes, a JSON value, or undefined when there was no payload. Bytes are its own: a plain
 * Uint8Array, copied when it is less than half of the buffer it lies in, so that a small message never keeps a large frame
 * alive nor shares it. Throws `too_large` or `invalid_envelope`, see `decodeJson`.
 */
export function decodePayload(payload: EncodedPayload | undefined, limits: JsonLimits = jsonLimits): unknown {
  if (payload === undefined) return undefined;
  return payload.kind === "bytes" ? owned(payload.bytes) : decodeJson(payload.bytes, limits);
}

function owned(bytes: Uint8Array): Uint8Array {
  if (bytes.length * 2 < bytes.buffer.byteLength) return new Uint8Array(bytes);
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

export { decodeJson, encodeJson, jsonLimits };
export type { EncodedPayload, JsonLimits };
