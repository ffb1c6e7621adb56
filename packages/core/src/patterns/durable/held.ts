import { empty } from "../../bytes.js";
import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { type ErrorCode, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { MemoryShare } from "../../link/budget.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery, DurableDelivery, Lane, NamedCommit, Outcome } from "../../link/message.js";
import type { StoreChange } from "../../store/types.js";
import { keepPayload } from "../answering/keep-payload.js";
import type { HeldTap } from "../taps.js";
import { type Book, type HeldMessage, placeOf } from "./book.js";
import { Commitment } from "./commitment.js";
import { buryHeld } from "./held-burial.js";
import type { HeldHost } from "./held-host.js";
import { countTry, untilRetry, writeTry } from "./tries.js";
import { judge } from "./verdict.js";
import type { Item } from "./writer.js";

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
    // What could not be written begins all the same: sent again, it would be passed by later ones of its lane.
    const settled = (error: TightbeamError | undefined): void => (error === undefined || writer.failed === undefined ? this.#enter() : this.#end("again"));
    writeTry(writer, { book: this.#book, item: this, attempt: counts ? this.attempt + 1 : undefined, settled });
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
    else this.#cancel = runtime.timers.after(keptLimits.durableAgainMs, () => stopped() || this.#book.mark(this));
  }

  #retry(retryAfter: number): void {
    const { writer, kept, runtime } = this.#host;
    if (this.attempt > 0 && this.#book.tries.get(placeOf(this)) !== this.attempt) {
      const change = countTry(this.#book, this, this.attempt);
      if (kept) writer.add({ changes: () => (this.#over ? none : [change]), shared: this.#book, items: [], settled: () => undefined });
    }
    this.#cancel = runtime.timers.after(untilRetry(runtime.random, this.attempt, retryAfter), () => this.#run());
  }

  /** It becomes a dead letter. Without room for that it stays. */
  #bury(reason: ErrorCode, cause: string, outcome: "refused" | "dead_lettered"): void {
    const { writer, runtime, stopped } = this.#host;
    const later = (): void => {
      this.#cancel = runtime.timers.after(keptLimits.durableAgainMs, () => stopped() || this.#bury(reason, cause, outcome));
    };
    buryHeld(this.#host, this.#book, this, {
      reason,
      cause,
      attempts: this.attempt,
      firstAt: this.#arrivedAt,
      payload: this.#payload,
      noRoom: later,
      settled: (error, kept) => {
        if (error === undefined) this.finish(kept ? outcome : "refused");
        else if (writer.failed !== undefined) this.#end("again");
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
