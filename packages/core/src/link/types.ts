import type { TightbeamError } from "../errors.js";
import type { AnnouncedLimits } from "../secure/types.js";
import type { MemoryBudget } from "./budget.js";
import type { Ack, CellBuffer } from "./cells.js";
import type { SendCredits } from "./credit.js";
import type { Lanes, Queued } from "./lanes.js";
import type { Delivery, OutgoingMessage, Sent } from "./message.js";
import type { ReceivedCounter } from "./order.js";
import type { Pace } from "./pace.js";
import type { Probe } from "./probe.js";

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
  /** Queues a message; undefined when the memory budget has no room for it. */
  send(message: OutgoingMessage): Sent | undefined;
  /** Queues an intake message that nothing holds back, if the next record has room for it and for all that waits before it. */
  offer(message: OutgoingMessage): boolean;
  /** Fills the buffer with the next record, at most `room` bytes. 0 = nothing to send now, else call `sent` or `notSent` right after. */
  fill(buffer: CellBuffer, room: number, counter: ReceivedCounter, now: number, wall: number): number;
  sent(session: object, counter: number, now: number): void;
  notSent(): void;
  /** Takes an authenticated record. False when it broke the protocol: the link has then ended. */
  receive(record: Uint8Array, session: object, counter: ReceivedCounter, value: number, now: number, wall: number): boolean;
  /** Requests sent in it that wait for their reply: while there are any, silence is not idleness. */
  awaited: number;
  /** Something of the record just received is still in use: a message that came whole is a view of it. */
  readonly keepsRecord: boolean;
  /** When `tick` has something to do, or Infinity. While `paused`, only what needs no network. */
  deadline(paused: boolean): number;
  /** When the peer's silence makes it suspect, or Infinity. */
  readonly suspectAt: number;
  tick(now: number): void;
  /** Of the peer, and told of when the transport is down. */
  readonly silence: Pick<Probe, "pause" | "mute">;
  /** The transport is up again: ask at once whether the peer is there. */
  probe(now: number): void;
  /** The next record, and no other, says that the link ends; nothing but its acknowledgements goes with it. */
  close(code: string): void;
  health(now: number): { readonly suspect: boolean; readonly gone: boolean; readonly probes: number };
  /** `fill` has not been asked since something changed that may give it a record. */
  readonly wantsToSend: boolean;
  /** The ACK of what came is due. */
  readonly owesAck: boolean;
  /** Messages were sent that the peer has not acknowledged. */
  readonly unacknowledged: boolean;
  /** Everything accepted was acknowledged. */
  readonly idle: boolean;
  readonly next: { readonly expected: readonly number[]; readonly toSend: readonly number[]; readonly acknowledged: readonly number[] };
  /** A new session's LINK said what the peer has. */
  acknowledgeBelow(next: readonly number[], now: number): void;
  readonly counters: ConversationCounters;
  readonly load: ConversationLoad;
  /** Peer's wall clock minus ours in ms, by the last PONG; undefined before one. */
  readonly clockOffset: number | undefined;
  /** The next record asks the peer for its clock. */
  askClock(): void;
  /** Ends everything: settles every watch with the error. Returns how many messages were never acknowledged. */
  end(error: (sealed: boolean) => TightbeamError): number;
}

/** What waits, and what may go. */
export interface ConversationLoad {
  /** By lane: messages that wait to be sent. */
  readonly queue: readonly number[];
  /** Messages and parts of streams that were sent and are not acknowledged. */
  readonly inFlight: number;
  /** What the peer's application takes of requests, notifications and events beyond those that were sent. */
  readonly credit: { readonly messages: number; readonly bytes: number };
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

export interface SendWindow {
  /** True when so many new cells of so many bytes are held back neither by the window nor by lost ones that go first. */
  takes(cells: number, bytes: number): boolean;
  /** Puts lost cells, then new ones, into the buffer, up to `room` bytes. Returns where the next cell goes. */
  fill(buffer: CellBuffer, at: number, room: number): number;
  /** Puts the oldest unacknowledged cell again, whatever the window says. Returns `at` when there is none. */
  fillProbe(buffer: CellBuffer, at: number, room: number): number;
  /** The record just filled went out under this counter. `eliciting`: it asks for an acknowledgement even without cells. Returns whether it asks. */
  sent(session: object, counter: number, now: number, eliciting: boolean): boolean;
  /** The record just filled was not sent: its cells go again. */
  notSent(): void;
  acknowledge(ack: Ack, session: object, now: number): void;
  /** The peer said by other means (LINK) that everything below has come. */
  acknowledgeBelow(next: readonly number[], now: number): void;
  /** Judges losses that have become due. */
  judge(now: number): void;
  /** When `judge` has something to do, or Infinity. */
  readonly judgeAt: number;
  /** Something sent waits for an acknowledgement. */
  readonly outstanding: boolean;
  readonly hasLost: boolean;
  readonly unacknowledgedBytes: number;
  readonly resent: number;
  readonly cellsSent: number;
  /** Next sequence to be given, per lane; and the lowest unacknowledged one. */
  readonly nextToSend: readonly number[];
  readonly acknowledgedBelow: readonly number[];
  /** Messages with unacknowledged cells, each once. */
  pending(): Queued[];
}

/** Told about messages as their fragments enter and leave the window. */
export interface SendWindowSink {
  /** The last fragment has this sequence. */
  sealed(message: Queued, sequence: number): void;
  /** Every fragment was acknowledged. */
  acknowledged(message: Queued): void;
}

export interface SendWindowOptions {
  readonly lanes: Lanes;
  readonly pace: Pace;
  readonly credit: SendCredits;
  readonly sink: SendWindowSink;
}
