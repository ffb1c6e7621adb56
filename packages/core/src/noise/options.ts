import { type CryptoProvider, type KeyPair, kemBytes, loadCrypto, loadKem } from "../crypto/index.js";
import { TightbeamError } from "../errors.js";
import { type Random, systemRuntime } from "../runtime/index.js";
import { dhBytes, type HandshakeContext, type HandshakeKeys } from "./handshake-state.js";
import { type Protocol, parseProtocolName } from "./protocol-name.js";
import type { Primitives } from "./symmetric-state.js";

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

export interface Prepared {
  readonly protocol: Protocol;
  readonly primitives: Primitives;
  readonly context: HandshakeContext;
  readonly keys: HandshakeKeys;
  readonly prologue: Uint8Array;
}

const wrong = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);

function checkBytes(value: unknown, length: number | undefined, what: string): void {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) {
    throw wrong(length === undefined ? `${what} must be a Uint8Array` : `${what} must be a Uint8Array of ${length} bytes`);
  }
}

function checkPair(pair: KeyPair | undefined, what: string): void {
  if (pair === undefined) return;
  checkBytes(pair.publicKey, dhBytes, `${what}.publicKey`);
  checkBytes(pair.secretKey, dhBytes, `${what}.secretKey`);
}

/** What a pattern does not use is refused as well: whoever passes a key believes that it counts. */
function checkPresence(present: boolean, needed: boolean, name: string, protocol: Protocol, role: string): void {
  if (present !== needed) throw wrong(`${protocol.name} ${needed ? "needs" : "does not use"} ${name} for the ${role}`);
}

/** Checks everything the caller gave and loads what the protocol needs. */
export async function prepare(options: HandshakeOptions): Promise<Prepared> {
  const protocol = parseProtocolName(options.protocol);
  const { pattern } = protocol;
  const { role } = options;
  if (role !== "initiator" && role !== "responder") throw wrong('role must be "initiator" or "responder"');
  const initiator = role === "initiator";

  const sends = (token: string): boolean => pattern.messages.some((tokens, i) => (i % 2 === 0) === initiator && tokens.some((one) => one === token));
  checkPresence(options.staticKey !== undefined, sends("s") || (initiator ? pattern.initiatorKnown : pattern.responderKnown), "staticKey", protocol, role);
  checkPresence(options.remoteStaticKey !== undefined, initiator ? pattern.responderKnown : pattern.initiatorKnown, "remoteStaticKey", protocol, role);
  checkPair(options.staticKey, "staticKey");
  checkPair(options.ephemeralKey, "ephemeralKey");
  if (options.remoteStaticKey !== undefined) checkBytes(options.remoteStaticKey, dhBytes, "remoteStaticKey");
  if (options.prologue !== undefined) checkBytes(options.prologue, undefined, "prologue");
  const psks = options.psks ?? [];
  if (psks.length !== pattern.psks) throw wrong(`${protocol.name} takes ${pattern.psks} psks, ${psks.length} were given`);
  for (const psk of psks) checkBytes(psk, dhBytes, "a psk");
  const { keygenSeed, encapsSeed } = options.kem ?? {};
  if (options.kem !== undefined && !protocol.hybrid) throw wrong(`${protocol.name} does not use kem`);
  if (keygenSeed !== undefined) checkBytes(keygenSeed, kemBytes.seed, "kem.keygenSeed");
  if (encapsSeed !== undefined) checkBytes(encapsSeed, kemBytes.m, "kem.encapsSeed");

  const system = systemRuntime().random;
  const random = options.random ?? system;
  const injectM = random !== system;
  const [crypto, kem] = await Promise.all([
    options.crypto ??
      loadCrypto("x25519", ...(protocol.cipher === "AESGCM" ? (["aesGcm"] as const) : []), ...(protocol.hash === "BLAKE2s" ? (["blake2s"] as const) : [])),
    protocol.hybrid ? loadKem({ deterministic: injectM || encapsSeed !== undefined }) : undefined,
  ]);

  return {
    protocol,
    primitives: {
      aead: protocol.cipher === "AESGCM" ? crypto.aesGcm : crypto.chachaPoly,
      cipher: protocol.cipher,
      hash: protocol.hash === "BLAKE2s" ? crypto.blake2s : crypto.sha256,
    },
    context: {
      initiator,
      dh: crypto.x25519,
      kem,
      random,
      psks: psks.map((psk) => psk.slice()),
      pskMode: pattern.psks > 0,
      fixedEphemeral: options.ephemeralKey,
      keygenSeed,
      encapsSeed,
      injectM,
    },
    keys: { s: options.staticKey, e: undefined, rs: options.remoteStaticKey?.slice(), re: undefined, e1: undefined, re1: undefined, psksUsed: 0 },
    prologue: options.prologue ?? new Uint8Array(0),
  };
}
