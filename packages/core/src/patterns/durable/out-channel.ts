import { TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Link } from "../../link/link-types.js";
import { type Lane, lanes, type Outcome } from "../../link/message.js";
import type { StoreChange } from "../../store/types.js";
import { buryOut, type SenderReason } from "./out-burial.js";
import { type EntryOwner, OutEntries } from "./out-entries.js";
import { handOver, OutFlight } from "./out-flight.js";
import type { SenderHost } from "./out-host.js";
import { lanePrefix, overKey, segmentKey } from "./out-keys.js";
import { OutLane } from "./out-lane.js";
import { findLeft } from "./out-loading.js";
import { type Draft, OutMessage, type Waiter } from "./out-message.js";
import { readOn } from "./out-reading.js";
import { type Binding, encodeRecord, type OutRecord, recordKey } from "./out-record.js";
import type { OutSegment } from "./out-segment.js";
import { createRemovals, type Removals } from "./removals.js";
import { Road, type Traveller } from "./road.js";

/** The durable messages for one peer agent: numbers them, keeps them, sends what its window takes, and forgets what was handled. */
export class OutChannel implements EntryOwner, Traveller {
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
  readonly #flight = new OutFlight();
  /** Held back: the peer takes none now, or the link has no room. */
  #paused: (() => void) | undefined;
  #stopped = false;
  readonly #entries: OutEntries;
  readonly #removals: Removals;
  readonly #host: SenderHost;

  constructor(host: SenderHost, peer: string, record?: OutRecord) {
    this.#host = host;
    this.peer = peer;
    this.digest = host.state.digest(peer);
    if (record === undefined) this.loaded = true;
    else {
      this.epoch = record.epoch;
      this.forgot = record.forgot;
      this.bound = record.bound;
      this.handled = [...record.handled];
      this.#lanes = lanes.map((lane) => new OutLane(lane, record.next[lane]));
    }
    this.road = new Road(host, this);
    this.#entries = new OutEntries(host, this, record !== undefined);
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
    this.count(found.messages, found.bytes);
    this.loaded = true;
    this.pump();
  }

  /** A new message. Throws `overloaded`, `unsupported`, `store_rolled_back`, and what encoding it throws. */
  accept(laneOf: Lane, draft: Draft, waiter: Waiter): OutMessage {
    if (this.road.blocked !== undefined) throw this.road.blocked;
    return this.#entries.accept(this.#lanes[laneOf] as OutLane, draft, waiter);
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
      await readOn(lane, { state, budget, onDamaged, make, empty, gone: (count) => this.count(-count, 0), prefix: lanePrefix(this.digest, lane.lane) });
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
    this.count(-1, -segment.size(message.start));
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
      } else if (writer.failed === undefined) runtime.timers.after(keptLimits.durableAgainMs, () => this.#stopped || this.#bury(message, reason, cause));
    };
    const key = overKey(this.digest, message.lane, message.number);
    buryOut(this.#host, this.peer, segment.envelope(message.start), { reason, cause, attempts: message.again ? 1 : 0, key, settled });
  }

  /** So many more of them wait, or fewer. */
  count(messages: number, bytes: number): void {
    this.queued += messages;
    this.bytes += bytes;
    this.#host.count(messages, bytes);
  }

  /** The link is no more, or another leads to the peer's store now. */
  recall(): void {
    for (const lane of this.#lanes) this.#flight.recall(lane, lane.flight.values());
  }

  #pause(): void {
    this.#paused ??= this.#host.runtime.timers.after(keptLimits.durableAgainMs, () => {
      this.#paused = undefined;
      this.pump();
    });
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
