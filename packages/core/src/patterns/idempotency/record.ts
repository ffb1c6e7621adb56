import { concat, decodeUtf8, encodeUtf8 } from "../../bytes.js";
import { toWireError } from "../../envelope/error.js";
import { isPrintable } from "../../envelope/grammar.js";
import { isErrorCode, TightbeamError } from "../../errors.js";
import type { KeptReply } from "./types.js";

/*
 * A reply in the store, `idem/<peer digest>/<key digest>`:
 *   u8 1 | u48 wall ms when it was made | 32 bytes SHA-256 of what was asked | u8 kind | rest
 * kinds: 0 done, nothing to say  1 JSON  2 bytes  3 error: JSON { code, message, retryAfter? }  4 done, and the reply was too large to be kept
 */

export const recordPrefix = "idem/";

const version = 1;
export const recordHeadBytes = 40;
const kinds = { nothing: 0, json: 1, bytes: 2, error: 3, notKept: 4 } as const;

export interface ReplyRecord {
  readonly at: number;
  /** Of the method and the payload. */
  readonly content: Uint8Array;
  readonly reply: KeptReply;
}

export function encodeRecord({ at, content, reply }: ReplyRecord): Uint8Array {
  const head = new Uint8Array(recordHeadBytes);
  const view = new DataView(head.buffer);
  head[0] = version;
  view.setUint16(1, Math.floor(at / 2 ** 32));
  view.setUint32(3, at >>> 0);
  head.set(content, 7);
  const { payload, error } = reply;
  if (error !== undefined) {
    head[39] = error.code === "too_large" && reply.outcome === "ok" ? kinds.notKept : kinds.error;
    const { code, message, retryAfter } = toWireError(error, "0");
    return concat(head, encodeUtf8(JSON.stringify({ code, message, retryAfter })));
  }
  head[39] = payload === undefined ? kinds.nothing : kinds[payload.kind];
  return payload === undefined ? head : concat(head, payload.bytes);
}

/** Throws `store_damaged`. */
export function decodeRecord(bytes: Uint8Array): ReplyRecord {
  if (bytes[0] !== version || bytes.length < recordHeadBytes) throw damaged();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = view.getUint16(1) * 2 ** 32 + view.getUint32(3);
  return { at, content: bytes.slice(7, 39), reply: decodeReply(bytes[39] as number, bytes.subarray(recordHeadBytes)) };
}

function decodeReply(kind: number, rest: Uint8Array): KeptReply {
  if (kind === kinds.nothing && rest.length === 0) return { outcome: "ok", payload: undefined, error: undefined };
  if (kind === kinds.json || kind === kinds.bytes)
    return { outcome: "ok", payload: { kind: kind === kinds.json ? "json" : "bytes", bytes: rest }, error: undefined };
  if (kind === kinds.notKept) return notKept;
  if (kind === kinds.error) return { outcome: "failed", payload: undefined, error: decodeError(rest) };
  throw damaged();
}

function decodeError(rest: Uint8Array): TightbeamError {
  try {
    const { code, message, retryAfter } = JSON.parse(decodeUtf8(rest)) as Record<string, unknown>;
    if (isErrorCode(code) && isPrintable(message))
      return new TightbeamError(code, message, typeof retryAfter === "number" && retryAfter >= 0 ? { retryAfter } : {});
  } catch {
    // Told below.
  }
  throw damaged();
}

/** It went well, and what it said was too large: nobody runs it again. */
export const notKept: KeptReply = {
  outcome: "ok",
  payload: undefined,
  error: new TightbeamError("too_large", "The operation of this idempotency key was done. Its reply was too large to be kept, or there was no room for it."),
};

export const damaged = (): TightbeamError =>
  new TightbeamError("store_damaged", "The reply kept for this idempotency key cannot be read: whether the operation was done is unknown.");
