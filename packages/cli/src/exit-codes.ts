import type { ErrorCode } from "@tightbeam/core";

/** What the process ends with. One number for each class of errors, so that a script can tell them apart; the code itself is in the error. */
export const exitCodes = {
  ok: 0,
  /** What is no TightbeamError: a bug, a full disk, a file that cannot be written. */
  failed: 1,
  /** The command line, a profile or a file it names is wrong. Nothing was done. */
  usage: 2,
  /** Relay, broker or authority cannot be reached, or ended the connection. */
  network: 3,
  /** A key or token does not count: expired, revoked, of another issuer, for another agent. */
  identity: 4,
  /** Somebody who was reached said no. */
  refused: 5,
  /** Nobody answered in time. */
  noAnswer: 6,
  /** It may or may not have been done. */
  unknown: 7,
  /** The peer has no such method, or its handler failed. */
  handler: 8,
  /** The input does not fit: the contract, the limits, JSON. */
  input: 9,
  /** Too much at once: try again later. */
  busy: 10,
  /** The handshake or the protocol failed: bytes that do not authenticate, or another version. */
  protocol: 11,
  /** The store on disk. */
  store: 12,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const { failed, usage, network, identity, refused, noAnswer, unknown, handler, input, busy, protocol, store } = exitCodes;

/** Every code of docs/errors.md. */
const exitCodeOf: Readonly<Record<ErrorCode, ExitCode>> = {
  closed: network,
  replaced: network,
  unavailable: network,
  failed: network,
  issuer_unavailable: network,
  denied: refused,
  forbidden: refused,
  invalid_key: identity,
  invalid_token: identity,
  expired_token: identity,
  revoked_token: identity,
  unknown_issuer: identity,
  wrong_peer: identity,
  self: usage,
  no_answer: noAnswer,
  timeout: noAnswer,
  expired: noAnswer,
  cancelled: unknown,
  delivery_unknown: unknown,
  undelivered: unknown,
  link_state_lost: unknown,
  session_ended: unknown,
  dead_lettered: unknown,
  no_handler: handler,
  handler_failed: handler,
  invalid_output: handler,
  idempotency_conflict: handler,
  too_large: input,
  invalid_input: input,
  invalid_address: usage,
  invalid_envelope: input,
  not_serialisable: input,
  overloaded: busy,
  rate_limited: busy,
  circuit_open: busy,
  malformed: protocol,
  auth: protocol,
  handshake_failed: protocol,
  flow: protocol,
  unsupported: protocol,
  unsupported_version: protocol,
  store_locked: store,
  store_full: store,
  store_read_only: store,
  store_failed: store,
  store_too_new: store,
  store_damaged: store,
  store_rolled_back: store,
  invalid_argument: usage,
  internal: failed,
};

export const exitCodeFor = (code: ErrorCode): ExitCode => exitCodeOf[code];

/** Every code that an error may have. */
export const errorNames: readonly string[] = Object.keys(exitCodeOf);
