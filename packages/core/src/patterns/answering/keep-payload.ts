import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader } from "../../envelope/types.js";

/** A small payload lies in the record it came in, which is freed when its delivery returns. */
export const keepPayload = (payload: EncodedPayload | undefined): EncodedPayload | undefined =>
  payload === undefined || payload.bytes.length * 2 >= payload.bytes.buffer.byteLength ? payload : { kind: payload.kind, bytes: payload.bytes.slice() };

/** What a message that waits holds, beside a constant: its payload, and its headers, which may be larger. */
export function heldBytes({ headers }: EnvelopeHeader, payload: EncodedPayload | undefined): number {
  let bytes = payload?.bytes.length ?? 0;
  for (const name in headers) bytes += name.length + (headers[name] as string).length;
  return bytes;
}
