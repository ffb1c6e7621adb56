/** Every code a Tightbeam error can carry, and whether the same call may succeed when repeated. `docs/errors.md` says what to do about each. */
export const errorCodes = {
  // transport
  closed: { retryable: false },
  replaced: { retryable: false },
  unavailable: { retryable: true },
  too_large: { retryable: false },
  denied: { retryable: false },
  unsupported: { retryable: false },
  failed: { retryable: true },
  // frames and sessions
  malformed: { retryable: false },
  auth: { retryable: false },
  handshake_failed: { retryable: true },
  session_ended: { retryable: true },
  // identity
  invalid_key: { retryable: false },
  invalid_token: { retryable: false },
  expired_token: { retryable: true },
  revoked_token: { retryable: false },
  unknown_issuer: { retryable: false },
  issuer_unavailable: { retryable: true },
  wrong_peer: { retryable: false },
  self: { retryable: false },
  // links
  no_answer: { retryable: true },
  delivery_unknown: { retryable: true },
  undelivered: { retryable: true },
  link_state_lost: { retryable: true },
  flow: { retryable: false },
  // envelopes and handlers
  invalid_address: { retryable: false },
  invalid_envelope: { retryable: false },
  not_serialisable: { retryable: false },
  invalid_input: { retryable: false },
  invalid_output: { retryable: false },
  no_handler: { retryable: false },
  handler_failed: { retryable: false },
  expired: { retryable: true },
  timeout: { retryable: true },
  cancelled: { retryable: false },
  overloaded: { retryable: true },
  forbidden: { retryable: false },
  // programming
  invalid_argument: { retryable: false },
  internal: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorDetails {
  /** What made this happen. Kept as `Error.cause`; never sent to a peer. */
  readonly cause?: unknown;
  /** Overrides the code's default. */
  readonly retryable?: boolean;
  /** ms to wait before trying again, when the other side said so. */
  readonly retryAfter?: number;
  /** Correlates the two sides' logs when the error crossed the wire. */
  readonly id?: string;
  /** Set on errors about an operation whose outcome may be unknown. */
  readonly idempotencyKey?: string;
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
