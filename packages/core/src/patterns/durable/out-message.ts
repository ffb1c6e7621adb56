import { TightbeamError } from "../../errors.js";
import type { Lane, MessageWatch, Outcome } from "../../link/message.js";
import type { Limit, Limited } from "../deadlines.js";
import { cancelled, outcomeUnknown } from "../operation.js";

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

/** A durable message on its sender's side, from its number to its DONE; those that do not fit into memory are made again when they are read. */
export class OutMessage implements MessageWatch, Limited {
  readonly lane: Lane;
  readonly number: number;
  /** As it is in the store (out-entry.ts), while it is in memory. */
  value: Uint8Array | undefined;
  /** What it takes of the agent's memory. */
  charged = 0;
  /** Handed to a link, this time or before. */
  again: boolean;
  /** DONE, refused, expired: nothing more happens to it. */
  over = false;
  readonly #owner: MessageOwner;
  #waiter: Waiter | undefined;
  #limit: Limit | undefined;

  constructor(owner: MessageOwner, lane: Lane, number: number, value: Uint8Array, again: boolean, waiter: Waiter | undefined) {
    this.#owner = owner;
    this.lane = lane;
    this.number = number;
    this.value = value;
    this.again = again;
    this.#waiter = waiter;
  }

  limit(limit: Limit): void {
    if (this.#waiter === undefined) limit.clear();
    else this.#limit = limit;
  }

  /** Somebody waits for its DONE: it stays in memory until then. */
  get awaited(): boolean {
    return this.#waiter !== undefined;
  }

  /** Out of memory: it is in the store, or over. */
  drop(): void {
    this.value = undefined;
    this.charged = 0;
  }

  /** It is in the store. */
  flushed(): void {
    if (this.#waiter?.confirm === undefined) this.settle(undefined);
  }

  received(): void {
    if (this.#waiter?.confirm === "received") this.settle(undefined);
  }

  done(outcome: Outcome): void {
    if (!this.over) this.#owner.onDone(this, outcome);
  }

  expired(): void {
    this.settle(
      new TightbeamError("timeout", "Nothing was confirmed in the time given. If the message is in the store it will be delivered all the same.", {
        retryable: false,
      }),
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
