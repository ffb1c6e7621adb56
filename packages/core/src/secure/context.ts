import type { CryptoProvider, KeyPair } from "../crypto/provider.js";
import { TightbeamError } from "../errors.js";
import type { Identity, Trust } from "../identity/types.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Address } from "../transport/address.js";
import type { SessionLimits } from "./session.js";
import type { AnnouncedLimits, HandshakeCounters, LinkNegotiation, SuiteId } from "./types.js";

export interface HandshakesOptions {
  readonly runtime: Runtime;
  readonly identity: Identity;
  readonly trust: Trust;
  /** 22 base64url characters. */
  readonly instance: string;
  /** Own suites, preferred first. Default: the hybrid one only. */
  readonly suites?: readonly SuiteId[];
  /** What TLV 05 tells the peer. */
  readonly limits: AnnouncedLimits;
  /** Where first messages for this agent, and everything for this instance, arrive. */
  readonly addresses: { readonly agent: Address; readonly inbox: Address };
  /** Hands one frame to the transport. */
  readonly send: (to: Address, frame: Uint8Array) => Promise<void>;
  readonly link: LinkNegotiation;
  /** Keeps new session ids apart from those of live sessions. */
  readonly isSessionIdTaken?: (id: number) => boolean;
  /** DATA frames that came a little before their session was known, in order. Without it they are dropped, and resent by the peer's link. */
  readonly deliver?: (frame: Uint8Array) => void;
  /** Told what happened. What it throws is swallowed. */
  readonly onEvent?: (event: HandshakeEvent) => void;
  /** Told of each frame that was dropped, by the counter it counts in. Must not throw. */
  readonly onRefused?: (reason: string, peer?: string) => void;
  /** Defaults: limits.ts. */
  readonly localLimits?: Partial<HandshakeLimits>;
  /** Default: the best provider here. */
  readonly crypto?: CryptoProvider;
}

export interface HandshakeLimits extends Partial<SessionLimits> {
  readonly handshakeDeadlineMs: number;
  readonly handshakesPending: number;
  readonly handshakesPendingPerSource: number;
  readonly handshakeHeldFrames: number;
  readonly handshakeHeldBytes: number;
  readonly handshakeHeldMs: number;
  readonly hs2CacheMs: number;
  /** Lifetime of the X25519 key used inside Noise: at most 24 h. */
  readonly noiseKeyMs: number;
}

export type HandshakeEvent =
  | {
      readonly type: "established";
      readonly role: "initiator" | "responder";
      readonly peer: string;
      readonly instance: string;
      readonly suite: SuiteId;
      readonly ms: number;
    }
  | {
      readonly type: "failed";
      readonly role: "initiator" | "responder";
      /** The agent that was dialled, or (`responder`) that the caller says to be: neither is proved. */
      readonly peer: string;
      readonly error: TightbeamError;
    };

/** What both roles share. */
export interface Context {
  readonly runtime: Runtime;
  readonly identity: Identity;
  readonly trust: Trust;
  readonly instance: string;
  readonly suites: readonly SuiteId[];
  readonly announced: AnnouncedLimits;
  readonly addresses: HandshakesOptions["addresses"];
  readonly link: LinkNegotiation;
  readonly limits: HandshakeLimits;
  readonly crypto: CryptoProvider;
  readonly counters: HandshakeCounters;
  /** Counts a frame that was dropped, by reason. `peer`: the agent it says it is of, unproved. */
  refuse(reason: string, peer?: string): void;
  emit(event: HandshakeEvent): void;
  /** The X25519 key of the moment. */
  staticKey(): Promise<KeyPair>;
  /** Random, non-zero, below 2^53, used by no session and no handshake here. */
  newSessionId(): number;
  /** Sends and forgets: failures are counted, and nothing is sent while too much is under way. */
  sendQuietly(to: Address, frame: Uint8Array): void;
  send(to: Address, frame: Uint8Array): Promise<void>;
  deliver(frame: Uint8Array): void;
}

/** Any thrown value as one of ours. */
export function asTightbeamError(error: unknown, message: string): TightbeamError {
  return error instanceof TightbeamError ? error : new TightbeamError("handshake_failed", message, { cause: error, retryable: false });
}
