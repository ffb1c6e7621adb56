import type { EncodedPayload } from "../codec/types.js";

/** A small payload lies in the record it came in, which is freed when its delivery returns. */
export const keepPayload = (payload: EncodedPayload | undefined): EncodedPayload | undefined =>
  payload === undefined || payload.bytes.length * 2 >= payload.bytes.buffer.byteLength ? payload : { kind: payload.kind, bytes: payload.bytes.slice() };
