import { empty, encodeUtf8 } from "../../bytes.js";
import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { encodeEnvelope } from "../../envelope/wire.js";
import { type ErrorCode, TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { MemoryShare } from "../../link/budget.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery, DurableDelivery, Lane, NamedCommit, Outcome } from "../../link/message.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { StoreChange } from "../../store/types.js";
import { keepPayload } from "../answering/keep-payload.js";
import { letterPeerOf } from "../dead-letters/peer.js";
import type { HeldTap, Taps } from "../taps.js";
import { type Book, type HeldMessage, placeOf } from "./book.js";
import { Commitment } from "./commitment.js";
import { type PrepareLetter, prepare } from "./out-burial.js";
import type { Turns } from "./turns.js";
import { judge } from "./verdict.js";
import type { Item, Writer } from "./writer.js";

/** What the messages of one receiver share. */
export interface HeldHost {
  readonly runtime: Runtime;
  readonly writer: Writer;
  /** False: what is remembered is gone with this process. */
  readonly kept: boolean;
  /** Keeps a state in one batch with a message's mark. Undefined without a store. */
  readonly save: ((book: Book, message: HeldMessage, state: unknown, options: NamedCommit) => Promise<void>) | undefined;
  /** Undefined: dead letters stay with their senders. */
  readonly letters: PrepareLetter | undefined;
  readonly maxDeliveries: number;
  readonly turns: Turns;
  readonly taps: Taps;
  readonly serve: (link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined) => void;
  readonly isOrdered: (method: string) => boolean;
  readonly stopped: () => boolean;
  /** One more message is over. */
  readonly onOver: () => void;
}

interface Joined {
  readonly link: Link;
  readonly delivery: Delivery;
}

/** A durable message on its receiver's side, until it is marked as handled or is over another way. For its handler's call it is the delivery. */
export class Held implements HeldMessage, Delivery, DurableDelivery, Item {
  readonly bytes = empty;
  readonly size = 0;
  readonly intake = true;
  readonly wantsDone = true;
  readonly lane: Lane;
  readonly number: number;
  readonly refused: Delivery["refused"];
  readonly header: EnvelopeHeader;
  /** Tries begun, this one included. */
  attempt: number;
  /** Its handler is done, and it is not marked: what it did is in whatever state its application keeps now. */
  handled = false;
  readonly #host: HeldHost;
  readonly #book: Book;
  #payload: EncodedPayload | undefined;
  readonly #budget: MemoryShare;
  readonly #charged: number;
  readonly #arrivedAt: number;
  /** All that brought it get its DONE. */
  #link: Link | undefined;
  readonly #delivery: Delivery;
  /** Undefined: nobody listened when it came. */
  readonly #tap: HeldTap | undefined;
  #joined: readonly Joined[] | undefined;
  #running = false;
  #begun = false;
  #commitment: Commitment | undefined;
  #over = false;
  #cancel: (() => void) | undefined;

  constructor(host: HeldHost, book: Book, link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined, charged: number) {
    this.#host = host;
    this.#book = book;
    this.lane = delivery.lane;
    this.number = header.durable?.number ?? 0;
    this.refused = delivery.refused;
    this.header = header;
    this.#payload = payload;
    this.#budget = link.budget;
    this.#charged = charged;
    this.#arrivedAt = host.runtime.clock.wall();
    this.#link = link;
    this.#delivery = delivery;
    this.#tap = host.taps.messages?.held(link, header, delivery.size);
    this.attempt = book.tries.size === 0 ? 0 : (book.tries.get(placeOf(this)) ?? 0);
  }

  /** The record that the message lies in is about to be freed. */
  keep(): void {
    this.#payload = this.handled ? undefined : keepPayload(this.#payload);
  }

  get durable(): DurableDelivery {
    return this;
  }

  join(link: Link, delivery: Delivery): void {
    this.#joined = [...(this.#joined ?? []), { link, delivery }];
  }

  linkEnded(link: Link): void {
    if (this.#link === link) this.#link = undefined;
    this.#joined = this.#joined?.filter((each) => each.link !== link);
  }

  /** Its turn in its lane has come, once its try is on disk where it may have been begun before. */
  start(): void {
    const { writer, kept, maxDeliveries } = this.#host;
    const { starting, tries } = this.#book;
    if (this.attempt >= maxDeliveries)
      return this.#bury("handler_failed", `Its handler was begun ${this.attempt} times and never seen to settle.`, "dead_lettered");
    const counts = kept && (this.header.durable?.again === true || (tries.size > 0 && tries.has(placeOf(this))));
    if (!counts && starting[this.lane] === 0) return this.#enter();
    const before = tries.get(placeOf(this));
    starting[this.lane] = (starting[this.lane] as number) + 1;
    writer.add({
      changes: () => (counts ? [this.#try(this.attempt + 1)] : []),
      // A try counts in the next process only beside the entry of its sender.
      ...(counts ? { shared: this.#book, items: [] } : undefined),
      settled: (error) => {
        starting[this.lane] = (starting[this.lane] as number) - 1;
        if (error === undefined) return this.#enter();
        // What could not be written does not count. It begins all the same: sent again, it would be passed by later ones of its lane.
        if (counts && before === undefined) tries.delete(placeOf(this));
        else if (counts && before !== undefined) tries.set(placeOf(this), before);
        return writer.failed === undefined ? this.#enter() : this.#end("again");
      },
    });
  }

  #try(attempt: number): StoreChange {
    this.#book.tries.set(placeOf(this), attempt);
    return { put: this.#book.tryKey(this), value: encodeUtf8(String(attempt)) };
  }

  #enter(): void {
    const { method = "" } = this.header;
    const { isOrdered, turns } = this.#host;
    if (isOrdered(method)) turns.enter(this.#book.state.peer, this.lane, method, this, () => this.#run());
    else this.#run();
  }

  #run(): void {
    if (this.#over || this.#host.stopped()) return;
    this.attempt++;
    this.#begun = false;
    this.#running = true;
    this.#host.serve(this.#book.seat, this, this.header, this.#payload);
  }

  begun(): void {
    this.#begun = true;
  }

  commit(state: unknown, options: NamedCommit): Promise<void> {
    const { save, stopped } = this.#host;
    if (save === undefined) return Promise.reject(invalid("There is nothing to commit to: give createAgent a store."));
    if (stopped()) return Promise.reject(new TightbeamError("closed", "This agent is closing: the message is sent again, and was not committed."));
    if (this.#over || !this.#running) return Promise.reject(invalid("Commit before the handler settles."));
    this.#commitment ??= new Commitment();
    return this.#commitment.make(() => save(this.#book, this, state, options));
  }

  settle(outcome: Outcome, error?: unknown): void {
    if (!this.#running) return;
    this.#running = false;
    this.#settled(outcome, error);
  }

  #settled(outcome: Outcome, error: unknown): void {
    if (this.#over || this.#host.stopped()) return;
    const commitment = this.#commitment;
    if (commitment?.pending === true) return this.#settleAfter(commitment, outcome, error);
    if (commitment?.made === true) return this.finish("ok");
    const verdict = judge(outcome, error, this.#begun, this.attempt, this.attempt >= this.#host.maxDeliveries);
    if (verdict.is === "retry" || verdict.is === "over") this.#tap?.failed(error, this.attempt);
    switch (verdict.is) {
      case "handled":
        this.handled = true;
        return this.#book.mark(this);
      case "elsewhere":
        return this.#end("again");
      case "retry":
        if (!verdict.counts) this.attempt--;
        return this.#retry(verdict.after);
      case "over":
        if (verdict.outcome !== "no_handler") return this.#bury(verdict.code, verdict.cause, verdict.outcome);
        // Its sender keeps it, and nothing of it is left here.
        this.#host.writer.add({ changes: constant(this.removals()), settled: () => undefined });
        return this.finish("no_handler");
    }
    // This agent ends: what it did not handle its sender keeps.
  }

  #settleAfter(commitment: Commitment, outcome: Outcome, error: unknown): void {
    this.handled = outcome === "ok";
    commitment.afterwards(() => this.#settled(outcome, error));
  }

  /** What goes out of the store when it is marked. */
  removals(): readonly StoreChange[] {
    const { tries } = this.#book;
    return tries.size > 0 && tries.has(placeOf(this)) ? [{ remove: this.#book.tryKey(this) }] : none;
  }

  /** Its mark could not be written. */
  unmarked(): void {
    const { writer, runtime, stopped } = this.#host;
    if (writer.failed !== undefined) this.#end("again");
    else this.#cancel = runtime.timers.after(limits.durableAgainMs, () => stopped() || this.#book.mark(this));
  }

  #retry(retryAfter: number): void {
    const { writer, kept, runtime } = this.#host;
    if (this.attempt > 0 && this.#book.tries.get(placeOf(this)) !== this.attempt) {
      const change = this.#try(this.attempt);
      if (kept) writer.add({ changes: () => (this.#over ? none : [change]), shared: this.#book, items: [], settled: () => undefined });
    }
    const most = Math.min(limits.durableRetryMaxMs, limits.durableRetryMs * 4 ** Math.min(Math.max(this.attempt - 1, 0), 10));
    const [random = 0] = runtime.random.bytes(1);
    this.#cancel = runtime.timers.after(Math.max(retryAfter, most * (0.5 + random / 512)), () => this.#run());
  }

  /** Kept as a dead letter here, and marked, in one batch; without a store it is the sender who keeps it. */
  #bury(reason: ErrorCode, cause: string, outcome: "refused" | "dead_lettered"): void {
    const { writer, letters, runtime, stopped } = this.#host;
    const { durable: _, ...header } = this.header;
    const letter = prepare(letters, {
      reason,
      cause,
      side: "receiver",
      peer: this.#book.state.peer,
      messageId: header.id,
      method: header.method ?? "",
      priority: header.priority,
      attempts: this.attempt,
      firstAt: this.#arrivedAt,
      lastAt: runtime.clock.wall(),
      envelope: this.refused === undefined ? encodeEnvelope(header, this.#payload).slice() : undefined,
      sender: letterPeerOf(this.#book.seat.peer),
    });
    const later = (): void => {
      this.#cancel = runtime.timers.after(limits.durableAgainMs, () => stopped() || this.#bury(reason, cause, outcome));
    };
    if (letter instanceof TightbeamError) return later();
    writer.add({
      changes: () => [...(letter?.changes ?? none), ...this.removals()],
      shared: this.#book,
      items: [this],
      settled: (error) => {
        if (error === undefined) {
          letter?.committed();
          return this.finish(letter === undefined ? "refused" : outcome);
        }
        letter?.abandoned();
        if (writer.failed !== undefined) this.#end("again");
        else later();
      },
    });
  }

  /** What became of it is on disk. */
  finish(outcome: Outcome): void {
    const { tries } = this.#book;
    if (tries.size > 0) tries.delete(placeOf(this));
    this.#book.remember(this, outcome);
    if (outcome === "ok") this.#tap?.processed(this.attempt);
    this.#end(outcome);
  }

  /** `again`: not now, not here, the sender sends it again. */
  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancel?.();
    this.#book.held.delete(placeOf(this));
    this.#budget.give(this.#charged);
    if (this.#link !== undefined) this.#delivery.settle(outcome);
    for (const { delivery } of this.#joined ?? []) delivery.settle(outcome);
    this.#host.turns.leave(this);
    this.#host.onOver();
  }

  stop(): void {
    this.#cancel?.();
  }
}

const none: readonly StoreChange[] = [];
const constant = (changes: readonly StoreChange[]) => () => changes;

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
