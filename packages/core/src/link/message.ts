import type { TightbeamError } from "../errors.js";

/** critical, high, normal, low. */
export type Lane = 0 | 1 | 2 | 3;
export const lanes: readonly Lane[] = [0, 1, 2, 3];

/** What became of a message on the other side (DONE). */
export type Outcome = "ok" | "refused" | "no_handler" | "dead_lettered" | "again";
/** By their numbers on the wire. The last two are for durable messages only: kept there as a dead letter; not taken now. */
export const outcomes: readonly Outcome[] = ["ok", "refused", "no_handler", "dead_lettered", "again"];

/** Told of the stages of one outgoing message. Every stage happens at most once; `lost` ends the list. */
export interface MessageWatch {
  /** The last fragment entered the window. */
  sealed?(): void;
  /** Every fragment was acknowledged: the message is in the peer's memory. */
  received?(): void;
  /** The peer's handler has settled. Only when `wantsDone`. */
  done?(outcome: Outcome): void;
  /** The link ended first. `sealed` says whether the peer may have the message. */
  lost?(error: TightbeamError, sealed: boolean): void;
}

export interface OutgoingMessage {
  /** The link's own from now on unless `kept`: large ones are freed as soon as the peer has them. */
  readonly bytes: Uint8Array;
  /** Who sends them may send them again: the link changes nothing of them and frees nothing. */
  readonly kept?: boolean;
  readonly lane: Lane;
  /** Counts against the peer's intake credit: requests, notifications, events. Everything else is control, or a part. */
  readonly intake: boolean;
  /** What a stream says, bounded by the stream's own credit: it needs no intake credit, and has no share in the reserve of control messages. */
  readonly part?: boolean;
  readonly wantsDone?: boolean;
  /** Somebody waits for `received`: the peer is asked to acknowledge at once, and not when its timer says so. */
  readonly wantsAck?: boolean;
  readonly watch?: MessageWatch | undefined;
}

/** A message that was accepted. */
export interface Sent {
  /** Gives it up: true when nothing of it will reach the peer's application. */
  giveUp(): boolean;
}

/** A message that arrived whole and in the order of its lane. */
export interface Delivery {
  /** Less than half of its buffer: good until `deliver` returns, when the record they lie in is freed. Otherwise the receiver's own. */
  readonly bytes: Uint8Array;
  /** Of the whole message, also where it was refused. */
  readonly size: number;
  readonly lane: Lane;
  readonly intake: boolean;
  readonly wantsDone: boolean;
  /** Why the bytes are only the first fragment: the message was larger than announced, or memory was short. */
  readonly refused: "too_large" | "overloaded" | undefined;
  /** Returns the intake credit and sends DONE where it was asked for. Idempotent. `error`: why, for whoever stands between the link and the handler. */
  settle(outcome: Outcome, error?: unknown): void;
  /** Of a durable message. */
  readonly durable?: DurableDelivery;
}

/** What a handler of a durable message can do beside settling. */
export interface DurableDelivery {
  /** Which try this is, from 1. */
  readonly attempt: number;
  /** Its handler, or what stands before it, begins. */
  begun(): void;
  /** Keeps a state in the one batch that says that the message was handled. Resolves when that is flushed. */
  commit(state: unknown, options: NamedCommit): Promise<void>;
}

/** Where a state is kept, and how many versions of it. */
export interface NamedCommit {
  readonly name: string;
  readonly keep?: number | undefined;
}
