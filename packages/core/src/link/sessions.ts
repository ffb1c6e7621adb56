import { limits } from "../limits.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Established, Session } from "../secure/types.js";
import { createReceivedCounter, type ReceivedCounter } from "./order.js";

/** A session as its link sees it. Times are monotonic ms. */
export interface LinkSession {
  readonly session: Session;
  readonly role: "initiator" | "responder";
  readonly generation: number;
  /** The instance that began the handshake: decides between two sessions of one generation. */
  readonly initiator: string;
  readonly received: ReceivedCounter;
  /** When this side makes a new handshake. */
  readonly renewAt: number;
  /** When it is over whatever happens. */
  readonly endAt: number;
  /** Set once another session was preferred: it only receives until then. */
  drainUntil: number;
}

export function createLinkSession(established: Established, generation: number, ownInstance: string, runtime: Runtime): LinkSession {
  const { session, peer, role } = established;
  const now = runtime.clock.monotonic();
  const tokenLeft = peer.token.expiresAt - runtime.clock.wall();
  const hard = Math.min(limits.sessionHardMs, tokenLeft + limits.tokenGraceMs);
  const chance = (runtime.random.bytes(1)[0] as number) / 255;
  const soft = limits.sessionSoftMinMs + chance * (limits.sessionSoftMaxMs - limits.sessionSoftMinMs);
  // The initiator goes first; the responder only when nothing came, 30 s before the end it will enforce on the initiator's token.
  const renewIn = role === "initiator" ? Math.min(soft, tokenLeft - limits.sessionDrainMs) : hard - limits.sessionDrainMs;
  return {
    session,
    role,
    generation,
    initiator: role === "initiator" ? ownInstance : peer.instance,
    received: createReceivedCounter(),
    // A token about to run out makes a short session: its successor waits a little, or each would call for the next at once.
    renewAt: now + Math.max(renewIn, limits.handshakeDeadlineMs),
    endAt: now + hard,
    drainUntil: Number.POSITIVE_INFINITY,
  };
}

/** True when `a` is the one both sides send on: the higher generation, then the smaller initiator. */
export function preferred(a: LinkSession, b: LinkSession): boolean {
  return a.generation === b.generation ? a.initiator < b.initiator : a.generation > b.generation;
}
