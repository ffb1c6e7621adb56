import type { EncodedPayload } from "../../codec/types.js";
import type { TightbeamError } from "../../errors.js";
import type { Outcome } from "../../link/message.js";
import type { Call } from "../answering/running-calls.js";

export interface IdempotencyOptions {
  /** ms that a reply is kept. Default 24 h. */
  readonly keep?: number | undefined;
  /** Keys of one peer agent: with more of them the oldest replies go. Default 100,000; at most 1,000,000. */
  readonly keys?: number | undefined;
  /** ms for which a reply never goes, whatever else comes: for as long new keys are refused (`overloaded`) when there is no room. Default 5 minutes. */
  readonly live?: number | undefined;
  /** Bytes of all replies, each key 512 more; one peer agent's at most half. Default 256 MiB; 128 MiB without a store. */
  readonly bytes?: number | undefined;
}

/** What the server does for calls with an idempotency key. */
export interface KeyedHost {
  /** It begins when there is a place for it. `late`: it waited, so that its permission and its time are looked at again. */
  start(call: Call, payload: EncodedPayload | undefined, late: boolean): void;
  /** It is over: whoever asked is told. */
  conclude(call: Call, outcome: Outcome, payload: EncodedPayload | undefined, error: unknown): void;
  /** It waits: it is found by its id, and counts as something that is not over. */
  hold(call: Call): void;
  /** It is over without a word. */
  drop(call: Call, reason: TightbeamError): void;
  /** Its handler's signal fires. */
  fire(call: Call, reason: TightbeamError): void;
}

/** Calls with an idempotency key: the same key runs once, and the others get its reply. */
export interface KeyedCalls {
  take(call: Call, payload: EncodedPayload | undefined): void;
  /** What became of a call that began, or could not. */
  ended(call: Call, outcome: Outcome, payload: EncodedPayload | undefined, error: unknown): void;
  /** Whoever asked waits no longer, or (`closing`) this agent ends. True when that is all; false: its handler should know. */
  left(call: Call, reason: TightbeamError, closing: boolean): boolean;
}

/** What is said again to whoever repeats. */
export interface KeptReply {
  readonly outcome: "ok" | "failed";
  /** Of a request that went well. */
  readonly payload: EncodedPayload | undefined;
  readonly error: TightbeamError | undefined;
}
