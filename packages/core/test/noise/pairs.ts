import type { CryptoProvider, KeyPair } from "../../src/crypto/index.js";
import { loadCrypto } from "../../src/crypto/index.js";
import { createHandshake, type Handshake, type HandshakeOptions } from "../../src/noise/index.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";

export const XX = "Noise_XX_25519_ChaChaPoly_SHA256";
export const XXhfs = "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256";

export async function keyPair(fill: number): Promise<KeyPair> {
  return (await loadCrypto("x25519")).x25519.keyPair(new Uint8Array(32).fill(fill));
}

export interface Pair {
  readonly initiator: Handshake;
  readonly responder: Handshake;
}

/** Both sides of a protocol, with the keys its pattern wants and seeded randomness. */
export async function pair(
  protocol: string,
  options: { crypto?: CryptoProvider; seed?: number; initiator?: Partial<HandshakeOptions>; responder?: Partial<HandshakeOptions> } = {},
): Promise<Pair> {
  const [s, rs] = [await keyPair(1), await keyPair(2)];
  const psks = Array.from({ length: protocol.split("psk").length - 1 }, (_, i) => new Uint8Array(32).fill(100 + i));
  const pattern = protocol.split("_")[1]?.replace(/(psk|hfs).*/, "") ?? "";
  const [first = "", second = ""] = pattern.length === 1 ? [pattern, "K"] : pattern;
  const has = (letter: string): boolean => "KXI".includes(letter);
  const seed = options.seed ?? 1;
  const common = { protocol, psks, ...(options.crypto === undefined ? {} : { crypto: options.crypto }) };
  const initiator = await createHandshake({
    ...common,
    role: "initiator",
    random: createVirtualRuntime({ seed }).random,
    ...(has(first) ? { staticKey: s } : {}),
    ...(second === "K" ? { remoteStaticKey: rs.publicKey } : {}),
    ...options.initiator,
  });
  const responder = await createHandshake({
    ...common,
    role: "responder",
    random: createVirtualRuntime({ seed: seed + 1_000 }).random,
    ...(has(second) ? { staticKey: rs } : {}),
    ...(first === "K" ? { remoteStaticKey: s.publicKey } : {}),
    ...options.responder,
  });
  return { initiator, responder };
}

/** Runs to the end; returns the messages. */
export function run({ initiator, responder }: Pair, payload: Uint8Array = new Uint8Array(0)): Uint8Array[] {
  const messages: Uint8Array[] = [];
  while (!initiator.finished) {
    const [writer, reader] = initiator.next === "write" ? [initiator, responder] : [responder, initiator];
    const message = writer.writeMessage(payload);
    reader.readMessage(message);
    messages.push(message);
  }
  return messages;
}
