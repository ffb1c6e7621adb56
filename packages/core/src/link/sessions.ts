import * as limits from "../limits.js";
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

/** True when `a` is the one both sides send on: the higher generation, then the smaller initiator, none of which offers a generation twice. */
export function preferred(a: LinkSession, b: LinkSession): boolean {
  return a.generation === b.generation ? a.initiator < b.initiator : a.generation > b.generation;
}

/** The peer is known to have it: its initiator has READY, its responder a record. READY may be lost for good, and what is said on such a session is heard by nobody. */
const isShared = ({ role, session }: LinkSession): boolean => role === "initiator" || session.counters.opened > 0;

const isBetter = (a: LinkSession, b: LinkSession): boolean => (isShared(a) === isShared(b) ? preferred(a, b) : isShared(a));

/** The sessions of one link: it sends on the one both sides prefer, of those that both sides have; the others only receive until they have drained. */
export interface LinkSessions {
  /** The one to send on. */
  readonly current: LinkSession | undefined;
  readonly all: readonly LinkSession[];
  /** Since when there has been none although our transport is up; Infinity while there is one. */
  missingSince: number;
  /** When a new handshake was last begun for want of a session that will do. */
  renewTriedAt: number;
  add(live: LinkSession, now: number): void;
  /** A record came on one that is not the current one. */
  heard(live: LinkSession, now: number): void;
  remove(live: LinkSession, now: number): void;
  /** When the first of them is over. */
  endAt(): number;
  /** The highest there was, 0 before any: the peer may go on with a session that is over here. */
  readonly generation: number;
  /** When a new handshake is due: at the session's soft end, at once when the peer is silent (`suspect`) or no session is left, and every 10 s until one succeeds. */
  renewAt(suspect: boolean): number;
}

const none: readonly LinkSession[] = [];

class SessionsOfLink implements LinkSessions {
  current: LinkSession | undefined;
  all = none;
  generation = 0;
  missingSince = Number.POSITIVE_INFINITY;
  renewTriedAt = Number.NEGATIVE_INFINITY;

  add(live: LinkSession, now: number): void {
    this.all = [...this.all, live];
    this.generation = Math.max(this.generation, live.generation);
    if (this.current === undefined || isBetter(live, this.current)) return this.#prefer(live, now);
    live.drainUntil = now + limits.sessionDrainMs;
  }

  heard(live: LinkSession, now: number): void {
    if (this.current !== undefined && isBetter(live, this.current)) this.#prefer(live, now);
  }

  #prefer(live: LinkSession, now: number): void {
    if (this.current !== undefined) this.current.drainUntil = now + limits.sessionDrainMs;
    live.drainUntil = Number.POSITIVE_INFINITY;
    this.current = live;
    this.missingSince = Number.POSITIVE_INFINITY;
    this.renewTriedAt = Number.NEGATIVE_INFINITY;
  }

  remove(live: LinkSession, now: number): void {
    this.all = this.all.filter((other) => other !== live);
    if (live !== this.current) return;
    this.current = this.all.reduce<LinkSession | undefined>((best, other) => (best === undefined || isBetter(other, best) ? other : best), undefined);
    if (this.current === undefined) this.missingSince = now;
    else this.current.drainUntil = Number.POSITIVE_INFINITY;
  }

  endAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const { endAt, drainUntil } of this.all) at = Math.min(at, endAt, drainUntil);
    return at;
  }

  renewAt(suspect: boolean): number {
    const due = this.current === undefined || suspect ? 0 : this.current.renewAt;
    return Math.max(due, this.renewTriedAt + limits.handshakeDeadlineMs);
  }
}

export const createLinkSessions = (): LinkSessions => new SessionsOfLink();
