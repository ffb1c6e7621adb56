import type { Hs1 } from "../frame/frame.js";
import type { Handshake } from "../noise/types.js";
import type { Address } from "../transport/address.js";
import type { HeldFrames } from "./held.js";
import type { Session, SuiteId } from "./types.js";

/** Between HS1 and READY. */
export interface Pending {
  readonly localId: number;
  readonly hs1: Hs1;
  readonly replyTo: Address;
  readonly suite: SuiteId;
  readonly started: number;
  readonly held: HeldFrames;
  /** Both set when HS2 went out. */
  handshake: Handshake | undefined;
  hs2: Answer | undefined;
  /** Set when an HS3 was decrypted and its claims are being checked. */
  hs3Hash: Uint8Array | undefined;
  leave(): void;
}

/** An HS2 that went out, for repeated HS1s. */
export interface Answer {
  readonly frame: Uint8Array;
  readonly replyTo: Address;
  left: number;
}

/** After READY: what a repeated HS3 needs. */
export interface Finished {
  readonly hs3Hash: Uint8Array;
  readonly replyTo: Address;
  readonly ready: Uint8Array;
  readonly session: Session;
  left: number;
}
