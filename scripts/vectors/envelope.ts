import { encodePayload } from "../../packages/core/src/codec/index.js";
import type { EnvelopeHeader } from "../../packages/core/src/envelope/types.js";
import { encodeEnvelope } from "../../packages/core/src/envelope/wire.js";

interface EnvelopeVector {
  readonly description: string;
  readonly header: EnvelopeHeader;
  /** JSON as a value, bytes as hex, or no payload. */
  readonly payload?: { readonly json: unknown } | { readonly hex: string };
  readonly wire: string;
}

interface RefusedVector {
  readonly description: string;
  /** The first part found wrong, as this implementation names it. */
  readonly path: string;
  readonly wire: string;
}

export interface EnvelopeVectors {
  readonly about: string;
  readonly envelopes: readonly EnvelopeVector[];
  readonly refused: readonly RefusedVector[];
}

const id = "01978a52-6c00-7abc-8def-0123456789ab";
const correlationId = "01978a52-6c01-7000-bfff-fedcba987654";
const timestamp = 1_750_000_000_000;

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const made: readonly Omit<EnvelopeVector, "wire">[] = [
  { description: "request with a method and nothing else", header: { type: "request", id, timestamp, priority: "normal", method: "ping" } },
  {
    description: "request with a JSON payload",
    header: { type: "request", id, timestamp, priority: "normal", method: "summarize" },
    payload: { json: { text: "grüße 😀", n: [1, -2.5, null, true] } },
  },
  {
    description: "request whose payload is JSON null",
    header: { type: "request", id, timestamp, priority: "normal", method: "a.b/c" },
    payload: { json: null },
  },
  { description: "request for a method of a contract", header: { type: "request", id, timestamp, priority: "normal", method: "search.find@2" } },
  {
    description: "notification of the highest version",
    header: { type: "notification", id, timestamp, priority: "normal", method: `${"m".repeat(118)}@999999999` },
  },
  { description: "request with raw bytes", header: { type: "request", id, timestamp, priority: "high", method: "upload" }, payload: { hex: "00ff7b7d" } },
  { description: "request with an empty raw payload", header: { type: "request", id, timestamp, priority: "high", method: "upload" }, payload: { hex: "" } },
  {
    description: "request with every field",
    header: {
      type: "request",
      id,
      correlationId,
      timestamp,
      priority: "critical",
      ttl: 30_000,
      method: "summarize",
      headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", note: "é" },
      idempotencyKey: "order-17",
    },
    payload: { json: {} },
  },
  { description: "largest timestamp and ttl", header: { type: "notification", id, timestamp: 2 ** 48 - 1, priority: "low", ttl: 2 ** 32 - 1, method: "m" } },
  {
    description: "durable notification",
    header: { type: "notification", id, timestamp, priority: "normal", method: "job", durable: { number: 9, floor: 7, again: false } },
    payload: { json: 1 },
  },
  {
    description: "durable notification that was sent before, with the largest number and what else it may have",
    header: {
      type: "notification",
      id,
      correlationId,
      timestamp,
      priority: "low",
      ttl: 5_000,
      method: "job",
      headers: { note: "x" },
      idempotencyKey: "k",
      durable: { number: 2 ** 48 - 1, floor: 2 ** 48 - 1, again: true },
    },
  },
  { description: "response", header: { type: "response", id, correlationId, timestamp, priority: "normal" }, payload: { json: { summary: "hello" } } },
  { description: "response without a payload", header: { type: "response", id, correlationId, timestamp: 0, priority: "normal", ttl: 0 } },
  { description: "event", header: { type: "event", id, timestamp, priority: "low", topic: "progress" }, payload: { json: { percent: 50 } } },
  {
    description: "stream",
    header: { type: "stream", id, timestamp, priority: "normal", method: "tokens", stream: { number: 0, credit: 1_048_576 } },
    payload: { json: { prompt: "x" } },
  },
  {
    description: "stream with the largest number and credit, and what else it may have",
    header: {
      type: "stream",
      id,
      correlationId,
      timestamp,
      priority: "high",
      ttl: 5_000,
      method: "tokens",
      headers: { note: "x" },
      idempotencyKey: "k",
      stream: { number: 2 ** 32 - 1, credit: 2 ** 48 - 1 },
    },
  },
  {
    description: "error",
    header: {
      type: "error",
      id,
      correlationId,
      timestamp,
      priority: "normal",
      error: { code: "no_handler", message: "Nobody handles summarize here.", id: "e-1" },
    },
  },
  {
    description: "error with retry after",
    header: {
      type: "error",
      id,
      correlationId,
      timestamp,
      priority: "normal",
      error: { code: "overloaded", message: "Zu viel: später.", id: "e-2", retryAfter: 1500 },
    },
  },
];

/** The whole `ping` request with one thing changed. */
const ping = (flags: string, rest: string, first = "11", uuid = id.replaceAll("-", "")): string => `${first}${flags}${uuid}01977420dc00${rest}`;
const name = "0470696e67";

const refused: readonly RefusedVector[] = [
  { description: "empty", path: "header", wire: "" },
  { description: "version 2", path: "version", wire: ping("0204", name, "21") },
  { description: "type 0", path: "type", wire: ping("0204", name, "10") },
  { description: "type 7", path: "type", wire: ping("0204", name, "17") },
  { description: "unknown flag", path: "flags", wire: ping("0a04", name) },
  { description: "durable request", path: "durable", wire: ping("0604", `${name}00000000000900000000000700`) },
  { description: "durable notification without its number", path: "durable", wire: ping("0604", name, "13") },
  { description: "durable notification with a floor above its number", path: "durable.floor", wire: ping("0604", `${name}00000000000700000000000800`, "13") },
  { description: "durable notification with an unknown flag", path: "durable.flags", wire: ping("0604", `${name}00000000000700000000000702`, "13") },
  { description: "raw flag without payload flag", path: "flags", wire: ping("0284", name) },
  { description: "bytes after the header without payload flag", path: "payload", wire: ping("0204", `${name}00`) },
  { description: "request without method", path: "method", wire: ping("0200", "") },
  { description: "id is a UUIDv4", path: "id", wire: ping("0204", name, "11", "01978a526c004abc8def0123456789ab") },
  { description: "method is __proto__", path: "method", wire: ping("0204", "095f5f70726f746f5f5f") },
  { description: "method with CR LF", path: "method", wire: ping("0204", "04610d0a62") },
  { description: "version 0 of a method", path: "method", wire: ping("0204", "06616263644030") },
  { description: "version with a leading zero", path: "method", wire: ping("0204", "06616263403031") },
  { description: "version of ten digits", path: "method", wire: ping("0204", `0c6140${"31".repeat(10)}`) },
  { description: "version without digits", path: "method", wire: ping("0204", "026140") },
  { description: "version without a method", path: "method", wire: ping("0204", "024031") },
  { description: "two versions", path: "method", wire: ping("0204", "056140314032") },
  { description: "topic with a version", path: "topic", wire: ping("0204", "03614031", "14") },
  { description: "method longer than the frame", path: "method", wire: ping("0204", "0570696e67") },
  { description: "header count 0", path: "headers", wire: ping("020c", `${name}00`) },
  { description: "header given twice", path: "headers.a", wire: ping("020c", `${name}0201610001310161000132`) },
  { description: "header value with ESC", path: "headers", wire: ping("020c", `${name}01016100011b`) },
  { description: "header value that is not UTF-8", path: "headers", wire: ping("020c", `${name}0101610001ff`) },
  { description: "idempotency key with a space", path: "idempotencyKey", wire: ping("0214", `${name}03612062`) },
  { description: "stream without a method", path: "method", wire: ping("0200", "00000000000000000000", "15") },
  { description: "stream without its number and credit", path: "stream", wire: ping("0204", name, "15") },
  { description: "stream with bytes after its credit", path: "payload", wire: ping("0204", `${name}0000000000000000000000`, "15") },
  { description: "retry after on a request", path: "error.retryAfter", wire: ping("0224", `${name}00000001`) },
];

/** The vectors of the envelope's wire form, from fixed ids: always the same. */
export function envelopeVectors(): EnvelopeVectors {
  return {
    about:
      "Tightbeam envelopes, version 1 (docs/protocol.md, section 7). `wire` is hex. Decoding `wire` gives header and payload, encoding them gives `wire`; each of `refused` is invalid_envelope.",
    envelopes: made.map((vector) => {
      const { payload } = vector;
      const encoded = payload === undefined ? undefined : encodePayload("hex" in payload ? fromHex(payload.hex) : payload.json);
      return { ...vector, wire: toHex(encodeEnvelope(vector.header, encoded)) };
    }),
    refused,
  };
}
