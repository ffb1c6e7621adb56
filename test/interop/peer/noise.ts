import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { ascii, type Bytes, join, read } from "./bytes.js";
import { dh, type KeyPair, noiseHkdf, open, seal, sha256, x25519KeyPair } from "./primitives.js";

/** Sections 3 of docs/protocol.md; Noise revision 34, section 5; the HFS draft for `e1` and `ekem1`. */

export const hybrid = 0x0101;
export const classical = 0x0001;

const suites: Readonly<Record<number, { readonly name: string; readonly message1: number; readonly pattern: readonly (readonly Token[])[] }>> = {
  [hybrid]: {
    name: "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256",
    message1: 1216,
    pattern: [
      ["e", "e1"],
      ["e", "ee", "ekem1", "s", "es"],
      ["s", "se"],
    ],
  },
  [classical]: { name: "Noise_XX_25519_ChaChaPoly_SHA256", message1: 32, pattern: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] },
};

type Token = "e" | "e1" | "ee" | "ekem1" | "s" | "es" | "se";

/** The keys of one handshake: all its randomness. */
export interface NoiseKeys {
  readonly static: Bytes;
  readonly ephemeral: Bytes;
  /** The initiator's: d || z of ML-KEM.KeyGen. */
  readonly kemSeed: Bytes;
  /** The responder's: m of ML-KEM.Encaps. */
  readonly kemMessage: Bytes;
}

export const message1Bytes = (suite: number): number | undefined => suites[suite]?.message1;

/** Everything a handshake knows. It is never changed, only replaced: so trying a message that does not authenticate changes nothing. */
export interface NoiseState {
  readonly suite: number;
  readonly initiator: boolean;
  readonly message: number;
  readonly ck: Bytes;
  readonly h: Bytes;
  readonly key: Bytes | undefined;
  readonly n: bigint;
  readonly s: KeyPair;
  readonly e: KeyPair;
  readonly kem: { readonly publicKey: Bytes; readonly secretKey: Bytes };
  readonly kemMessage: Bytes;
  readonly re?: Bytes;
  readonly rs?: Bytes;
  readonly re1?: Bytes;
}

export function startNoise(suite: number, initiator: boolean, prologue: Bytes, keys: NoiseKeys): NoiseState {
  const known = suites[suite];
  if (known === undefined) throw new Error("unknown suite");
  const name = ascii(known.name);
  const ck = name.length <= 32 ? join(name, new Uint8Array(32 - name.length)) : sha256(name);
  const kem = ml_kem768.keygen(keys.kemSeed);
  const s = x25519KeyPair(keys.static);
  const e = x25519KeyPair(keys.ephemeral);
  return { suite, initiator, message: 0, ck, h: sha256(ck, prologue), key: undefined, n: 0n, s, e, kem, kemMessage: keys.kemMessage };
}

const mixHash = (state: NoiseState, data: Bytes): NoiseState => ({ ...state, h: sha256(state.h, data) });
function mixKey(state: NoiseState, input: Bytes): NoiseState {
  const [ck, key] = noiseHkdf(state.ck, input);
  return { ...state, ck, key, n: 0n };
}

function encryptAndHash(state: NoiseState, plaintext: Bytes): [NoiseState, Bytes] {
  if (state.key === undefined) return [mixHash(state, plaintext), plaintext];
  const sealed = seal(state.key, state.n, state.h, plaintext);
  return [mixHash({ ...state, n: state.n + 1n }, sealed), sealed];
}

function decryptAndHash(state: NoiseState, sealed: Bytes): [NoiseState, Bytes] {
  if (state.key === undefined) return [mixHash(state, sealed), sealed];
  const plaintext = open(state.key, state.n, state.h, sealed);
  return [mixHash({ ...state, n: state.n + 1n }, sealed), plaintext];
}

const tokensOf = (state: NoiseState): readonly Token[] => suites[state.suite]?.pattern[state.message] ?? [];
const known = (key: Bytes | undefined): Bytes => {
  if (key === undefined) throw new Error("a key of the peer is not there yet");
  return key;
};
const own = (state: NoiseState, token: Token): KeyPair => ((token === "es") === state.initiator || token === "ee" ? state.e : state.s);
const theirs = (state: NoiseState, token: Token): Bytes => known((token === "se") === state.initiator || token === "ee" ? state.re : state.rs);
const mixDh = (state: NoiseState, token: Token): NoiseState => mixKey(state, dh(own(state, token), theirs(state, token)));

/** `payload` is made from the hash before its EncryptAndHash: what a proof signs. */
export function writeMessage(start: NoiseState, payload: (h: Bytes) => Bytes): [NoiseState, Bytes] {
  let state = start;
  const out: Bytes[] = [];
  const put = (plaintext: Bytes): void => {
    const [next, sealed] = encryptAndHash(state, plaintext);
    state = next;
    out.push(sealed);
  };
  for (const token of tokensOf(start)) {
    if (token === "e") {
      state = mixHash(state, state.e.public);
      out.push(state.e.public);
    } else if (token === "e1") put(state.kem.publicKey);
    else if (token === "s") put(state.s.public);
    else if (token === "ekem1") {
      const { cipherText, sharedSecret } = ml_kem768.encapsulate(known(state.re1), state.kemMessage);
      put(cipherText);
      state = mixKey(state, sharedSecret);
    } else state = mixDh(state, token);
  }
  put(payload(state.h));
  return [{ ...state, message: start.message + 1 }, join(...out)];
}

/** `h` is the hash before the payload. Throws when anything does not authenticate. */
export function readMessage(start: NoiseState, message: Bytes): { state: NoiseState; payload: Bytes; h: Bytes } {
  let state = start;
  const input = read(message);
  const get = (bytes: number): Bytes => {
    const [next, plaintext] = decryptAndHash(state, input.take(bytes + (state.key === undefined ? 0 : 16)));
    state = next;
    return plaintext;
  };
  for (const token of tokensOf(start)) {
    if (token === "e") {
      const re = input.take(32);
      state = { ...mixHash(state, re), re };
    } else if (token === "e1") {
      const re1 = get(1184);
      state = { ...state, re1 };
    } else if (token === "s") {
      const rs = get(32);
      state = { ...state, rs };
    } else if (token === "ekem1") {
      const cipherText = get(1088);
      state = mixKey(state, ml_kem768.decapsulate(cipherText, state.kem.secretKey));
    } else state = mixDh(state, token);
  }
  const { h } = state;
  const payload = get(input.left - (state.key === undefined ? 0 : 16));
  return { state: { ...state, message: start.message + 1 }, payload, h };
}

/** Noise section 5.2: the first key is the initiator's for sending. */
export function split(state: NoiseState): { initiator: Bytes; responder: Bytes; h: Bytes } {
  const [initiator, responder] = noiseHkdf(state.ck, new Uint8Array());
  return { initiator, responder, h: state.h };
}
