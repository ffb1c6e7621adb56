import type { VerifiedToken } from "../identity/types.js";
import type { Address } from "../transport/address.js";

export type SuiteId = 0x0101 | 0x0001;

/** TLV 05: what a side announces about itself, authenticated by the handshake. */
export interface AnnouncedLimits {
  readonly maxMessageBytes: number;
  /** Intake credit before the first CREDIT cell: messages and bytes, as absolute totals. */
  readonly intakeCount: number;
  readonly intakeBytes: number;
}

/** The other side of a finished handshake. Everything here is authenticated. */
export interface Peer {
  readonly id: string;
  readonly instance: string;
  /** `inbox/<id>/<instance>`. */
  readonly inbox: Address;
  readonly issuer: string;
  readonly thumbprint: string;
  readonly permissions: readonly string[];
  readonly limits: AnnouncedLimits;
  /** Peer's wall clock minus ours in ms, from TLV 04: off by up to one way of the network. */
  readonly clockOffset: number;
  readonly token: VerifiedToken;
}

/** One set of keys. Seals and opens DATA frames; fails closed. Holds no queue and starts no timer. */
export interface Session {
  /** Our id: the peer writes it into the frames it sends us. Below 2^53. */
  readonly localId: number;
  readonly suite: SuiteId;
  /** Channel binding: the final handshake hash, 32 bytes. */
  readonly hash: Uint8Array;
  readonly exporter: Uint8Array;
  readonly epoch: { readonly send: number; readonly receive: number };
  readonly counters: SessionCounters;
  /** The counter of the frame `seal` made last, and of the frame `open` accepted last. */
  readonly lastSealed: number;
  readonly lastOpened: number;
  /** There is time before the next frame each way: does now what that saves then. */
  prepare(): void;
  /** One DATA frame, with `front` bytes (default 0) free before it in its buffer. Throws `session_ended` past the hard limits or after `end()`. */
  seal(plaintext: Uint8Array, front?: number): Uint8Array;
  /** The plaintext, or undefined for anything that is not fresh, whole and from the peer; then only a counter has moved. */
  open(frame: Uint8Array): Uint8Array | undefined;
  /** True once so many frames failed, or so many were sealed, that no more will be accepted. */
  readonly ended: boolean;
  /** Erases the keys. Idempotent. */
  end(): void;
}

export interface SessionCounters {
  sealed: number;
  sealedBytes: number;
  opened: number;
  openedBytes: number;
  refused: { malformed: number; replayed: number; epoch: number; auth: number };
}

/** A finished handshake, READY included. */
export interface Established {
  readonly role: "initiator" | "responder";
  readonly session: Session;
  readonly peer: Peer;
  /** The peer's LINK value (TLV 08 of message 3, or READY's). */
  readonly link: Uint8Array;
  /** `h` at the proof of message 3, and the final hash: what resume MACs are made over (PROTOCOL 6). */
  readonly proofHash: Uint8Array;
  /** READY's verdict. */
  readonly continued: boolean;
  /** Cells that shared the record with READY (initiator only), possibly empty. */
  readonly cells: Uint8Array;
}

/** The link layer's side of a handshake; opaque bytes to `secure/`. */
export interface LinkNegotiation {
  /** Initiator: the LINK value of message 3. `h` is the proof's. Throws to give up. */
  offer(peer: Peer, h: Uint8Array): Uint8Array;
  /** Responder, after message 3 was verified in full: the LINK value and verdict of READY. Throws to refuse. */
  accept(peer: Peer, offered: Uint8Array, h: Uint8Array, finalHash: Uint8Array): { readonly continued: boolean; readonly link: Uint8Array };
  /** Responder: called right after `accept`, before READY is sent. Traffic may be sent as soon as this returns to the driver and READY is out (the driver calls `ready`). */
  established(established: Established): void;
}

/** Runs handshakes in both roles. Owns their timers, tables and limits; never holds application data. */
export interface Handshakes {
  /** Dials `agent/<id>` or `inbox/<id>/<instance>`. Settles when READY came. Rejects with `no_answer`, `wrong_peer`, `self`, `handshake_failed`, a transport error, or the signal's reason. Retries with new keys until `timeout` (ms). */
  dial(to: Address, options: { readonly timeout: number; readonly signal?: AbortSignal }): Promise<Established>;
  /** Asks the group behind `agent/<id>` so many times who is there. `found` gets each instance that answers within 2 s, perhaps repeatedly: an unproven hint, worth one dial. */
  ask(to: Address, times: number, found: (instance: string) => void): void;
  /** Any frame that is not for a live session: HS1, HS2, HS3, RETRY, and DATA for a session still waiting for READY or for its HS3 check. `at` is the subscription it came from. Never throws. Returns false when nothing here knew it. */
  receive(at: Address, frame: Uint8Array): boolean;
  readonly counters: HandshakeCounters;
  close(): void;
}

export interface HandshakeCounters {
  started: number;
  established: number;
  failed: number;
  retrySent: number;
  refused: Record<string, number>;
}
