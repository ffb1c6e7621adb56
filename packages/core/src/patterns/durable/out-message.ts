import { TightbeamError } from "../../errors.js";
import type { Lane, MessageWatch, Outcome } from "../../link/message.js";
import type { Limit, Limited } from "../asking/deadlines.js";
import { cancelled, outcomeUnknown } from "../asking/operation.js";
import type { OutSegment } from "./out-segment.js";

/** A message that is to be accepted, as the application gave it. */
export interface Draft {
  /** Its envelope with this number and floor, and where in it they are. */
  encode(number: number, floor: number): { readonly envelope: Uint8Array; readonly at: number; readonly expires: number };
}

/** Who waits for a durable message, and for what. */
export interface Waiter {
  readonly confirm: "received" | "done" | undefined;
  readonly resolve: () => void;
  readonly reject: (error: TightbeamError) => void;
}

/** What becomes of a message is told to whoever keeps it. */
export interface MessageOwner {
  onDone(message: OutMessage, outcome: Outcome): void;
}

/** A durable message on its sender's side, from its number to its DONE; one that is on disk alone is made again when it is read. */
export class OutMessage implements MessageWatch, Limited {
  readonly lane: Lane;
  readonly number: number;
  /** Where its bytes are, while they are in memory. */
  segment: OutSegment | undefined;
  start: number;
  /** What it takes of the agent's memory. */
  charged = 0;
  /** Handed to a link, this time or before. */
  again: boolean;
  /** DONE, refused, expired: nothing more happens to it. */
  over = false;
  readonly #owner: MessageOwner;
  #waiter: Waiter | undefined;
  #limit: Limit | undefined;

  constructor(owner: MessageOwner, number: number, segment: OutSegment, start: number, again: boolean, waiter: Waiter | undefined) {
    this.#owner = owner;
    this.lane = segment.lane;
    this.number = number;
    this.segment = segment;
    this.start = start;
    this.again = again;
    this.#waiter = waiter;
  }

  limit(limit: Limit): void {
    if (this.#waiter === undefined) limit.clear();
    else this.#limit = limit;
  }

  /** Somebody waits for what becomes of it. */
  get awaited(): boolean {
    return this.#waiter !== undefined;
  }

  /** Somebody waits for its acknowledgement. */
  get wantsAck(): boolean {
    return this.#waiter?.confirm === "received";
  }

  /** Its bytes leave memory: they are in the store, or it is over. */
  drop(): void {
    this.segment = undefined;
    this.charged = 0;
  }

  /** It is in the store. */
  flushed(): void {
    if (this.#waiter !== undefined && this.#waiter.confirm === undefined) this.settle(undefined);
  }

  received(): void {
    if (this.wantsAck) this.settle(undefined);
  }

  done(outcome: Outcome): void {
    if (!this.over) this.#owner.onDone(this, outcome);
  }

  expired(): void {
    this.settle(
      new TightbeamError("timeout", "Nothing was confirmed in the time given: what is in the store by then is delivered all the same.", { retryable: false }),
    );
  }

  aborted(signal: AbortSignal): void {
    this.settle(outcomeUnknown("Nobody waits any longer", {}, cancelled(signal)));
  }

  settle(error: TightbeamError | undefined): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = undefined;
    this.#limit?.clear();
    this.#limit = undefined;
    if (error === undefined) waiter.resolve();
    else waiter.reject(error);
  }
}
