import { type ErrorCode, TightbeamError } from "../errors.js";
import * as limits from "../limits.js";
import { release, releaseReceived } from "../release.js";
import type { Established, Peer } from "../secure/types.js";
import { type Alarm, createAlarm } from "./alarm.js";
import type { MemoryShare } from "./budget.js";
import { type Goodbye, sayGoodbye } from "./closing.js";
import { type Conversation, type ConversationSink, createConversation } from "./conversation.js";
import { actAt } from "./due.js";
import { budgetUsedUp, endedByPeer, gone, unknownOutcome } from "./ends.js";
import type { LinkEnd, LinkOptions, LinkState, LinkStatus } from "./link-types.js";
import type { Delivery, OutgoingMessage, Sent } from "./message.js";
import { createPump, type Pump, type PumpOwner } from "./pump.js";
import { createLinkSession, createLinkSessions, type LinkSession } from "./sessions.js";
import { statusOf } from "./status.js";

/**
 * The spine. Down: message -> conversation -> record -> session.seal -> frame -> transport.
 * Up: frame -> session.open -> record -> conversation -> message. The only place where the pure layers meet I/O.
 */
class InstanceLink implements LinkEnd, ConversationSink, PumpOwner {
  peer: Peer;
  state: LinkState;
  declines = false;
  readonly budget: MemoryShare;
  readonly #options: LinkOptions;
  readonly #conversation: Conversation;
  readonly #sessions = createLinkSessions();
  #ended: TightbeamError | undefined;
  #goodbye: Goodbye | undefined;
  readonly #alarm: Alarm;
  readonly #pump: Pump;
  #drainWaiters: (() => void)[] | undefined;

  constructor(options: LinkOptions, peer: Peer) {
    const { own, budget, goneAfterMs } = options;
    this.budget = budget;
    this.#options = options;
    this.peer = peer;
    this.state = options.transport.state.current;
    this.#alarm = createAlarm(options.runtime.timers, this.#tick);
    this.#conversation = createConversation({ own, peer: peer.limits, budget, goneAfterMs, sink: this });
    this.#pump = createPump(options, this.#conversation, this.#sessions, this);
  }

  send(message: OutgoingMessage): Sent {
    if (this.#ended !== undefined) throw this.#ended;
    const sent = this.#conversation.send(message);
    if (sent === undefined) throw budgetUsedUp();
    this.wake();
    return sent;
  }

  offer(message: OutgoingMessage): boolean {
    if (this.state !== "up" || this.#sessions.current === undefined || !this.#conversation.offer(message)) return false;
    this.wake();
    return true;
  }

  wake(): void {
    this.#pump.wake();
  }

  receive(from: LinkSession, frame: Uint8Array): void {
    if (this.#ended !== undefined) return this.#goodbye?.receive(frame);
    const { session } = from;
    const record = session.open(frame);
    if (record === undefined) {
      this.#options.taps.link?.unopened(this, from);
      if (session.ended) this.dropSession(from);
      return;
    }
    releaseReceived(frame);
    const now = this.#now();
    if (from !== this.#sessions.current) this.#sessions.heard(from, now);
    this.#pump.answering = true;
    const large = record.length >= limits.largeRecordBytes;
    const goesOn = this.#take(record, from, now);
    if (!this.#conversation.keepsRecord) release(record);
    if (!goesOn) return;
    if (this.state === "suspect") this.#setState("up");
    if (now >= this.#alarm.at) this.#tick();
    else if (large && this.#conversation.owesAck) this.#pump.acknowledge();
    else if (this.#conversation.wantsToSend) this.wake();
    else this.arm(now);
    if (this.#drainWaiters !== undefined) this.#settleDrained();
  }

  #take(record: Uint8Array, { session, received }: LinkSession, now: number): boolean {
    return this.#conversation.receive(record, session, received, session.lastOpened, now, this.#options.runtime.clock.wall());
  }

  deliver(delivery: Delivery): void {
    this.#options.onDelivery(this, delivery);
  }

  ended(code: string, byPeer: boolean): void {
    this.end(endedByPeer(code, byPeer, this.peer), byPeer ? "closed" : code, byPeer);
  }

  #now(): number {
    return this.#options.runtime.clock.monotonic();
  }

  arm(now: number): void {
    if (this.#ended !== undefined) return;
    const at = Math.min(actAt(this.#options, this.state, this.#sessions, this.#conversation), this.#sessions.endAt());
    if (at <= now) this.#tick();
    else this.#alarm.set(at, now);
  }

  readonly #tick = (): void => {
    this.#alarm.clear();
    if (this.#ended !== undefined) return;
    const { transport, goneAfterMs, onRenew } = this.#options;
    const now = this.#now();
    for (const live of this.#sessions.all) if (now >= live.endAt || now >= live.drainUntil) this.dropSession(live);
    if (transport.state.current === "up") {
      if (this.#sessions.current !== undefined) {
        this.#conversation.tick(now);
        const health = this.#conversation.health(now);
        if (health.gone) return this.end(gone(this.peer, goneAfterMs));
        if (health.suspect && this.state === "up") this.#setState("suspect");
      } else if (now - this.#sessions.missingSince >= goneAfterMs) return this.end(gone(this.peer, goneAfterMs));
      if (now >= this.#sessions.renewAt(this.state === "suspect" || this.#conversation.silence.mute())) {
        this.#sessions.renewTriedAt = now;
        onRenew(this);
      }
    }
    if (this.#conversation.wantsToSend) this.wake();
    else this.arm(now);
  };

  attach(established: Established, generation: number, peerNext: readonly number[]): LinkSession {
    const { runtime, ownInstance, transport } = this.#options;
    const now = this.#now();
    const live = createLinkSession(established, generation, ownInstance, runtime);
    this.peer = established.peer;
    this.#sessions.add(live, now);
    this.#conversation.acknowledgeBelow(peerNext, now);
    if (transport.state.current === "up") {
      this.#conversation.probe(now);
      this.#setState("up");
      this.wake();
    }
    if (established.cells.length > 0) this.#take(established.cells, live, now);
    return live;
  }

  dropSession(live: LinkSession): void {
    this.#sessions.remove(live, this.#now());
    this.#options.onSessionEnded(live);
    live.session.end();
  }

  transportChanged(next: "up" | "down"): void {
    if (this.#ended !== undefined) return;
    const now = this.#now();
    if (next === "down" && this.state !== "down") this.#conversation.silence.pause(now);
    this.#setState(next);
    if (next === "down") return;
    this.#conversation.probe(now);
    if (this.#sessions.current === undefined) this.#sessions.missingSince = now;
    this.#tick();
  }

  #setState(next: LinkState): void {
    if (this.state === next) return;
    this.state = next;
    this.#options.onState(this, next);
  }

  close(code: ErrorCode = "closed"): void {
    this.end(new TightbeamError("closed", `The link with ${this.peer.id} was closed here.`), code);
  }

  /** `code`: what the peer is told, if it can be told. `answering`: it said so first. */
  end(error: TightbeamError, code?: string, answering = false): void {
    if (this.#ended !== undefined) return;
    const { runtime, transport, onSessionEnded, onEnded } = this.#options;
    this.#ended = error;
    this.#alarm.clear();
    const last = this.#sessions.current;
    const inbox = this.peer.inbox;
    if (code !== undefined && last !== undefined && transport.state.current === "up") {
      this.#sessions.remove(last, this.#now());
      const send = (frame: Uint8Array): Promise<void> => transport.send(inbox, frame);
      this.#goodbye = sayGoodbye({ runtime, session: last.session, code, answering, send, onOver: () => onSessionEnded(last) });
    }
    const undelivered = this.#conversation.end((sealed) => unknownOutcome(error, sealed));
    for (const live of this.#sessions.all) this.dropSession(live);
    this.#setState("ended");
    this.#settleDrained();
    onEnded(this, error, undelivered);
  }

  farewell(): Promise<void> {
    return this.#goodbye?.over ?? Promise.resolve();
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drainWaiters = [...(this.#drainWaiters ?? []), resolve];
      this.#settleDrained();
    });
  }

  get awaited(): number {
    return this.#conversation.awaited;
  }

  set awaited(count: number) {
    this.#conversation.awaited = count;
  }

  #settleDrained(): void {
    if (this.#ended === undefined && !this.#conversation.idle) return;
    const waiters = this.#drainWaiters ?? [];
    this.#drainWaiters = undefined;
    for (const settle of waiters) settle();
  }

  clockOffset(): number {
    return this.#conversation.clockOffset ?? this.peer.clockOffset;
  }

  askClock(): void {
    if (this.#ended !== undefined) return;
    this.#conversation.askClock();
    this.wake();
  }

  generation(): number {
    return this.#sessions.generation;
  }

  next(): ReturnType<LinkEnd["next"]> {
    return this.#conversation.next;
  }

  status(): LinkStatus {
    return statusOf(this, this.#sessions, this.#conversation);
  }
}

export const createLink = (options: LinkOptions, firstPeer: Peer): LinkEnd => new InstanceLink(options, firstPeer);
