import type { ConversationCounters } from "./conversation.js";
import type { Link, LinkStatus } from "./link-types.js";
import type { LinkSessions } from "./sessions.js";

/** A snapshot: nothing in it changes later. */
export function statusOf({ peer, state, awaited }: Link, { current, all }: LinkSessions, counters: ConversationCounters): LinkStatus {
  const { id, instance, issuer, thumbprint } = peer;
  return {
    peer: { id, instance, issuer, thumbprint },
    state,
    suite: current?.session.suite,
    generation: current?.generation ?? 0,
    epoch: current === undefined ? undefined : { send: current.session.epoch.send, receive: current.session.epoch.receive },
    sessions: all.length,
    awaited,
    roundTrip: counters.roundTrip,
    counters,
  };
}
