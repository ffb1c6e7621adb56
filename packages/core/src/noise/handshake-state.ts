import { isZero, type Reader } from "../bytes.js";
import type { DiffieHellman, Kem, KeyPair } from "../crypto/index.js";
import * as kemBytes from "../crypto/kem-bytes.js";
import { TightbeamError } from "../errors.js";
import type { Random } from "../runtime/index.js";
import type { Token } from "./patterns.js";
import type { SymmetricState } from "./symmetric-state.js";

export const dhBytes = 32;

/** What stays the same through a handshake. */
export interface HandshakeContext {
  readonly initiator: boolean;
  readonly dh: DiffieHellman;
  readonly kem: Kem | undefined;
  readonly random: Random;
  readonly psks: readonly Uint8Array[];
  /** Section 9.2: with psk tokens, `e` is also mixed into the key. */
  readonly pskMode: boolean;
  readonly fixedEphemeral: KeyPair | undefined;
  readonly keygenSeed: Uint8Array | undefined;
  readonly encapsSeed: Uint8Array | undefined;
  /** Draw ML-KEM's m from `random` rather than leave it to a native implementation. */
  readonly injectM: boolean;
}

/** A key of one handshake and its forks. Shared, because importing a copy would cost as much as making it; the last holder erases it. */
export interface HeldPair extends KeyPair {
  holders: number;
}

/** What a message changes (section 5.3). Work happens on a shallow copy: arrays in it are replaced, never written. */
export interface HandshakeKeys {
  readonly s: KeyPair | undefined;
  e: HeldPair | undefined;
  rs: Uint8Array | undefined;
  re: Uint8Array | undefined;
  e1: HeldPair | undefined;
  re1: Uint8Array | undefined;
  psksUsed: number;
}

export interface HandshakeData {
  readonly symmetric: SymmetricState;
  readonly keys: HandshakeKeys;
}

/** Randomness for one key. Fails closed: a generator that throws, runs short or returns zeros ends the attempt. */
function draw(random: Random, length: number): Uint8Array {
  let bytes: unknown;
  try {
    bytes = random.bytes(length);
  } catch (cause) {
    throw new TightbeamError("internal", "the random generator failed: no key can be made", { cause });
  }
  if (!(bytes instanceof Uint8Array) || bytes.length !== length || isZero(bytes)) {
    throw new TightbeamError("internal", "the random generator failed: no key can be made");
  }
  return bytes;
}

function held<T>(value: T | undefined): T {
  if (value === undefined) throw new TightbeamError("internal", "a Noise pattern used a key before it was there");
  return value;
}

/** The DH of a token: its first letter is the initiator's key, its second the responder's (section 7.1). */
function agreed(context: HandshakeContext, keys: HandshakeKeys, token: "ee" | "es" | "se" | "ss"): Uint8Array {
  const own = context.initiator ? token[0] : token[1];
  const theirs = context.initiator ? token[1] : token[0];
  return context.dh.shared(held(own === "e" ? keys.e : keys.s).secretKey, held(theirs === "e" ? keys.re : keys.rs));
}

/** Tokens that do the same on both sides. */
function mix(context: HandshakeContext, { symmetric, keys }: HandshakeData, token: "ee" | "es" | "se" | "ss" | "psk"): void {
  if (token === "psk") {
    symmetric.mixKeyAndHash(held(context.psks[keys.psksUsed]));
    keys.psksUsed++;
    return;
  }
  const secret = agreed(context, keys, token);
  symmetric.mixKey(secret);
  secret.fill(0);
}

function mixEphemeral(context: HandshakeContext, symmetric: SymmetricState, publicKey: Uint8Array): void {
  symmetric.mixHash(publicKey);
  if (context.pskMode) symmetric.mixKey(publicKey);
}

/** WriteMessage's tokens, section 5.3. Returns what goes on the wire. */
export function writeToken(context: HandshakeContext, data: HandshakeData, token: Token): Uint8Array | undefined {
  const { symmetric, keys } = data;
  switch (token) {
    case "e": {
      keys.e = context.fixedEphemeral === undefined ? ephemeral(context) : heldPair(context.fixedEphemeral, context.fixedEphemeral.secretKey.slice());
      mixEphemeral(context, symmetric, keys.e.publicKey);
      return keys.e.publicKey;
    }
    case "s":
      return symmetric.encryptAndHash(held(keys.s).publicKey);
    case "e1": {
      const seed = context.keygenSeed ?? draw(context.random, kemBytes.seed);
      keys.e1 = heldPair(held(context.kem).keyPair(seed));
      if (seed !== context.keygenSeed) seed.fill(0);
      return symmetric.encryptAndHash(keys.e1.publicKey);
    }
    case "ekem1": {
      const m = context.encapsSeed ?? (context.injectM ? draw(context.random, kemBytes.m) : undefined);
      const { ciphertext, sharedSecret } = held(context.kem).encapsulate(held(keys.re1), m);
      const sent = symmetric.encryptAndHash(ciphertext);
      symmetric.mixKey(sharedSecret);
      sharedSecret.fill(0);
      return sent;
    }
    default:
      mix(context, data, token);
      return undefined;
  }
}

const heldPair = ({ publicKey, secretKey }: KeyPair, own = secretKey): HeldPair => ({ publicKey, secretKey: own, holders: 1 });

/** For one more handshake. */
export function share(keys: HandshakeKeys): HandshakeKeys {
  if (keys.e !== undefined) keys.e.holders += 1;
  if (keys.e1 !== undefined) keys.e1.holders += 1;
  return { ...keys };
}

export function release({ e, e1 }: HandshakeKeys): void {
  for (const pair of [e, e1]) if (pair !== undefined && --pair.holders === 0) pair.secretKey.fill(0);
}

/** What a message that is given up has made, beside `kept`. */
export function releaseMade(made: HandshakeKeys, kept: HandshakeKeys): void {
  for (const name of ["e", "e1"] as const) if (made[name] !== kept[name]) made[name]?.secretKey.fill(0);
}

function ephemeral(context: HandshakeContext): HeldPair {
  const secret = draw(context.random, dhBytes);
  const pair = context.dh.keyPair(secret);
  secret.fill(0);
  return heldPair(pair);
}

/** ReadMessage's tokens, section 5.3. */
export function readToken(context: HandshakeContext, data: HandshakeData, token: Token, message: Reader): void {
  const { symmetric, keys } = data;
  switch (token) {
    case "e":
      keys.re = message.bytes(dhBytes);
      mixEphemeral(context, symmetric, keys.re);
      return;
    case "s":
      keys.rs = symmetric.decryptAndHash(message.view(dhBytes + symmetric.overhead));
      return;
    case "e1":
      keys.re1 = symmetric.decryptAndHash(message.view(kemBytes.publicKey + symmetric.overhead));
      return;
    case "ekem1": {
      const ciphertext = symmetric.decryptAndHash(message.view(kemBytes.ciphertext + symmetric.overhead));
      const secret = held(context.kem).decapsulate(held(keys.e1).secretKey, ciphertext);
      symmetric.mixKey(secret);
      secret.fill(0);
      return;
    }
    default:
      mix(context, data, token);
  }
}
