import type { LinkOptions, LinkState } from "./link-types.js";
import type { LinkSessions } from "./sessions.js";
import type { Conversation } from "./types.js";

/** When a link has something to do by itself, monotonic ms. While our own transport is down there is nothing. */
export function actAt({ transport, goneAfterMs }: LinkOptions, state: LinkState, sessions: LinkSessions, conversation: Conversation): number {
  if (transport.state.current === "down") return Number.POSITIVE_INFINITY;
  const at = sessions.current === undefined ? sessions.missingSince + goneAfterMs : nextTick(state, conversation);
  return Math.min(at, sessions.renewAt(state === "suspect" || conversation.silence.mute()));
}

function nextTick(state: LinkState, conversation: Conversation): number {
  const at = conversation.deadline(false);
  return state === "up" ? Math.min(at, conversation.suspectAt) : at;
}
