import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import { type Lane, lanes, type Outcome } from "../../link/message.js";
import type { StoreChange } from "../../store/types.js";
import { buryOut, type SenderReason } from "./out-burial.js";
import { entryCost, envelopeOf, expiresOf, outKey, outPrefix, stamp } from "./out-entry.js";
import type { SenderHost } from "./out-host.js";
import { OutLane } from "./out-lane.js";
import { findLeft } from "./out-loading.js";
import { type MessageOwner, OutMessage, type Waiter } from "./out-message.js";
import { readOn } from "./out-reading.js";
import { type Binding, encodeRecord, type OutRecord, recordKey } from "./out-record.js";
import { createRemovals, type Removals } from "./removals.js";
import { Road, type Traveller } from "./road.js";

/** The durable messages for one peer agent: numbers them, keeps them, sends what its window takes, and forgets what was handled. */
export class OutChannel implements MessageOwner, Traveller {
  readonly peer: string;
  readonly digest: string;
  readonly road: Road;
  epoch = 0;
  forgot: string | undefined;
  bound: Binding | undefined;
  /** By lane: one above the highest number that the bound store has answered as handled. */
  handled = lanes.map(() => 0);
  queued = 0;
  bytes = 0;
  /** Its messages of before are counted. */
  loaded = false;
  #lanes = lanes.map(() => new OutLane());
  /** Its entry is in the store. */
  #recorded = false;
  #inFlight = 0;
  #flightBytes = 0;
  /** Held back: the peer takes none now, or the link has no room. */
  #paused: (() => void) | undefined;
  #stopped = false;
  readonly #removals: Removals;
  readonly #host: SenderHost;

  constructor(host: SenderHost, peer: string, record?: OutRecord) {
    this.#host = host;
    this.peer = peer;
    this.digest = host.state.digest(peer);
    if (record === undefined) this.loaded = true;
    else {
      this.#recorded = true;
      this.epoch = record.epoch;
      this.forgot = record.forgot;
      this.bound = record.bound;
      this.handled = [...record.handled];
      this.#lanes = record.next.map((next) => new OutLane(next));
    }
    this.road = new Road(host, this);
    this.#removals = createRemovals(host, () => this.record);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get next(): readonly number[] {
    return this.#lanes.map(({ next }) => next);
  }

  get floor(): readonly number[] {
    return this.#lanes.map(({ settled }) => settled.floor);
  }

  /** Its entry, as it is now. */
  get record(): StoreChange {
    const { peer, epoch, forgot, bound, next, handled } = this;
    return { put: recordKey(this.digest), value: encodeRecord({ peer, epoch, forgot, bound, next, handled }) };
  }

  /** Counts what is there of it from before. Rejects what the store rejects. */
  async load(): Promise<void> {
    const found = await findLeft(this.#host.state, this.digest, this.next);
    this.#lanes = found.lanes;
    this.#count(found.messages, found.bytes);
    this.loaded = true;
    this.pump();
  }

  /** A new message: `make` puts number and floor into its envelope and returns its entry. Throws `overloaded`. */
  accept(laneOf: Lane, make: (number: number, floor: number) => Uint8Array, waiter: Waiter): OutMessage {
    if (this.road.blocked !== undefined) throw this.road.blocked;
    const lane = this.#lanes[laneOf] as OutLane;
    if (lane.holes >= limits.durableWindow) throw new TightbeamError("overloaded", "The store has no room: wait until some of what it has is handled.");
    const number = lane.next;
    const value = make(number, lane.settled.floor);
    lane.next++;
    const message = new OutMessage(this, laneOf, number, value, false, waiter);
    this.#count(1, value.length);
    this.#host.pending(value.length);
    const put = { put: outKey(this.digest, laneOf, number), value };
    this.#host.writer.add({ changes: this.#recorded ? [put] : [this.record, put], settled: (error) => this.#written(message, value.length, error) });
    return message;
  }

  #written(message: OutMessage, bytes: number, error: TightbeamError | undefined): void {
    const lane = this.#lanes[message.lane] as OutLane;
    this.#host.pending(-bytes);
    this.#recorded ||= error === undefined;
    if (error !== undefined) {
      this.#count(-1, -bytes);
      lane.failed(message.number);
      message.settle(error);
      return;
    }
    const keep = lane.onDisk === undefined && lane.ready.length < limits.durableMemoryCount && this.#host.budget.take(bytes + entryCost);
    if (keep) message.charged = bytes + entryCost;
    else message.drop();
    lane.push(message, keep);
    message.flushed();
    this.pump();
  }

  /** Sends what the window takes, the most urgent first. */
  pump(): void {
    if (this.#paused !== undefined || this.#stopped || !this.loaded || this.queued === 0) return;
    const { link } = this.road;
    if (link === undefined) return this.road.seek();
    for (const lane of this.#lanes) {
      for (let message = this.#take(lane); message !== undefined; message = this.#take(lane)) if (!this.#send(link, lane, message)) return;
      if (lane.ready.length === 0 && lane.onDisk !== undefined && !lane.reading) void this.#read(lane);
    }
  }

  #take(lane: OutLane): OutMessage | undefined {
    // What is urgent has a part of the window for itself.
    const window = lane === this.#lanes[0] ? limits.durableWindow : limits.durableWindow - limits.durableWindowUrgent;
    if (this.#inFlight >= window || this.#flightBytes >= limits.durableWindowBytes) return undefined;
    return lane.ready.shift();
  }

  /** False: not now. */
  #send(link: Link, lane: OutLane, message: OutMessage): boolean {
    const { value } = message;
    if (value === undefined) return true;
    const expires = expiresOf(value);
    if (expires !== 0 && expires < this.#host.runtime.clock.wall()) {
      this.#bury(message, "expired", "Its time was over before it could be sent.");
      return true;
    }
    const bytes = envelopeOf(value);
    if (bytes.length > link.peer.limits.maxMessageBytes) {
      this.#bury(message, "too_large", `It has ${bytes.length} bytes; ${this.peer} takes at most ${link.peer.limits.maxMessageBytes}.`);
      return true;
    }
    stamp(value, lane.settled.floor, message.again);
    lane.flight.set(message.number, message);
    this.#inFlight++;
    this.#flightBytes += bytes.length;
    try {
      link.send({ bytes, lane: message.lane, intake: true, kept: true, wantsDone: true, watch: message });
    } catch {
      // The link has ended, which we are told of, or has no room.
      this.#backFrom(lane, [message]);
      this.#pause();
      return false;
    }
    message.again = true;
    this.#host.observe(link, bytes);
    return true;
  }

  /** Reads on where memory ends. */
  async #read(lane: OutLane): Promise<void> {
    const { state, budget, onDamaged, writer } = this.#host;
    const laneOf = this.#lanes.indexOf(lane) as Lane;
    const make = (number: number, value: Uint8Array): OutMessage => new OutMessage(this, laneOf, number, value, number < lane.againBelow, undefined);
    const missing = (number: number): void => this.#missing(lane, number);
    lane.reading = true;
    try {
      await readOn(lane, { state, budget, onDamaged, make, missing, prefix: outPrefix(this.digest, laneOf) });
    } catch {
      if (writer.failed === undefined) this.#pause();
    }
    lane.reading = false;
    this.pump();
  }

  /** What was there and is not: an entry that does not open any more. The store has reported it. */
  #missing(lane: OutLane, number: number): void {
    if (lane.settled.has(number)) return;
    lane.settled.add(number);
    this.#count(-1, 0);
    lane.parked.get(number)?.settle(new TightbeamError("store_damaged", "The entry of this message could not be read any more: it was not delivered."));
    lane.parked.delete(number);
  }

  onDone(message: OutMessage, outcome: Outcome): void {
    const lane = this.#lanes[message.lane] as OutLane;
    const landed = this.#landed(lane, message);
    if (outcome === "again") {
      if (landed) lane.recall([message]);
      return this.#pause();
    }
    if (outcome === "refused" || outcome === "no_handler") {
      const handler = outcome === "no_handler";
      const cause = handler ? `${this.peer} has no handler for it.` : `${this.peer} refused it, or its handler failed for good.`;
      return this.#bury(message, handler ? "no_handler" : "handler_failed", cause);
    }
    this.handled[message.lane] = Math.max(this.handled[message.lane] as number, message.number + 1);
    this.#finish(message, outcome === "ok" ? undefined : new TightbeamError("dead_lettered", `${this.peer} keeps it as a dead letter: its handler failed.`));
  }

  #landed(lane: OutLane, message: OutMessage): boolean {
    if (!lane.flight.delete(message.number)) return false;
    this.#inFlight--;
    this.#flightBytes -= envelopeOf(message.value as Uint8Array).length;
    return true;
  }

  #finish(message: OutMessage, error: TightbeamError | undefined): void {
    if (message.over) return;
    const bytes = (message.value as Uint8Array).length;
    message.over = true;
    (this.#lanes[message.lane] as OutLane).settled.add(message.number);
    this.#host.budget.give(message.charged);
    this.#count(-1, -bytes);
    this.#removals.add(outKey(this.digest, message.lane, message.number));
    message.drop();
    message.settle(error);
    this.pump();
  }

  /** It becomes a dead letter here, in the batch that takes it out. Without room for that it stays. */
  #bury(message: OutMessage, reason: SenderReason, cause: string): void {
    const { runtime, writer } = this.#host;
    const settled = (error: TightbeamError | undefined): void => {
      if (error === undefined) this.#finish(message, new TightbeamError(reason, `${cause} It is among the dead letters.`));
      else if (writer.failed === undefined) runtime.timers.after(limits.durableAgainMs, () => this.#stopped || this.#bury(message, reason, cause));
    };
    buryOut(this.#host, this.peer, message, { reason, cause, key: outKey(this.digest, message.lane, message.number), settled });
  }

  /** The link is no more, or another leads to the peer's store now. */
  recall(): void {
    for (const lane of this.#lanes) this.#backFrom(lane, [...lane.flight.values()]);
  }

  #backFrom(lane: OutLane, messages: readonly OutMessage[]): void {
    for (const message of messages) this.#landed(lane, message);
    lane.recall(messages);
  }

  #pause(): void {
    this.#paused ??= this.#host.runtime.timers.after(limits.durableAgainMs, () => {
      this.#paused = undefined;
      this.pump();
    });
  }

  #count(messages: number, bytes: number): void {
    this.queued += messages;
    this.bytes += bytes;
    this.#host.count(messages, bytes);
  }

  /** The peer knows no durable messages. Those that are kept wait for a newer version of it. */
  unsupported(): void {
    this.road.blocked = new TightbeamError("unsupported", `${this.peer} runs a version that takes no durable messages.`);
  }

  /** What was known of the other side counts no more, and what is kept goes to whoever has the name now. */
  forget(forgot: string): void {
    this.forgot = forgot;
    this.epoch++;
    this.bound = undefined;
    this.handled = this.handled.map(() => 0);
    this.road.reset();
  }

  stop(error: TightbeamError): void {
    this.#removals.flush();
    this.#stopped = true;
    this.#paused?.();
    this.road.stop();
    for (const lane of this.#lanes) {
      for (const message of [...lane.flight.values(), ...lane.parked.values()]) message.settle(error);
      for (let message = lane.ready.shift(); message !== undefined; message = lane.ready.shift()) message.settle(error);
    }
  }
}
