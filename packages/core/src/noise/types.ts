import type { CryptoProvider, KeyPair } from "../crypto/index.js";
import type { Random } from "../runtime/index.js";
import type { CipherState } from "./cipher-state.js";

/**
 * One side of a Noise handshake (rev 34). A call that throws leaves everything as it was: after a forged or damaged message
 * the right one can still be read, and a failed write can be tried again.
 */
export interface Handshake {
  readonly protocol: string;
  readonly role: "initiator" | "responder";
  /** True after the last message's payload. */
  readonly finished: boolean;
  /** Whose turn it is; undefined when finished. */
  readonly next: "write" | "read" | undefined;
  /** A copy of h. Final, the same on both sides and usable as a channel binding (section 11.2) once `finished`. */
  readonly hash: Uint8Array;
  /** The peer's static public key once it is known. Whether it is the right one is for the caller to decide. */
  readonly remoteStaticKey: Uint8Array | undefined;
  /** Throws `too_large` above 65,535 bytes, `invalid_argument` out of turn, `internal` when the random generator fails. */
  writeMessage(payload?: Uint8Array): Uint8Array;
  /** The payload. Throws `malformed`, `auth` or `invalid_key`. */
  readMessage(message: Uint8Array): Uint8Array;
  /** `writeMessage` in two steps: the tokens, returning h just before the payload is encrypted (so the payload can sign it) ... */
  beginWrite(): Uint8Array;
  /** ... then the payload, returning the whole message. */
  endWrite(payload: Uint8Array): Uint8Array;
  /** `readMessage` in two steps: the tokens, returning h just before the payload ... */
  beginRead(message: Uint8Array): Uint8Array;
  /** ... then the payload. Only now has the message been authenticated and the state moved. */
  endRead(): Uint8Array;
  /** An independent copy while waiting for the peer's message, to try several answers. Copies refuse to write or split where it would use one key and nonce twice. */
  fork(): Handshake;
  /** HMAC-SHA256(ck, label || h): a secret for other uses than transport. After `finished`, before `split`; SHA256 protocols only. */
  exporter(label: string): Uint8Array;
  /** The two directions (section 5.2), once; erases ck and the ephemeral keys. One-way patterns have only one. */
  split(): { readonly send: CipherState | undefined; readonly receive: CipherState | undefined };
  /** `split` for transports that number their messages themselves: the raw keys. */
  splitKeys(): { readonly send: Uint8Array | undefined; readonly receive: Uint8Array | undefined };
  /** Erases the secrets of a handshake that is given up. Every later step throws. */
  erase(): void;
}

export interface HandshakeOptions {
  /** For example `Noise_XX_25519_ChaChaPoly_SHA256`. */
  readonly protocol: string;
  readonly role: "initiator" | "responder";
  /** What both sides must already agree on; authenticated, not sent. */
  readonly prologue?: Uint8Array;
  /** This side's static key, when the pattern has one for it. Kept by reference: using one object for many handshakes saves its import each time. */
  readonly staticKey?: KeyPair;
  /** The peer's static public key, exactly when the pattern knows it beforehand (NK, KK, XK, IK, N, K, X). */
  readonly remoteStaticKey?: Uint8Array;
  /** For test vectors. A fresh key is made otherwise, as it must be. */
  readonly ephemeralKey?: KeyPair;
  /** 32 bytes for each psk modifier, in order. */
  readonly psks?: readonly Uint8Array[];
  /** For test vectors: ML-KEM's seeds, d || z (64 bytes) and m (32 bytes). */
  readonly kem?: { readonly keygenSeed?: Uint8Array; readonly encapsSeed?: Uint8Array };
  /** Default: the system's generator. */
  readonly random?: Random;
  /** Default: native where it is faster, otherwise noble. */
  readonly crypto?: CryptoProvider;
}
