import { decodePayload, encodePayload } from "../codec/index.js";
import type { JsonLimits } from "../codec/limits.js";

/** A value as it is now, for whoever sends it later: what the application changes of it meanwhile does not travel. What cannot travel is left as it is, and refused when it is sent. */
export function snapshot(value: unknown, json: JsonLimits): { readonly value: unknown; readonly bytes: number } {
  try {
    const payload = encodePayload(value, json);
    if (payload === undefined) return { value, bytes: 0 };
    const { kind, bytes } = payload;
    return { value: kind === "bytes" ? bytes.slice() : decodePayload(payload, json), bytes: bytes.length };
  } catch {
    return { value, bytes: 0 };
  }
}
