import type { ErrorCode } from "../errors.js";

/**
 * What came was refused before a handler saw it: everybody who may send to this agent can cause these, under any name. Where names have places, one that came
 * with such a code gets none.
 */
export const isUnseen = (code: ErrorCode | undefined): boolean => code !== undefined && codes.has(code);

const codes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "no_handler",
  "forbidden",
  "rate_limited",
  "overloaded",
  "expired",
  "too_large",
  "invalid_envelope",
  "invalid_address",
  "unsupported_version",
  "idempotency_conflict",
]);
