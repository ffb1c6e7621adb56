import { fromHex, toHex } from "../../packages/core/src/bytes.js";
import { encodePayload } from "../../packages/core/src/codec/index.js";
import { encodeCancel, encodeCredit, encodePayloadPart } from "../../packages/core/src/envelope/part.js";
import { encodeErrorPart, type partKind, type StreamAddress } from "../../packages/core/src/envelope/part-head.js";
import type { WireError } from "../../packages/core/src/envelope/types.js";

/** One thing said in a stream. `payload` as in the vectors of envelopes. */
export interface SaidVector {
  readonly description: string;
  readonly kind: keyof typeof partKind;
  readonly number: number;
  readonly byOpener: boolean;
  readonly payload?: { readonly json: unknown } | { readonly hex: string };
  readonly error?: WireError;
  readonly total?: number;
}

export interface PartVectors {
  readonly about: string;
  readonly parts: readonly (SaidVector & { readonly wire: string })[];
  readonly refused: readonly { readonly description: string; readonly path: string; readonly wire: string }[];
}

const opener = { number: 7, byOpener: true };
const handler = { number: 7, byOpener: false };

const made: readonly SaidVector[] = [
  { description: "chunk of the handler, JSON", kind: "chunk", ...handler, payload: { json: "word" } },
  { description: "chunk of the opener, raw", kind: "chunk", ...opener, payload: { hex: "00ff7b7d" } },
  { description: "chunk, raw and empty", kind: "chunk", ...handler, payload: { hex: "" } },
  { description: "chunk without a payload", kind: "chunk", ...handler },
  { description: "chunk of the highest stream", kind: "chunk", number: 2 ** 32 - 1, byOpener: true, payload: { json: null } },
  { description: "end of what the opener says", kind: "end", ...opener },
  { description: "end with the output", kind: "end", ...handler, payload: { json: { words: 2 } } },
  { description: "end without an output", kind: "end", ...handler },
  { description: "error", kind: "error", ...handler, error: { code: "handler_failed", message: "The handler failed.", id: "e-1" } },
  { description: "error with retry after", kind: "error", ...handler, error: { code: "overloaded", message: "Zu viel: später.", id: "e-2", retryAfter: 1500 } },
  { description: "credit of the opener", kind: "credit", ...opener, total: 1_310_720 },
  { description: "the most credit", kind: "credit", ...handler, total: 2 ** 48 - 1 },
  { description: "cancel of the opener", kind: "cancel", ...opener },
  { description: "cancel of the handler: it reads no more", kind: "cancel", ...handler },
];

const refused: PartVectors["refused"] = [
  { description: "kind 0", path: "part.kind", wire: "170000000007" },
  { description: "kind 6", path: "part.kind", wire: "170600000007" },
  { description: "unknown flag", path: "part.flags", wire: "171500000007" },
  { description: "raw without payload", path: "part.flags", wire: "178100000007" },
  { description: "retry after on a chunk", path: "part.flags", wire: "172100000007" },
  { description: "payload on a cancel", path: "part.flags", wire: "1745000000076e756c6c" },
  { description: "an output of the opener", path: "part.payload", wire: "174a000000076e756c6c" },
  { description: "credit of 5 bytes", path: "part.credit", wire: "1704000000070000000001" },
  { description: "credit of 7 bytes", path: "part.credit", wire: "17040000000700000000000001" },
  { description: "bytes after a cancel", path: "part", wire: "17050000000700" },
  { description: "bytes after a chunk without payload", path: "part", wire: "17010000000700" },
  { description: "error that ends early", path: "error.code", wire: "170300000007" },
  { description: "error code outside its grammar", path: "error.code", wire: "170300000007025f5f00000165" },
  { description: "bytes after an error", path: "part", wire: "1703000000070466616c6c0000016500" },
];

export function encodeSaid({ kind, number, byOpener, payload, error, total = 0 }: SaidVector): Uint8Array {
  const to: StreamAddress = { number, byOpener };
  if (kind === "cancel") return encodeCancel(to);
  if (kind === "credit") return encodeCredit(to, total);
  if (kind === "error") return encodeErrorPart(to, error as WireError);
  const encoded = payload === undefined ? undefined : encodePayload("hex" in payload ? fromHex(payload.hex) : payload.json);
  return encodePayloadPart(kind === "chunk" ? 1 : 2, to, encoded);
}

/** The vectors of what is said in a stream: always the same. */
export function partVectors(): PartVectors {
  return {
    about:
      "What Tightbeam says in an open stream, version 1 (docs/protocol.md, section 7). `wire` is hex. Decoding `wire` gives the fields, encoding them gives `wire`; each of `refused` is invalid_envelope.",
    parts: made.map((said) => ({ ...said, wire: toHex(encodeSaid(said)) })),
    refused,
  };
}
