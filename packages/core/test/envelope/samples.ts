import fc from "fast-check";
import { uuidText } from "../../src/envelope/id.js";
import { priorities } from "../../src/envelope/layout.js";
import type { EnvelopeHeader } from "../../src/envelope/types.js";
import { type ErrorCode, errorCodes } from "../../src/errors.js";

export const id = "01978a52-6c00-7abc-8def-0123456789ab";
export const otherId = "01978a52-6c01-7000-bfff-fedcba987654";
export const request: EnvelopeHeader = { type: "request", id, timestamp: 1_750_000_000_000, priority: "normal", method: "summarize" };
export const event: EnvelopeHeader = { type: "event", id, timestamp: 1_750_000_000_000, priority: "low", topic: "progress" };
export const response: EnvelopeHeader = { type: "response", id, correlationId: otherId, timestamp: 1_750_000_000_000, priority: "high" };
export const failure: EnvelopeHeader = {
  type: "error",
  id,
  correlationId: otherId,
  timestamp: 1_750_000_000_000,
  priority: "critical",
  error: { code: "no_handler", message: "Nobody handles it.", id: "e-1" },
};

const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((raw) => {
  raw[6] = 0x70 | ((raw[6] as number) & 15);
  raw[8] = 0x80 | ((raw[8] as number) & 63);
  return uuidText(raw, 0);
});
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,20}([./][A-Za-z0-9][A-Za-z0-9_-]{0,20}){0,2}$/);
const method = fc.tuple(name, fc.option(fc.integer({ min: 1, max: 999_999_999 }))).map(([text, version]) => (version === null ? text : `${text}@${version}`));
const u32 = fc.nat(2 ** 31 - 1).map((n) => n * 2 + 1);
const printable = fc.string({ unit: "binary", maxLength: 60 }).map((text) => text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, "*"));
const headers = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z][a-z0-9!#$%&'*+.^_`|~-]{0,20}$/), printable), { minLength: 1, maxLength: 5, selector: ([key]) => key })
  .map((entries) => Object.fromEntries(entries.filter(([key]) => key !== "constructor")))
  .filter((made) => Object.keys(made).length > 0);

const base = { id: uuid, timestamp: fc.nat(2 ** 31).map((n) => n * 65_536 + 7), priority: fc.constantFrom(...priorities) };
const extras = { ttl: u32, headers };
const message = { ...extras, correlationId: uuid, idempotencyKey: fc.stringMatching(/^[\x21-\x7e]{1,128}$/) };
const u48 = fc.nat(2 ** 31).map((n) => n * 65_536 + 7);
const durable = fc
  .record({ number: u48, floor: u48, again: fc.boolean() })
  .map(({ number, floor, again }) => ({ number, floor: Math.min(number, floor), again }));
const code = fc.constantFrom(...(Object.keys(errorCodes) as ErrorCode[]));
const error = fc.record(
  { code, message: printable, id: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/), retryAfter: u32 },
  { requiredKeys: ["code", "message", "id"] },
);

const recordOf = (
  type: string,
  required: Record<string, fc.Arbitrary<unknown>>,
  optional: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<EnvelopeHeader> =>
  fc
    .tuple(fc.record({ type: fc.constant(type), ...base, ...required }), fc.record(optional, { requiredKeys: [] }))
    .map(([must, may]) => ({ ...may, ...must }) as unknown as EnvelopeHeader);

/** Every header an agent may send. */
export const anyHeader: fc.Arbitrary<EnvelopeHeader> = fc.oneof(
  recordOf("request", { method }, message),
  recordOf("notification", { method }, { ...message, durable }),
  recordOf("event", { topic: name }, message),
  recordOf("stream", { method, stream: fc.record({ number: u32, credit: fc.nat(2 ** 31).map((n) => n * 65_536 + 9) }) }, message),
  recordOf("response", { correlationId: uuid }, extras),
  recordOf("error", { correlationId: uuid, error }, extras),
);
