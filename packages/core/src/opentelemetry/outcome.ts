import { type ErrorCode, isTightbeamError } from "../errors.js";

/** What a call failed with, as a code of docs/errors.md. A handler may throw anything: its caller learns `handler_failed`, and so does the span. */
export function codeOf(error: unknown, received: boolean): ErrorCode {
  if (isTightbeamError(error)) return error.code;
  return received ? "handler_failed" : "internal";
}

const callersDoing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "no_handler",
  "forbidden",
  "rate_limited",
  "expired",
  "invalid_envelope",
  "invalid_address",
  "unsupported_version",
  "invalid_input",
  "cancelled",
  "idempotency_conflict",
]);

/** The caller's doing: no failure of whoever answers, as a 4xx is none of an HTTP server. */
export const isCallersDoing = (code: ErrorCode): boolean => callersDoing.has(code);
