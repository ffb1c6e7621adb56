import type { Conversation } from "./conversation.js";
import type { Link, LinkStatus } from "./link-types.js";
import type { LinkSessions } from "./sessions.js";

/** A snapshot: nothing in it changes later. */
export function statusOf({ peer, state, awaited }: Link, { current, all }: LinkSessions, { counters, load }: Conversation): LinkStatus {
  const { id, instance, issuer, thumbprint } = peer;
  const [critical = 0, high = 0, normal = 0, low = 0] = load.queue;
  return {
    peer: { id, instance, issuer, thumbprint },
    state,
    suite: current?.session.suite,
    generation: current?.generation ?? 0,
    epoch: current?.session.epoch,
    sessions: all.length,
    awaited,
    roundTrip: counters.roundTrip,
    queue: { critical, high, normal, low },
    inFlight: { messages: load.inFlight, bytes: counters.unacknowledgedBytes, limit: counters.congestionWindow },
    credit: load.credit,
    counters,
  };
}
