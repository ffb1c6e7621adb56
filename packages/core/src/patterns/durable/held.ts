import { empty, encodeUtf8 } from "../../bytes.js";
import type { EncodedPayload } from "../../codec/types.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { encodeEnvelope } from "../../envelope/wire.js";
import { type ErrorCode, TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { MemoryShare } from "../../link/budget.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery, DurableDelivery, Lane, Outcome } from "../../link/message.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { StoreChange } from "../../store/types.js";
import { letterPeerOf } from "../dead-letters/peer.js";
import { type Book, placeOf } from "./book.js";
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
  /** Undefined: dead letters stay with their senders. */
  readonly letters: PrepareLetter | undefined;
  readonly maxDeliveries: number;
  readonly turns: Turns;
  readonly serve: (link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined) => void;
  readonly isOrdered: (method: string) => boolean;
  readonly stopped: () => boolean;
  /** One more message is over. */
  readonly onOver: () => void;
}

/** A durable message on its receiver's side, until it is marked as handled or is over another way. */
export class Held implements DurableDelivery, Item {
  readonly lane: Lane;
  readonly number: number;
  readonly header: EnvelopeHeader;
  /** Tries begun, this one included. */
  attempt: number;
  readonly #host: HeldHost;
  readonly #book: Book;
  readonly #payload: EncodedPayload | undefined;
  readonly #refused: Delivery["refused"];
  readonly #budget: MemoryShare;
  readonly #charged: number;
  readonly #arrivedAt: number;
  /** All that brought it: each gets its DONE. */
  #deliveries: { readonly link: Link; readonly delivery: Delivery }[];
  #begun = false;
  /** Its mark is on disk, or on its way there, by what its handler committed. */
  #commits = 0;
  #committed = false;
  #waitsForCommit: (() => void) | undefined;
  #over = false;
  #cancel: (() => void) | undefined;

  constructor(host: HeldHost, book: Book, link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined, charged: number) {
    this.#host = host;
    this.#book = book;
    this.lane = delivery.lane;
    this.number = header.durable?.number ?? 0;
    this.header = header;
    this.#payload = payload;
    this.#refused = delivery.refused;
    this.#budget = link.budget;
    this.#charged = charged;
    this.#arrivedAt = host.runtime.clock.wall();
    this.#deliveries = [{ link, delivery }];
    this.attempt = book.tries.get(placeOf(this)) ?? 0;
  }

  join(link: Link, delivery: Delivery): void {
    this.#deliveries.push({ link, delivery });
  }

  linkEnded(link: Link): void {
    this.#deliveries = this.#deliveries.filter((each) => each.link !== link);
  }

  /** Its turn in its lane has come, once its try is on disk where it may have been begun before. */
  start(): void {
    const { writer, kept, maxDeliveries } = this.#host;
    const { starting, tries } = this.#book;
    if (this.attempt >= maxDeliveries)
      return this.#bury(
        "handler_failed",
        `Its handler was begun ${this.attempt} times, and this process or its predecessors never saw it settle.`,
        "dead_lettered",
      );
    const counts = kept && (this.header.durable?.again === true || tries.has(placeOf(this)));
    if (!counts && starting[this.lane] === 0) return this.#enter();
    starting[this.lane] = (starting[this.lane] as number) + 1;
    writer.add({
      changes: counts ? [this.#try(this.attempt + 1)] : [],
      settled: (error) => {
        starting[this.lane] = (starting[this.lane] as number) - 1;
        if (error === undefined) this.#enter();
        else this.#giveBack();
      },
    });
  }

  #try(attempt: number): StoreChange {
    this.#book.tries.set(placeOf(this), attempt);
    return { put: this.#book.tryKey(this), value: encodeUtf8(String(attempt)) };
  }

  #enter(): void {
    const { method = "" } = this.header;
    if (this.#host.isOrdered(method)) this.#host.turns.enter(this.#book.state.peer, this.lane, method, this, this.#run);
    else this.#run();
  }

  readonly #run = (): void => {
    if (this.#over || this.#host.stopped()) return;
    const { serve } = this.#host;
    let settled = false;
    this.attempt++;
    this.#begun = false;
    const delivery: Delivery = {
      bytes: empty,
      size: 0,
      lane: this.lane,
      intake: true,
      wantsDone: true,
      refused: this.#refused,
      durable: this,
      settle: (outcome, error) => {
        if (settled) return;
        settled = true;
        this.#settled(outcome, error);
      },
    };
    serve(this.#book.seat, delivery, this.header, this.#payload);
  };

  begun(): void {
    this.#begun = true;
  }

  commit(changes: readonly StoreChange[]): Promise<void> {
    const { kept, writer } = this.#host;
    if (!kept) return Promise.reject(new TightbeamError("invalid_argument", "There is nothing to commit to: give createAgent a store."));
    if (this.#over) return Promise.reject(new TightbeamError("invalid_argument", "This message is over: commit before its handler settles."));
    this.#commits++;
    return new Promise((resolve, reject) => {
      writer.add({
        changes: [...changes, ...this.#removeTry()],
        shared: this.#book,
        item: this,
        settled: (error) => {
          this.#commits--;
          if (error === undefined) {
            this.#committed = true;
            resolve();
          } else reject(error);
          if (this.#commits === 0) this.#waitsForCommit?.();
        },
      });
    });
  }

  #settled(outcome: Outcome, error: unknown): void {
    if (this.#over || this.#host.stopped()) return;
    if (this.#commits > 0) {
      this.#waitsForCommit = () => {
        this.#waitsForCommit = undefined;
        this.#settled(outcome, error);
      };
      return;
    }
    if (this.#committed) return this.#finish("ok");
    const verdict = judge(outcome, error, this.#begun, this.attempt, this.attempt >= this.#host.maxDeliveries);
    switch (verdict.is) {
      case "handled":
        return this.#mark();
      case "elsewhere":
        return this.#giveBack();
      case "retry":
        if (!verdict.counts) this.attempt--;
        return this.#retry(verdict.after);
      case "over":
        if (verdict.outcome === "no_handler") return this.#finish("no_handler");
        return this.#bury(verdict.code, verdict.cause, verdict.outcome);
    }
    // This agent ends: what it did not handle its sender keeps.
  }

  #mark(): void {
    const { writer, runtime } = this.#host;
    writer.add({
      changes: this.#removeTry(),
      shared: this.#book,
      item: this,
      settled: (error) => {
        if (error === undefined) this.#finish("ok");
        else if (writer.failed !== undefined) this.#giveBack();
        else this.#cancel = runtime.timers.after(limits.durableAgainMs, () => this.#host.stopped() || this.#mark());
      },
    });
  }

  #removeTry(): readonly StoreChange[] {
    return this.#book.tries.has(placeOf(this)) ? [{ remove: this.#book.tryKey(this) }] : [];
  }

  #retry(retryAfter: number): void {
    const { writer, kept, runtime } = this.#host;
    if (this.#book.tries.get(placeOf(this)) !== this.attempt && this.attempt > 0) {
      const change = this.#try(this.attempt);
      if (kept) writer.add({ changes: [change], settled: () => undefined });
    }
    const most = Math.min(limits.durableRetryMaxMs, limits.durableRetryMs * 4 ** Math.min(Math.max(this.attempt - 1, 0), 10));
    const [random = 0] = runtime.random.bytes(1);
    const ms = Math.max(retryAfter, most * (0.5 + random / 512));
    this.#cancel = runtime.timers.after(ms, this.#run);
  }

  /** Kept as a dead letter here, and marked, in one batch; without a store it is the sender who keeps it. */
  #bury(reason: ErrorCode, cause: string, outcome: "refused" | "dead_lettered"): void {
    const { writer, letters, runtime } = this.#host;
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
      envelope: encodeEnvelope(header, this.#payload),
      sender: letterPeerOf(this.#book.seat.peer),
    });
    const later = (): void => {
      this.#cancel = runtime.timers.after(limits.durableAgainMs, () => this.#host.stopped() || this.#bury(reason, cause, outcome));
    };
    if (letter instanceof TightbeamError) return later();
    writer.add({
      changes: [...(letter?.changes ?? []), ...this.#removeTry()],
      shared: this.#book,
      item: this,
      settled: (error) => {
        if (error === undefined) {
          letter?.committed();
          return this.#finish(letter === undefined ? "refused" : outcome);
        }
        letter?.abandoned();
        if (writer.failed !== undefined) this.#giveBack();
        else later();
      },
    });
  }

  /** Not now, not here: the sender sends it again. */
  #giveBack(): void {
    this.#end("again");
  }

  #finish(outcome: Outcome): void {
    const place = placeOf(this);
    this.#book.tries.delete(place);
    this.#book.remember(place, outcome);
    this.#end(outcome);
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancel?.();
    this.#book.held.delete(placeOf(this));
    this.#budget.give(this.#charged);
    for (const { delivery } of this.#deliveries) delivery.settle(outcome);
    this.#host.turns.leave(this);
    this.#host.onOver();
  }

  stop(): void {
    this.#cancel?.();
  }
}
