const again = { retryable: true } as const;
const final = { retryable: false } as const;

/** Every code a Tightbeam error can carry, and whether the same call may succeed when repeated. `docs/errors.md` says what to do about each. */
export const errorCodes = {
  // transport
  closed: final,
  replaced: final,
  unavailable: again,
  too_large: final,
  denied: final,
  unsupported: final,
  failed: again,
  // frames and sessions
  malformed: final,
  auth: final,
  handshake_failed: again,
  session_ended: again,
  // identity
  invalid_key: final,
  invalid_token: final,
  expired_token: again,
  revoked_token: final,
  unknown_issuer: final,
  issuer_unavailable: again,
  wrong_peer: final,
  self: final,
  // links
  no_answer: again,
  delivery_unknown: again,
  undelivered: again,
  link_state_lost: again,
  flow: final,
  // envelopes and handlers
  invalid_address: final,
  invalid_envelope: final,
  not_serialisable: final,
  invalid_input: final,
  invalid_output: final,
  no_handler: final,
  handler_failed: final,
  expired: again,
  timeout: again,
  cancelled: final,
  overloaded: again,
  rate_limited: again,
  unsupported_version: final,
  forbidden: final,
  idempotency_conflict: final,
  circuit_open: again,
  dead_lettered: final,
  // stores
  store_locked: again,
  store_full: again,
  store_read_only: final,
  store_failed: final,
  store_too_new: final,
  store_damaged: final,
  store_rolled_back: final,
  // programming
  invalid_argument: final,
  internal: final,
} as const satisfies Record<string, { retryable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorDetails {
  /** What made this happen. Kept as `Error.cause`; never sent to a peer. */
  readonly cause?: unknown | undefined;
  /** Overrides the code's default. */
  readonly retryable?: boolean | undefined;
  /** ms to wait before trying again, when the other side said so. */
  readonly retryAfter?: number | undefined;
  /** Correlates the two sides' logs when the error crossed the wire. */
  readonly id?: string | undefined;
  /** Set on errors about an operation whose outcome may be unknown. */
  readonly idempotencyKey?: string | undefined;
}

/** The one error type of Tightbeam. `code` is stable and closed; `message` says what happened and what to do, and never holds a payload, a token or a key. */
export class TightbeamError extends Error {
  override readonly name: string = "TightbeamError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfter: number | undefined;
  readonly id: string | undefined;
  readonly idempotencyKey: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? errorCodes[code].retryable;
    this.retryAfter = details.retryAfter;
    this.id = details.id;
    this.idempotencyKey = details.idempotencyKey;
  }
}

export const isErrorCode = (value: unknown): value is ErrorCode => typeof value === "string" && Object.hasOwn(errorCodes, value);

/** True for any TightbeamError, also one made by another copy of this package. */
export function isTightbeamError(value: unknown): value is TightbeamError {
  return value instanceof Error && value.name === "TightbeamError" && isErrorCode((value as { code?: unknown }).code);
}
