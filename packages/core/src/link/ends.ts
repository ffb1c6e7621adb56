import { isErrorCode, TightbeamError } from "../errors.js";
import type { Peer } from "../secure/types.js";

/** Why links end, in words. */

export const gone = (peer: Peer, afterMs: number): TightbeamError =>
  new TightbeamError(
    "delivery_unknown",
    `${peer.id} (instance ${peer.instance}) has been silent for ${afterMs} ms; whether it got what was pending is unknown. Send again with an idempotencyKey.`,
  );

export const endedByPeer = (code: string, byPeer: boolean, peer: Peer): TightbeamError =>
  byPeer
    ? new TightbeamError("closed", `${peer.id} closed the link (${code}).`)
    : new TightbeamError(isErrorCode(code) ? code : "malformed", `${peer.id} broke the link protocol (${code}); the link was closed.`);

/** What a pending message settles with when its link ends. */
export function unknownOutcome(error: TightbeamError, sealed: boolean): TightbeamError {
  if (sealed) return new TightbeamError("delivery_unknown", `The link ended before the message was acknowledged: ${error.message}`, { cause: error });
  return new TightbeamError("undelivered", `The link ended before the message was sent: ${error.message}`, { cause: error });
}

export const budgetUsedUp = (): TightbeamError =>
  new TightbeamError("overloaded", "The agent's memory budget is used up by messages that wait for their peers. Await sends, or raise memoryBudgetBytes.");
