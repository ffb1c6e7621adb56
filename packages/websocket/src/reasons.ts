import { TransportError, type TransportErrorCode } from "@tightbeam/core/transport";

/**
 * Why a relay refused: the number stands in ERR, and 4000 + the number is the close code of a socket that is ended for it, with the name as the close reason.
 * `as` is what the client's application gets; `hint` says what to do.
 */
const table = {
  malformed: { code: 1, as: "failed", hint: "the relay could not read what was sent; do both sides run the same version?" },
  unexpected: { code: 2, as: "failed", hint: "a frame came out of turn; do both sides run the same version?" },
  frame_kind: { code: 3, as: "failed", hint: "a text message was sent where only binary ones belong" },
  login_timeout: { code: 4, as: "unavailable", hint: "the login took too long; try again" },
  invalid_token: {
    code: 5,
    as: "denied",
    hint: "the token does not verify at the relay: it must be issued for this relay's origin as audience, by an issuer that the relay trusts, with a key (or shared secret) that it knows",
  },
  expired_token: { code: 6, as: "denied", hint: "the token has expired; does renewal reach the issuer?" },
  revoked_token: { code: 7, as: "denied", hint: "the token was revoked" },
  unknown_issuer: { code: 8, as: "denied", hint: "the relay does not trust this token's issuer" },
  issuer_unavailable: { code: 9, as: "unavailable", hint: "the relay cannot reach the issuer's keys now" },
  wrong_origin: {
    code: 10,
    as: "denied",
    hint: "the relay does not answer for this URL's origin; dial one of its public origins, or add this one to its `origins`",
  },
  wrong_proof: { code: 11, as: "denied", hint: "the proof does not fit the token's key and this relay; was the token issued for this identity's key?" },
  instance_taken: { code: 12, as: "denied", hint: "this instance is connected with another key; it becomes free when that socket ends" },
  forbidden: {
    code: 13,
    as: "denied",
    hint: "the relay's policy does not allow this address; an agent listens at its own only, so give it the identity that this transport has logged in with",
  },
  too_large: { code: 14, as: "too_large", hint: "the frame is larger than the relay takes" },
  too_many: { code: 15, as: "denied", hint: "the relay's limit of subscriptions of a socket, or of instances of an agent, is reached" },
  rate_limited: { code: 16, as: "failed", hint: "too many control frames in too short a time" },
  replaced: { code: 17, as: "replaced", hint: "the same instance connected again and took this socket's place" },
  slow_consumer: { code: 18, as: "unavailable", hint: "this side did not read for too long" },
  closing: { code: 20, as: "unavailable", hint: "the relay is shutting down" },
} as const satisfies Record<string, { code: number; as: TransportErrorCode; hint: string }>;

export type Reason = keyof typeof table;

const closeBase = 4000;
const byCode = new Map<number, Reason>(Object.entries(table).map(([name, { code }]) => [code, name as Reason]));

export const reasonCode = (reason: Reason): number => table[reason].code;
export const closeCode = (reason: Reason): number => closeBase + table[reason].code;
export const reasonHint = (reason: Reason): string => table[reason].hint;
/** The reason in an ERR frame. A number this version does not know is `undefined`. */
export const reasonOf = (code: number): Reason | undefined => byCode.get(code);
export const reasonOfClose = (code: number): Reason | undefined => byCode.get(code - closeBase);

export function refusal(reason: Reason | undefined, what: string): TransportError {
  if (reason === undefined) return new TransportError("failed", `${what}: the relay gave a reason this version does not know.`);
  return new TransportError(table[reason].as, `${what}: ${reason}: ${table[reason].hint}.`);
}
