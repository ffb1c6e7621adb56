import type { TightbeamError } from "../errors.js";
import type { AnnouncedLimits } from "../secure/types.js";
import type { MemoryBudget } from "./budget.js";
import type { CellBuffer } from "./cells.js";
import type { Delivery, OutgoingMessage } from "./message.js";
import type { ReceivedCounter } from "./order.js";

/** What a conversation asks of the link around it. Called synchronously, mostly from within `receive`; must not throw. */
export interface ConversationSink {
  deliver(delivery: Delivery): void;
  /** The peer ended the link, or broke the protocol. */
  ended(code: string, byPeer: boolean): void;
  /** There is something to send now that was not asked for by `send`. */
  wake(): void;
}

export interface ConversationOptions {
  readonly own: AnnouncedLimits;
  readonly peer: AnnouncedLimits;
  readonly budget: MemoryBudget;
  readonly goneAfterMs: number;
  readonly sink: ConversationSink;
}

/**
 * The reliable, prioritised conversation of two instances: pure, synchronous, without a session or a timer of its own.
 * Messages in, plaintext records out; plaintext records in, messages out. It goes on over any number of sessions.
 * Times are monotonic ms given by the caller.
 */
export interface Conversation {
  /** Queues a message; undefined when the memory budget has no room for it. Returns a function that gives it up: true when nothing of it will reach the peer's application. */
  send(message: OutgoingMessage): (() => boolean) | undefined;
  /** Fills the buffer with the next record, at most `room` bytes. 0 = nothing to send now, else call `sent` or `notSent` right after. */
  fill(buffer: CellBuffer, room: number, counter: ReceivedCounter, now: number, wall: number): number;
  sent(session: object, counter: number, now: number): void;
  notSent(): void;
  /** Takes an authenticated record. False when it broke the protocol: the link has then ended. */
  receive(record: Uint8Array, session: object, counter: ReceivedCounter, value: number, now: number, wall: number): boolean;
  /** When `tick` has something to do, or Infinity. While `paused`, only what needs no network. */
  deadline(paused: boolean): number;
  tick(now: number): void;
  /** The transport is up again: ask at once whether the peer is there. */
  probe(now: number): void;
  /** The next record, and no other, says that the link ends; nothing but its acknowledgements goes with it. */
  close(code: string): void;
  health(now: number): { readonly suspect: boolean; readonly gone: boolean; readonly probes: number };
  /** `fill` has not been asked since something changed that may give it a record. */
  readonly wantsToSend: boolean;
  /** Everything accepted was acknowledged. */
  readonly idle: boolean;
  readonly next: { readonly expected: readonly number[]; readonly toSend: readonly number[]; readonly acknowledged: readonly number[] };
  /** A new session's LINK said what the peer has. */
  acknowledgeBelow(next: readonly number[], now: number): void;
  readonly counters: ConversationCounters;
  /** Peer's wall clock minus ours in ms, by the last PONG; undefined before one. */
  readonly clockOffset: number | undefined;
  /** Ends everything: settles every watch with the error. Returns how many messages were never acknowledged. */
  end(error: (sealed: boolean) => TightbeamError): number;
}

export interface ConversationCounters {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly cellsSent: number;
  readonly cellsResent: number;
  readonly duplicates: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly unacknowledgedBytes: number;
  readonly heldBytes: number;
  readonly roundTrip: number;
  readonly congestionWindow: number;
  /** Peer's wall clock minus ours in ms, by the last PONG; undefined before one. */
  readonly clockOffset: number | undefined;
}
