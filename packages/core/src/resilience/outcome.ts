import { type ErrorCode, isTightbeamError } from "../errors.js";

/** Said by a peer, these mean that its handler did not run (docs/guarantees.md, G-11). */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "overloaded",
  "rate_limited",
  "expired",
  "forbidden",
  "no_handler",
  "invalid_input",
  "unsupported_version",
  "idempotency_conflict",
]);

/** Said by this side, these and the refusals mean that nothing was done. What is not here may have been: the list fails closed. */
const unsent: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...refusals,
  "undelivered",
  "no_answer",
  "unavailable",
  "handshake_failed",
  "link_state_lost",
  "issuer_unavailable",
  "expired_token",
  "circuit_open",
  "cancelled",
  "invalid_argument",
  "not_serialisable",
  "too_large",
  "store_locked",
  "store_full",
]);

/** True when the error says that nothing of the operation was done. An error that crossed the wire has an id: what a handler threw came after the handler had run. */
export const nothingWasDone = (error: unknown): boolean => isTightbeamError(error) && (error.id === undefined ? unsent : refusals).has(error.code);

/** Of this side's own, these say nothing about the peer: not how it does, and not that it answers. */
const ownCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "cancelled",
  "circuit_open",
  "invalid_argument",
  "not_serialisable",
  "too_large",
  // The memory budget is used up, or the own transport is down.
  "overloaded",
  "unavailable",
  "issuer_unavailable",
  "store_locked",
  "store_full",
  "store_read_only",
  "store_failed",
]);

/** A peer that says these is well. */
const answers: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "forbidden",
  "no_handler",
  "invalid_input",
  "unsupported_version",
  "idempotency_conflict",
  "rate_limited",
  "too_large",
  "not_serialisable",
  "invalid_argument",
  "cancelled",
]);

export type Verdict = "success" | "failure" | "ignored";

/** What an error says about the peer, unless the application knows better. */
export function verdictOf(error: unknown): Verdict {
  if (!isTightbeamError(error)) return "failure";
  if (error.id === undefined && ownCodes.has(error.code)) return "ignored";
  return answers.has(error.code) ? "success" : "failure";
}
