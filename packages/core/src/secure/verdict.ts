import { TightbeamError } from "../errors.js";
import type { Address } from "../transport/address.js";

/** What a dial reports when it ends without a session. */

export const noAnswer = (to: Address, waited?: number): TightbeamError =>
  new TightbeamError(
    "no_answer",
    `Nobody answered as ${to}${waited === undefined ? "" : ` within ${waited} ms`}. Is that agent running, connected to the same relay, and does it trust this agent's issuer?`,
  );

export const nothingAuthentic = (to: Address): TightbeamError =>
  new TightbeamError("handshake_failed", `Something answered as ${to}, but nothing was authentic. Somebody on the way may change frames.`);

export const unconfirmed = (to: Address): TightbeamError =>
  new TightbeamError("handshake_failed", `${to} answered and proved who it is, but never confirmed. It may not accept this agent's token.`);

export const ownInstance = (): TightbeamError => new TightbeamError("self", "This agent's own instance answered. An agent cannot link to itself.");

const weight = (error: TightbeamError): number => {
  if (error.code === "no_answer") return 0;
  if (error.code === "unavailable" || error.code === "failed") return 1;
  return error.code === "handshake_failed" ? 2 : 3;
};

/** Of two failures the one that says more; of two that say as much, the earlier. */
export const moreTelling = (before: TightbeamError | undefined, now: TightbeamError): TightbeamError =>
  before !== undefined && weight(before) >= weight(now) ? before : now;

export const changedOffer = (): TightbeamError =>
  new TightbeamError("handshake_failed", "The peer prefers another suite than the one in use: somebody on the way changed the offer.", { retryable: false });
