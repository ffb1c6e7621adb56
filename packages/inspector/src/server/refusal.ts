import { type ErrorCode, isTightbeamError, TightbeamError } from "@tightbeam/core";
import type { FeedFailure } from "../feed/requests.js";

/** What a request is answered with when it is not done. */
export interface Refusal {
  readonly status: number;
  readonly body: FeedFailure;
}

export const refusal = (status: number, code: ErrorCode, message: string): Refusal => ({ status, body: { error: { code, message } } });

const statuses: Partial<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  malformed: 400,
  denied: 403,
  forbidden: 403,
  unsupported: 404,
  too_large: 413,
  overloaded: 503,
  unavailable: 503,
  timeout: 504,
};

/** Errors of Tightbeam carry no payload and no secret; of any other only that there was one. */
export function refusalOf(error: unknown): Refusal {
  if (!isTightbeamError(error)) return refusal(500, "handler_failed", "The inspector failed to answer this.");
  return refusal(statuses[error.code] ?? 502, error.code, error.message);
}

export const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
