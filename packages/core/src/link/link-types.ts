import type { ErrorCode, TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import type { AnnouncedLimits, Established, Peer } from "../secure/types.js";
import type { Transport } from "../transport/transport.js";
import type { MemoryShare } from "./budget.js";
import type { CellBuffer } from "./cells.js";
import type { ConversationCounters } from "./conversation.js";
import type { Delivery, OutgoingMessage, Sent } from "./message.js";
import type { LinkSession } from "./sessions.js";

/** up: usable. suspect: the peer is silent with something pending. down: our own transport is. ended: for good. */
export type LinkState = "up" | "suspect" | "down" | "ended";

/** The lasting, reliable conversation between this instance and one instance of a peer. It outlives connections and sessions. */
export interface Link {
  /** Authenticated; its permissions are those of the newest session. */
  readonly peer: Peer;
  readonly state: LinkState;
  /** Requests of ours that wait for their reply here, and streams of ours that go on. The caller counts them: the next one goes where there are fewest, and while there are any a silent peer is asked. */
  awaited: number;
  /** The peer said that it takes no more requests for now: others are asked before it. The caller sets it. */
  declines: boolean;
  /** What the peer's agent may hold of this agent's memory, over all its links: also for what patterns keep for it. */
  readonly budget: MemoryShare;
  /** Peer's wall clock minus ours, ms: by the last PONG, before one by the handshake. */
  clockOffset(): number;
  /** Measures it again: what came does not fit it. */
  askClock(): void;
  /** Queues a message. Throws the link's end, or `overloaded` when the agent's memory budget is used up. */
  send(message: OutgoingMessage): Sent;
  /** Queues an intake message if it would go with the very next record; false, and nothing queued, otherwise. */
  offer(message: OutgoingMessage): boolean;
  status(): LinkStatus;
  /** Tells the peer and ends. What is pending settles with `closed`. Idempotent. */
  close(code?: ErrorCode): void;
  /** Settles when all that was accepted is acknowledged, or the link ended. */
  drained(): Promise<void>;
}

export interface LinkStatus {
  readonly peer: { readonly id: string; readonly instance: string; readonly issuer: string; readonly thumbprint: string };
  readonly state: LinkState;
  readonly suite: number | undefined;
  readonly generation: number;
  readonly epoch: { readonly send: number; readonly receive: number } | undefined;
  readonly sessions: number;
  /** Requests of ours that wait for their reply, and streams of ours that go on. */
  readonly awaited: number;
  /** Smoothed, ms. */
  readonly roundTrip: number;
  /** Messages that wait to be sent. */
  readonly queue: { readonly critical: number; readonly high: number; readonly normal: number; readonly low: number };
  /** Messages (and parts of streams) that were sent and are not acknowledged, their bytes, and how many of these there may be now: the congestion window. */
  readonly inFlight: { readonly messages: number; readonly bytes: number; readonly limit: number };
  /** Requests, notifications and events that the peer's application takes beyond those that were sent; the critical lane has more of its own. */
  readonly credit: { readonly messages: number; readonly bytes: number };
  readonly counters: ConversationCounters;
}

export interface LinkOptions {
  readonly runtime: Runtime;
  readonly transport: Transport;
  readonly own: AnnouncedLimits;
  readonly ownInstance: string;
  readonly budget: MemoryShare;
  /** Shared by all links of an agent: filled and sealed within one call. */
  readonly scratch: CellBuffer;
  readonly goneAfterMs: number;
  readonly taps: LinkTaps;
  readonly onDelivery: (link: LinkEnd, delivery: Delivery) => void;
  readonly onState: (link: LinkEnd, state: LinkState) => void;
  readonly onEnded: (link: LinkEnd, error: TightbeamError, undelivered: number) => void;
  readonly onSessionEnded: (session: LinkSession) => void;
  /** A new handshake with the same instance is due. */
  readonly onRenew: (link: LinkEnd) => void;
}

/** A link with the members only the table of links uses. */
export interface LinkEnd extends Link {
  /** A finished handshake gives the link another session, and the peer's newest token. */
  attach(established: Established, generation: number, peerNext: readonly number[]): LinkSession;
  /** One DATA frame of one of its sessions. */
  receive(session: LinkSession, frame: Uint8Array): void;
  transportChanged(state: "up" | "down"): void;
  /** `code`: what the peer is told, if it can be told. */
  end(error: TightbeamError, code?: ErrorCode): void;
  /** After the end: settles when the peer has answered our CLOSE, or nothing more will be said. */
  farewell(): Promise<void>;
  /** Of the session both sides send on. */
  generation(): number;
  /** Per lane: what we expect from the peer, what we send next, and up to where the peer has acknowledged. */
  next(): { readonly expected: readonly number[]; readonly toSend: readonly number[]; readonly acknowledged: readonly number[] };
}

/** Whom an operation is for: any healthy instance of an agent, or one. */
export interface LinkTarget {
  readonly id: string;
  readonly instance?: string;
}

/** Messages of one link that went into a frame whole, until the transport has taken it. */
export type SealedMessages = { sent(): void }[];

/** Watches links while somebody listens. Throws nothing. */
export interface LinkTap {
  /** A frame was filled: the messages whose last part is in it, after those that an earlier one did not bring out. */
  filled(link: Link, live: LinkSession, before: SealedMessages | undefined): SealedMessages | undefined;
  /** A session began; `first`: with it the link. */
  attached(link: Link, live: LinkSession, first: boolean): void;
  /** A frame for this session did not open. */
  unopened(link: Link, live: LinkSession): void;
  /** A frame was dropped that is for no session, by the counter of `HandshakeCounters.refused`. */
  refused(reason: string, peer?: string): void;
}

/** Where links look whether somebody listens: one load and one branch while nobody does. */
export interface LinkTaps {
  link: LinkTap | undefined;
}
