import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import { type Lane, lanes, type Outcome } from "../../link/message.js";
import type { StoreChange } from "../../store/types.js";
import { buryOut, type SenderReason } from "./out-burial.js";
import { handOver, OutFlight } from "./out-flight.js";
import type { SenderHost } from "./out-host.js";
import { lanePrefix, messageCost, overKey, segmentKey } from "./out-keys.js";
import { OutLane } from "./out-lane.js";
import { findLeft } from "./out-loading.js";
import { type Draft, type MessageOwner, OutMessage, type Waiter } from "./out-message.js";
import { readOn } from "./out-reading.js";
import { type Binding, encodeRecord, type OutRecord, recordKey } from "./out-record.js";
import { newSegment, type OutSegment } from "./out-segment.js";
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
  /** By lane: one above the highest number that the bound store has answered as handled. A DONE that comes late, of another, does not count. */
  handled = lanes.map(() => 0);
  queued = 0;
  bytes = 0;
  /** Its messages of before are counted. */
  loaded = false;
  #lanes = lanes.map((lane) => new OutLane(lane));
  /** Its entry is in the store. */
  #recorded = false;
  #unrecorded = 0;
  readonly #flight = new OutFlight();
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
      this.#lanes = lanes.map((lane) => new OutLane(lane, record.next[lane]));
    }
    this.road = new Road(host, this);
    this.#removals = createRemovals(host, () => this.record);
  }

  get inFlight(): number {
    return this.#flight.count;
  }
  get began(): readonly number[] {
    return this.#lanes.map(({ againBelow }) => againBelow);
  }
  get next(): readonly number[] {
    return this.#lanes.map(({ next }) => next);
  }
  get floor(): readonly number[] {
    return this.#lanes.map(({ floor }) => floor);
  }

  /** Its entry, as it is now. */
  get record(): StoreChange {
    const { peer, epoch, forgot, bound, next, handled } = this;
    return { put: recordKey(this.digest), value: encodeRecord({ peer, epoch, forgot, bound, next, handled }) };
  }

  /** Counts what is there of it from before. Rejects what the store rejects. */
  async load(): Promise<void> {
    const { state, onDamaged } = this.#host;
    const found = await findLeft(state, this.digest, this.next, onDamaged);
    this.#lanes = found.lanes;
    for (const key of found.stray) this.#removals.add(key);
    this.#count(found.messages, found.bytes);
    this.loaded = true;
    this.pump();
  }

  /** A new message. Throws `overloaded`, `unsupported`, `store_rolled_back`, and what encoding it throws. */
  accept(laneOf: Lane, draft: Draft, waiter: Waiter): OutMessage {
    if (this.road.blocked !== undefined) throw this.road.blocked;
    const lane = this.#lanes[laneOf] as OutLane;
    if (lane.holes >= limits.durableHoles) throw new TightbeamError("overloaded", "The store has no room: wait until some of what it has is handled.");
    const number = lane.next;
    const { envelope, at, expires } = draft.encode(number, lane.settled.floor);
    let { open } = lane;
    if (open === undefined || !open.segment.takes(envelope.length)) open = this.#begin(lane, number);
    lane.next++;
    const message = new OutMessage(this, number, open.segment, open.segment.append(envelope, at, expires), false, waiter);
    open.messages.push(message);
    this.#count(1, envelope.length);
    this.#host.pending(envelope.length);
    return message;
  }

  #begin(lane: OutLane, first: number): NonNullable<OutLane["open"]> {
    const open = { segment: newSegment(lane.lane, first, lane.like), messages: [] };
    lane.open = open;
    // Until its entry is there, which other writings change as well, one batch after the other.
    const alone = this.#recorded && this.#unrecorded === 0;
    if (!alone) this.#unrecorded++;
    (alone ? this.#host.entries : this.#host.writer).add({
      changes: () => {
        lane.close(open);
        const put = { put: segmentKey(this.digest, lane.lane, first), value: open.segment.value() };
        return this.#recorded ? [put] : [this.record, put];
      },
      settled: (error) => {
        if (!alone) this.#unrecorded--;
        this.#written(lane, open.segment, open.messages, error);
      },
    });
    return open;
  }

  #written(lane: OutLane, segment: OutSegment, messages: readonly OutMessage[], error: TightbeamError | undefined): void {
    const bytes = segment.content;
    this.#host.pending(-bytes);
    if (error !== undefined) {
      this.#count(-messages.length, -bytes);
      for (const message of messages) {
        lane.failed(message.number);
        message.settle(error);
      }
      return;
    }
    this.#recorded = true;
    lane.flushed = segment.first + segment.count;
    const cost = bytes + messageCost * messages.length;
    if (lane.onDisk === undefined && lane.ready.length < limits.durableMemoryCount && this.#host.budget.take(cost)) {
      const charge = Math.floor(cost / messages.length);
      this.#host.budget.give(cost - charge * messages.length);
      for (const message of messages) {
        message.charged = charge;
        lane.ready.push(message);
      }
    } else lane.leaveOnDisk(messages);
    for (const message of messages) message.flushed();
    const { timers } = this.#host.runtime;
    // Two turns on: whoever waited for these has more to say, which is on its way to the disk while these are sealed and sent.
    timers.turn(() => timers.turn(() => this.pump()));
  }

  /** Sends what the window takes, the most urgent first. */
  pump(): void {
    if (this.#paused !== undefined || this.#stopped || !this.loaded || this.queued === 0) return;
    const { link } = this.road;
    if (link === undefined) return this.road.seek();
    for (const lane of this.#lanes) {
      while (this.#flight.hasRoom(lane)) {
        const message = lane.ready.shift();
        if (message === undefined) break;
        if (!this.#send(link, lane, message)) return;
      }
      if (lane.ready.length === 0 && lane.onDisk !== undefined && !lane.reading) void this.#read(lane);
    }
  }

  /** False: not now. */
  #send(link: Link, lane: OutLane, message: OutMessage): boolean {
    const { segment, start } = message;
    // It was over when its turn came: an older link brought its DONE.
    if (segment === undefined) return true;
    const expires = segment.expires(start);
    if (expires !== 0 && expires < this.#host.runtime.clock.wall()) {
      this.#bury(message, "expired", "Its time was over before it could be sent.");
      return true;
    }
    const bytes = segment.envelope(start);
    if (bytes.length > link.peer.limits.maxMessageBytes) {
      this.#bury(message, "too_large", `It has ${bytes.length} bytes; ${this.peer} takes at most ${link.peer.limits.maxMessageBytes}.`);
      return true;
    }
    segment.stamp(start, lane.settled.floor, message.again);
    this.#flight.add(link, lane, message, bytes.length);
    try {
      handOver(this.#host.taps, link, bytes, message);
    } catch {
      // The link has ended, which we are told of, or has no room.
      this.#flight.recall(lane, [message]);
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
    const make = (number: number, segment: OutSegment, start: number): OutMessage =>
      new OutMessage(this, number, segment, start, number < lane.againBelow, undefined);
    const empty = (segment: OutSegment): void => this.#remove(segment);
    lane.reading = true;
    try {
      await readOn(lane, { state, budget, onDamaged, make, empty, gone: (count) => this.#count(-count, 0), prefix: lanePrefix(this.digest, lane.lane) });
    } catch {
      if (writer.failed === undefined) this.#pause();
    }
    lane.reading = false;
    this.pump();
  }

  onDone(message: OutMessage, outcome: Outcome): void {
    const lane = this.#lanes[message.lane] as OutLane;
    const landed = this.#flight.landed(lane, message);
    if (outcome === "again") {
      if (landed) lane.recall([message]);
      return this.#pause();
    }
    if (outcome === "no_handler") return this.#bury(message, "no_handler", `${this.peer} has no handler for it.`);
    if (outcome === "refused") return this.#bury(message, "handler_failed", `${this.peer} refused it, or its handler failed for good.`);
    if (landed) this.handled[message.lane] = Math.max(this.handled[message.lane] as number, message.number + 1);
    this.#finish(message, outcome === "ok" ? undefined : new TightbeamError("dead_lettered", `${this.peer} keeps it as a dead letter: its handler failed.`));
  }

  #finish(message: OutMessage, error: TightbeamError | undefined): void {
    const { segment } = message;
    if (message.over || segment === undefined) return;
    message.over = true;
    (this.#lanes[message.lane] as OutLane).settled.add(message.number);
    this.#host.budget.give(message.charged);
    this.#count(-1, -segment.size(message.start));
    if (--segment.left === 0) this.#remove(segment);
    message.drop();
    message.settle(error);
    this.pump();
  }

  #remove(segment: OutSegment): void {
    const { lane, first, count } = segment;
    this.#removals.add(segmentKey(this.digest, lane, first));
    const { buried } = this.#lanes[lane] as OutLane;
    if (buried.size === 0) return;
    for (let number = first; number < first + count; number++) if (buried.delete(number)) this.#removals.add(overKey(this.digest, lane, number));
  }

  /** It becomes a dead letter here, in the batch that says that it is over. Without room for that it stays. */
  #bury(message: OutMessage, reason: SenderReason, cause: string): void {
    const { runtime, writer } = this.#host;
    const { segment } = message;
    if (segment === undefined) return;
    const settled = (error: TightbeamError | undefined): void => {
      if (error === undefined) {
        this.#lanes[message.lane]?.buried.add(message.number);
        this.#finish(message, new TightbeamError(reason, `${cause} It is among the dead letters.`));
      } else if (writer.failed === undefined) runtime.timers.after(limits.durableAgainMs, () => this.#stopped || this.#bury(message, reason, cause));
    };
    const key = overKey(this.digest, message.lane, message.number);
    buryOut(this.#host, this.peer, segment.envelope(message.start), { reason, cause, attempts: message.again ? 1 : 0, key, settled });
  }

  /** The link is no more, or another leads to the peer's store now. */
  recall(): void {
    for (const lane of this.#lanes) this.#flight.recall(lane, lane.flight.values());
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
    for (const lane of this.#lanes) lane.stop(error);
  }
}
