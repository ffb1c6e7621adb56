/** `@tightbeam/core/envelope`: the JSON form of envelopes, for stores, logs and bridges. Imports zod; nothing else in core does. */
export { type EnvelopeJson, envelopeToJson } from "./json-form.js";
export { envelopeSchema, parseEnvelope } from "./schema.js";
export type { Envelope, EnvelopeHeader, EnvelopeType, Headers, Priority, StreamOpening, WireError } from "./types.js";
