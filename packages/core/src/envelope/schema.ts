import * as z from "zod/mini";
import { fromBase64url } from "../bytes.js";
import { decodeJson, encodeJson, type JsonLimits, jsonLimits } from "../codec/index.js";
import { formatPath } from "../codec/path.js";
import { isPlainObject } from "../codec/plain.js";
import { isErrorCode, isTightbeamError } from "../errors.js";
import { isAgentId } from "../transport/address.js";
import { encodeEnvelope } from "./encode.js";
import { isErrorId, isIdempotencyKey, isMethodName, isName, isPrintable } from "./grammar.js";
import { copyHeaders } from "./headers.js";
import { isUuid } from "./id.js";
import { invalid, priorities } from "./layout.js";
import type { Envelope, EnvelopeHeader, Priority, WireError } from "./types.js";

/*
 * The JSON form of envelopes as a schema. Importing zod costs about 50 ms of CPU: nothing on the way from `index.ts` imports
 * this file; it is reached through the subpath `@tightbeam/core/envelope`.
 */

const uuid = z.custom<string>(isUuid);
const topic = z.custom<string>(isName);
const method = z.custom<string>(isMethodName);
const agentId = z.custom<string>(isAgentId);
const ms = (below: number) => z.custom<number>((value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < below);

const common = {
  version: z.literal(1),
  id: uuid,
  timestamp: ms(2 ** 48),
  from: agentId,
  to: agentId,
  priority: z.custom<Priority>((value) => priorities.includes(value as Priority)),
  ttl: z.exactOptional(ms(2 ** 32)),
  headers: z.exactOptional(z.unknown()),
};
const payload = { payload: z.exactOptional(z.unknown()), payloadBytes: z.exactOptional(z.string()) };
const open = { ...common, ...payload, correlationId: z.exactOptional(uuid), idempotencyKey: z.exactOptional(z.custom<string>(isIdempotencyKey)) };

const durable = z.strictObject({ number: ms(2 ** 48), floor: ms(2 ** 48), again: z.boolean() });

const wireError = z.strictObject({
  code: z.custom<WireError["code"]>(isErrorCode),
  message: z.custom<string>(isPrintable),
  id: z.custom<string>(isErrorId),
  retryAfter: z.exactOptional(ms(2 ** 32)),
});

/** The JSON form without what a schema says badly: headers, sizes and payloads are checked by `parseEnvelope`. */
export const envelopeSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("request"), ...open, method }),
  z.strictObject({ type: z.literal("notification"), ...open, method, durable: z.exactOptional(durable) }),
  z.strictObject({ type: z.literal("event"), ...open, topic }),
  z.strictObject({ type: z.literal("stream"), ...open, method, stream: z.strictObject({ number: ms(2 ** 32), credit: ms(2 ** 48) }) }),
  z.strictObject({ type: z.literal("response"), ...common, ...payload, correlationId: uuid }),
  z.strictObject({ type: z.literal("error"), ...common, correlationId: uuid, error: wireError }),
]);

/**
 * An envelope from its JSON form (a value, as JSON.parse returns it), by the same rules as the wire's. The result shares
 * nothing with the argument. Throws `invalid_envelope` with a short path, never with a value; it throws nothing else.
 */
export function parseEnvelope(value: unknown, limits: JsonLimits = jsonLimits): Envelope {
  try {
    return parse(value, limits);
  } catch (error) {
    // Foreign getters and proxies may throw anything, also something that carries the value.
    throw isTightbeamError(error) && error.code === "invalid_envelope" ? error : invalid("envelope", "it cannot be read");
  }
}

function parse(value: unknown, limits: JsonLimits): Envelope {
  if (!isPlainObject(value)) throw invalid("envelope", "a plain object");
  const result = z.safeParse(envelopeSchema, value);
  if (!result.success) {
    const issue = result.error.issues[0];
    const path = formatPath("", issue?.path ?? []);
    throw invalid(
      path === "" ? "envelope" : path,
      issue?.code === "unrecognized_keys" ? "a field that this type does not have" : "missing, or outside what this field allows",
    );
  }
  const { payload, payloadBytes, headers, ...rest } = { payload: undefined, payloadBytes: undefined, ...result.data };
  const header: EnvelopeHeader & Pick<Envelope, "version" | "from" | "to"> = headers === undefined ? rest : { ...rest, headers: copyHeaders(headers) };
  // The wire's rules beyond single fields: which parts go together, and the size of all of them.
  encodeEnvelope(header);
  if (payloadBytes !== undefined) {
    if (payload !== undefined) throw invalid("payload", "payload or payloadBytes, not both");
    return { ...header, payload: readBytes(payloadBytes) };
  }
  return payload === undefined ? header : { ...header, payload: readJson(payload, limits) };
}

function readBytes(text: string): Uint8Array {
  try {
    return fromBase64url(text);
  } catch {
    throw invalid("payloadBytes", "base64url without padding");
  }
}

function readJson(payload: unknown, limits: JsonLimits): unknown {
  try {
    return decodeJson(encodeJson(payload, limits).bytes, limits);
  } catch {
    throw invalid("payload", "a JSON value within the limits for size, depth and keys, without the key __proto__");
  }
}
