/**
 * Noise rev 34 by itself: a pure engine without I/O. Most applications want an agent instead; this is for those who build
 * another protocol on Noise, and for test vectors.
 */
export type { KeyPair } from "../crypto/index.js";
export { type CipherName, type CipherState, nonce, rekeyed } from "./cipher-state.js";
export { createHandshake } from "./create.js";
export type { Handshake, HandshakeOptions } from "./types.js";
