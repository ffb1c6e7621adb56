import { empty, encodeUtf8 } from "../bytes.js";
import type { Aead, Hash } from "../crypto/index.js";
import { type CipherName, nonce, notAuthentic, tagBytes } from "./cipher-state.js";

const hashBytes = 32;
const one = Uint8Array.of(1);

/** HKDF, section 4.3, for hashes of 32 bytes: two or three outputs. */
export function hkdf(hash: Hash, chainingKey: Uint8Array, input: Uint8Array, outputs: 2 | 3): [Uint8Array, Uint8Array, Uint8Array] {
  const temp = hash.hmac(chainingKey, input);
  const first = hash.hmac(temp, one);
  const second = hash.hmac(temp, first, Uint8Array.of(2));
  const third = outputs === 3 ? hash.hmac(temp, second, Uint8Array.of(3)) : empty;
  temp.fill(0);
  return [first, second, third];
}

export interface SymmetricState {
  /** A copy of h: what both sides have said so far. */
  readonly hash: Uint8Array;
  mixHash(data: Uint8Array): void;
  mixKey(input: Uint8Array): void;
  mixKeyAndHash(input: Uint8Array): void;
  /** What `encryptAndHash` will add to a plaintext now. */
  readonly overhead: number;
  encryptAndHash(plaintext: Uint8Array): Uint8Array;
  /** Throws `auth`; a failed state must be thrown away. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array;
  split(): [Uint8Array, Uint8Array];
  /** HMAC(ck, label || h). */
  exporter(label: Uint8Array): Uint8Array;
  clone(): SymmetricState;
  /** Overwrites ck and k. */
  erase(): void;
}

export interface Primitives {
  readonly aead: Aead;
  readonly cipher: CipherName;
  readonly hash: Hash;
}

/** Section 5.2. Every array is owned by its state, so clones can be erased one by one. */
function symmetricState(
  primitives: Primitives,
  ckAtStart: Uint8Array,
  hAtStart: Uint8Array,
  kAtStart: Uint8Array | undefined,
  nAtStart: number,
): SymmetricState {
  const { aead, cipher, hash } = primitives;
  let ck = ckAtStart;
  let h = hAtStart;
  let k = kAtStart;
  // Counts the few fields under one key within a handshake: never near its end.
  let n = nAtStart;

  function keyed(nextCk: Uint8Array, nextK: Uint8Array): void {
    ck.fill(0);
    k?.fill(0);
    ck = nextCk;
    k = nextK;
    n = 0;
  }

  const state: SymmetricState = {
    get hash() {
      return h.slice();
    },
    get overhead() {
      return k === undefined ? 0 : tagBytes;
    },
    mixHash(data) {
      h = hash.digest(h, data);
    },
    mixKey(input) {
      const [nextCk, nextK] = hkdf(hash, ck, input, 2);
      keyed(nextCk, nextK);
    },
    mixKeyAndHash(input) {
      const [nextCk, middle, nextK] = hkdf(hash, ck, input, 3);
      state.mixHash(middle);
      keyed(nextCk, nextK);
    },
    encryptAndHash(plaintext) {
      let ciphertext = plaintext;
      if (k !== undefined) {
        ciphertext = new Uint8Array(plaintext.length + tagBytes);
        aead.sealInto(ciphertext, k, nonce(cipher, n++), h, plaintext);
      }
      state.mixHash(ciphertext);
      return ciphertext;
    },
    decryptAndHash(ciphertext) {
      const plaintext = k === undefined ? ciphertext.slice() : aead.open(k, nonce(cipher, n++), h, ciphertext);
      if (plaintext === undefined) throw notAuthentic();
      state.mixHash(ciphertext);
      return plaintext;
    },
    split() {
      const [first, second] = hkdf(hash, ck, empty, 2);
      return [first, second];
    },
    exporter: (label) => hash.hmac(ck, label, h),
    clone: () => symmetricState(primitives, ck.slice(), h.slice(), k?.slice(), n),
    erase() {
      ck.fill(0);
      k?.fill(0);
    },
  };
  return state;
}

/** InitializeSymmetric, section 5.2. */
export function initializeSymmetric(primitives: Primitives, protocolName: string): SymmetricState {
  const name = encodeUtf8(protocolName);
  let h = new Uint8Array(hashBytes);
  if (name.length <= hashBytes) h.set(name);
  else h = new Uint8Array(primitives.hash.digest(name));
  return symmetricState(primitives, h.slice(), h, undefined, 0);
}
