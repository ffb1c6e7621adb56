import { type KeyPair, loadCrypto } from "../crypto/index.js";
import * as kemBytes from "../crypto/kem-bytes.js";
import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import { systemRuntime } from "../runtime/system.js";
import { cipherState } from "./cipher-state.js";
import { dhBytes } from "./handshake-state.js";
import { type Protocol, parseProtocolName } from "./protocol-name.js";
import { startHandshake } from "./start.js";
import type { Handshake, HandshakeOptions } from "./types.js";

const names: readonly (keyof HandshakeOptions)[] = [
  "protocol",
  "role",
  "prologue",
  "staticKey",
  "remoteStaticKey",
  "ephemeralKey",
  "psks",
  "kem",
  "random",
  "crypto",
];

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

/**
 * Throws `unsupported` for a pattern, DH, cipher or hash that is not here, naming it, and `invalid_argument` for keys that are
 * missing, superfluous or of a wrong length.
 */
export async function createHandshake(options: HandshakeOptions): Promise<Handshake> {
  checkKnown("createHandshake", options, names);
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

  const crypto =
    options.crypto ??
    (await loadCrypto(
      "x25519",
      ...(protocol.cipher === "AESGCM" ? (["aesGcm"] as const) : []),
      ...(protocol.hash === "BLAKE2s" ? (["blake2s"] as const) : []),
    ));
  return startHandshake({ ...options, protocol, crypto, cipherState, random: options.random ?? systemRuntime().random });
}
