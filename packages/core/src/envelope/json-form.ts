import { toBase64url } from "../bytes.js";
import { decodeJson, encodeJson, isBytes, type JsonLimits, jsonLimits } from "../codec/index.js";
import type { Envelope, EnvelopeHeader } from "./types.js";

/** An envelope for logs, stores and bridges. The payload is `payload` (JSON) or `payloadBytes` (base64url), or there is none and neither is there. */
export interface EnvelopeJson extends EnvelopeHeader {
  readonly version: 1;
  readonly from: string;
  readonly to: string;
  readonly payload?: unknown;
  readonly payloadBytes?: string;
}

/** The JSON form as a value for `JSON.stringify`; it shares nothing with the envelope. Throws `not_serialisable` or `too_large`, see `encodeJson`. `parseEnvelope` reads it back. */
export function envelopeToJson(envelope: Envelope, limits: JsonLimits = jsonLimits): EnvelopeJson {
  const { payload, ...rest } = envelope;
  const json: EnvelopeJson = {
    ...rest,
    ...(rest.headers !== undefined && { headers: { ...rest.headers } }),
    ...(rest.error !== undefined && { error: { ...rest.error } }),
    ...(rest.durable !== undefined && { durable: { ...rest.durable } }),
    ...(rest.stream !== undefined && { stream: { ...rest.stream } }),
  };
  if (payload === undefined) return json;
  return isBytes(payload) ? { ...json, payloadBytes: toBase64url(payload) } : { ...json, payload: decodeJson(encodeJson(payload, limits).bytes, limits) };
}
