import { type CryptoProvider, loadKem } from "../crypto/index.js";
import type { Random } from "../runtime/runtime.js";
import { systemRuntime } from "../runtime/system.js";
import { initialize, type Prepared } from "./handshake.js";
import type { Protocol } from "./protocol-name.js";
import type { Handshake, HandshakeOptions } from "./types.js";

/** Options that fit the protocol, and a provider that has its primitives. */
export interface Start extends Omit<HandshakeOptions, "protocol" | "crypto" | "random"> {
  readonly protocol: Protocol;
  readonly crypto: CryptoProvider;
  readonly random: Random;
  readonly cipherState?: Prepared["cipherState"];
}

/** `createHandshake` for who knows its protocol beforehand: checks nothing, and brings no table of patterns along. */
export async function startHandshake({ protocol, crypto, random, cipherState, ...options }: Start): Promise<Handshake> {
  const { keygenSeed, encapsSeed } = options.kem ?? {};
  const injectM = random !== systemRuntime().random;
  const kem = protocol.hybrid ? await loadKem({ deterministic: injectM || encapsSeed !== undefined }) : undefined;
  const psks = options.psks ?? [];
  const context = {
    initiator: options.role === "initiator",
    dh: crypto.x25519,
    kem,
    random,
    psks: psks.map((psk) => psk.slice()),
    pskMode: psks.length > 0,
    fixedEphemeral: options.ephemeralKey,
    keygenSeed,
    encapsSeed,
    injectM,
  };
  const primitives = {
    aead: protocol.cipher === "AESGCM" ? crypto.aesGcm : crypto.chachaPoly,
    cipher: protocol.cipher,
    hash: protocol.hash === "BLAKE2s" ? crypto.blake2s : crypto.sha256,
  };
  const keys = { s: options.staticKey, e: undefined, rs: options.remoteStaticKey?.slice(), re: undefined, e1: undefined, re1: undefined, psksUsed: 0 };
  return initialize({ protocol, primitives, context, keys, cipherState }, options.prologue ?? new Uint8Array(0));
}
