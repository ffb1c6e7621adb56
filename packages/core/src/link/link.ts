import { TightbeamError } from "../errors.js";
import { limits, protocol } from "../limits.js";
import type { Peer } from "../secure/types.js";
import type { Transport } from "../transport/transport.js";
import { type Goodbye, sayGoodbye } from "./closing.js";
import { createConversation } from "./conversation.js";
import { endedByPeer, gone, unknownOutcome } from "./ends.js";
import type { LinkEnd, LinkOptions, LinkState } from "./link-types.js";
import { createLinkSession, type LinkSession, preferred } from "./sessions.js";

/**
 * The spine. Down: message -> conversation -> record -> session.seal -> frame -> transport.
 * Up: frame -> session.open -> record -> conversation -> message. The only place where the pure layers meet I/O.
 */
export function createLink(options: LinkOptions, firstPeer: Peer): LinkEnd {
  const { runtime, transport, scratch } = options;
  const { clock, timers } = runtime;
  let peer = firstPeer;
  let sessions: LinkSession[] = [];
  let current: LinkSession | undefined;
  let state: LinkState = transport.state.current;
  let ended: TightbeamError | undefined;
  let goodbye: Goodbye | undefined;
  let flushScheduled = false;
  let sending = false;
  let cancelTimer: (() => void) | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let renewTriedAt = Number.NEGATIVE_INFINITY;
  /** Since when there has been no session although our transport is up. */
  let withoutSessionSince = Number.POSITIVE_INFINITY;
  let drainWaiters: (() => void)[] = [];

  const conversation = createConversation({
    own: options.own,
    peer: peer.limits,
    budget: options.budget,
    goneAfterMs: options.goneAfterMs,
    sink: {
      deliver: (delivery) => options.onDelivery(link, delivery),
      ended: (code, byPeer) => {
        finish(endedByPeer(code, byPeer, peer), byPeer ? "closed" : code, byPeer);
      },
      wake: () => wake(),
    },
  });

  // ---- down ----

  const wake = (): void => {
    if (flushScheduled) return;
    flushScheduled = true;
    timers.turn(flush);
  };

  const flush = (): void => {
    flushScheduled = false;
    if (sending || ended !== undefined || current === undefined || transport.state.current === "down") return;
    const now = clock.monotonic();
    const length = conversation.fill(scratch, roomFor(transport), current.received, now, clock.wall());
    if (length === 0) return arm(now);
    const { session } = current;
    let frame: Uint8Array;
    try {
      frame = session.seal(scratch.bytes.subarray(0, length));
    } catch {
      conversation.notSent();
      dropSession(current);
      return arm(now);
    }
    conversation.sent(session, session.lastSealed, now);
    sending = true;
    transport.send(peer.inbox, frame).then(sent, notSent);
  };

  const sent = (): void => {
    sending = false;
    flush();
  };

  /** The medium lost the frame at once: the same as a lost frame, found by the probe when it is back. */
  const notSent = (): void => {
    sending = false;
    arm(clock.monotonic());
  };

  // ---- up ----

  const receive = (from: LinkSession, frame: Uint8Array): void => {
    if (ended !== undefined) return goodbye?.receive(frame);
    const { session } = from;
    const record = session.open(frame);
    if (record === undefined) {
      if (session.ended) dropSession(from);
      return;
    }
    const now = clock.monotonic();
    if (!conversation.receive(record, session, from.received, session.lastOpened, now, clock.wall())) return;
    if (state === "suspect") setState("up");
    if (now >= timerAt) tick();
    else if (conversation.wantsToSend) wake();
    else arm(now);
    if (drainWaiters.length > 0) settleDrained();
  };

  // ---- time ----

  const arm = (now: number): void => {
    if (ended !== undefined) return;
    const down = transport.state.current === "down";
    let at = down
      ? Number.POSITIVE_INFINITY
      : Math.min(current === undefined ? withoutSessionSince + options.goneAfterMs : conversation.deadline(false), renewAt());
    for (const live of sessions) at = Math.min(at, live.endAt, live.drainUntil);
    if (at >= timerAt) return;
    cancelTimer?.();
    cancelTimer = undefined;
    timerAt = at;
    if (at <= now) {
      timerAt = Number.POSITIVE_INFINITY;
      tick();
    } else cancelTimer = timers.after(Math.ceil(at - now), onTimer, { background: true });
  };

  const onTimer = (): void => {
    cancelTimer = undefined;
    tick();
  };

  const tick = (): void => {
    timerAt = Number.POSITIVE_INFINITY;
    cancelTimer?.();
    cancelTimer = undefined;
    if (ended !== undefined) return;
    const now = clock.monotonic();
    for (const live of sessions) if (now >= live.endAt || now >= live.drainUntil) dropSession(live);
    if (transport.state.current === "up") {
      if (current !== undefined) {
        conversation.tick(now);
        const health = conversation.health(now);
        if (health.gone) return finish(gone(peer, options.goneAfterMs));
        if (health.suspect && state === "up") setState("suspect");
      } else if (now - withoutSessionSince >= options.goneAfterMs) return finish(gone(peer, options.goneAfterMs));
      if (now >= renewAt()) {
        renewTriedAt = now;
        options.onRenew(link);
      }
    }
    if (conversation.wantsToSend) wake();
    else arm(now);
  };

  /** When a new handshake is due: at the session's soft end, at once when the peer is silent or no session is left, and every 10 s until one succeeds. */
  const renewAt = (): number => {
    const due = current === undefined || state === "suspect" ? 0 : current.renewAt;
    return Math.max(due, renewTriedAt + limits.handshakeDeadlineMs);
  };

  // ---- sessions and end ----

  const dropSession = (live: LinkSession): void => {
    sessions = sessions.filter((other) => other !== live);
    options.onSessionEnded(live);
    live.session.end();
    if (live !== current) return;
    current = sessions.reduce<LinkSession | undefined>((best, other) => (best === undefined || preferred(other, best) ? other : best), undefined);
    if (current !== undefined) current.drainUntil = Number.POSITIVE_INFINITY;
    else withoutSessionSince = clock.monotonic();
  };

  const setState = (next: LinkState): void => {
    if (state === next) return;
    state = next;
    link.state = next;
    options.onState(link, next);
  };

  /** `code`: what the peer is told, if it can be told. `answering`: it said so first. */
  const finish = (error: TightbeamError, code?: string, answering = false): void => {
    if (ended !== undefined) return;
    ended = error;
    cancelTimer?.();
    cancelTimer = undefined;
    if (code !== undefined && current !== undefined && transport.state.current === "up") {
      const last = current;
      sessions = sessions.filter((live) => live !== last);
      const send = (frame: Uint8Array): Promise<void> => transport.send(peer.inbox, frame);
      goodbye = sayGoodbye({ runtime, session: last.session, code, answering, send, onOver: () => options.onSessionEnded(last) });
    }
    const undelivered = conversation.end((sealed) => unknownOutcome(error, sealed));
    for (const live of sessions.splice(0)) {
      options.onSessionEnded(live);
      live.session.end();
    }
    current = undefined;
    setState("ended");
    settleDrained();
    options.onEnded(link, error, undelivered);
  };

  const settleDrained = (): void => {
    if (ended === undefined && !conversation.idle) return;
    const waiters = drainWaiters;
    drainWaiters = [];
    for (const settle of waiters) settle();
  };

  // Data, not getters: an object literal with accessors costs a hash table per link.
  const link: Mutable<LinkEnd, "peer" | "state"> = {
    peer,
    state,
    clockOffset: () => conversation.clockOffset ?? peer.clockOffset,
    generation: () => current?.generation ?? 0,
    next: () => conversation.next,
    send(message) {
      if (ended !== undefined) throw ended;
      const giveUp = conversation.send(message);
      if (giveUp === undefined) {
        throw new TightbeamError(
          "overloaded",
          "The agent's memory budget is used up by messages that wait for their peers. Await sends, or raise memoryBudgetBytes.",
        );
      }
      wake();
      return giveUp;
    },
    attach(established, generation, peerNext) {
      const now = clock.monotonic();
      const live = createLinkSession(established, generation, options.ownInstance, runtime);
      sessions.push(live);
      peer = established.peer;
      link.peer = peer;
      if (current === undefined || preferred(live, current)) {
        if (current !== undefined) current.drainUntil = now + limits.sessionDrainMs;
        current = live;
        renewTriedAt = Number.NEGATIVE_INFINITY;
        withoutSessionSince = Number.POSITIVE_INFINITY;
      } else live.drainUntil = now + limits.sessionDrainMs;
      conversation.acknowledgeBelow(peerNext, now);
      if (transport.state.current === "up") {
        conversation.probe(now);
        setState("up");
        wake();
      }
      if (established.cells.length > 0) conversation.receive(established.cells, live.session, live.received, live.session.lastOpened, now, clock.wall());
      return live;
    },
    receive,
    transportChanged(next) {
      if (ended !== undefined) return;
      setState(next);
      if (next === "down") return;
      const now = clock.monotonic();
      conversation.probe(now);
      if (current === undefined) withoutSessionSince = now;
      timerAt = Number.POSITIVE_INFINITY;
      tick();
    },
    end: (error, code) => finish(error, code),
    farewell: () => goodbye?.over ?? Promise.resolve(),
    status: () => ({
      peer: { id: peer.id, instance: peer.instance, issuer: peer.issuer, thumbprint: peer.thumbprint },
      state,
      suite: current?.session.suite,
      generation: current?.generation ?? 0,
      epoch: current === undefined ? undefined : { send: current.session.epoch.send, receive: current.session.epoch.receive },
      sessions: sessions.length,
      roundTrip: conversation.counters.roundTrip,
      counters: conversation.counters,
    }),
    close(code = "closed") {
      finish(new TightbeamError("closed", `The link with ${peer.id} was closed here.`), code);
    },
    drained: () =>
      new Promise((resolve) => {
        drainWaiters.push(resolve);
        settleDrained();
      }),
  };
  return link;
}

type Mutable<T, K extends keyof T> = Omit<T, K> & { -readonly [P in K]: T[P] };

const roomFor = (transport: Transport): number =>
  Math.min(transport.capabilities.maxFrameBytes - protocol.dataHeaderBytes - protocol.tagBytes, limits.recordTargetBytes);
