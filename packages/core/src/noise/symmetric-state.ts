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
class State implements SymmetricState {
  readonly #primitives: Primitives;
  #ck: Uint8Array;
  #h: Uint8Array;
  #k: Uint8Array | undefined;
  /** Counts the few fields under one key within a handshake: never near its end. */
  #n: number;

  constructor(primitives: Primitives, ck: Uint8Array, h: Uint8Array, k: Uint8Array | undefined, n: number) {
    this.#primitives = primitives;
    this.#ck = ck;
    this.#h = h;
    this.#k = k;
    this.#n = n;
  }

  get hash(): Uint8Array {
    return this.#h.slice();
  }

  get overhead(): number {
    return this.#k === undefined ? 0 : tagBytes;
  }

  mixHash(data: Uint8Array): void {
    this.#h = this.#primitives.hash.digest(this.#h, data);
  }

  mixKey(input: Uint8Array): void {
    const [nextCk, nextK] = hkdf(this.#primitives.hash, this.#ck, input, 2);
    this.#keyed(nextCk, nextK);
  }

  mixKeyAndHash(input: Uint8Array): void {
    const [nextCk, middle, nextK] = hkdf(this.#primitives.hash, this.#ck, input, 3);
    this.mixHash(middle);
    this.#keyed(nextCk, nextK);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const { aead, cipher } = this.#primitives;
    let ciphertext = plaintext;
    if (this.#k !== undefined) {
      ciphertext = new Uint8Array(plaintext.length + tagBytes);
      aead.sealInto(ciphertext, this.#k, nonce(cipher, this.#n++), this.#h, plaintext);
    }
    this.mixHash(ciphertext);
    return ciphertext;
  }

  decryptAndHash(ciphertext: Uint8Array): Uint8Array {
    const { aead, cipher } = this.#primitives;
    const plaintext = this.#k === undefined ? ciphertext.slice() : aead.open(this.#k, nonce(cipher, this.#n++), this.#h, ciphertext);
    if (plaintext === undefined) throw notAuthentic();
    this.mixHash(ciphertext);
    return plaintext;
  }

  split(): [Uint8Array, Uint8Array] {
    const [first, second] = hkdf(this.#primitives.hash, this.#ck, empty, 2);
    return [first, second];
  }

  exporter(label: Uint8Array): Uint8Array {
    return this.#primitives.hash.hmac(this.#ck, label, this.#h);
  }

  clone(): SymmetricState {
    return new State(this.#primitives, this.#ck.slice(), this.#h.slice(), this.#k?.slice(), this.#n);
  }

  erase(): void {
    this.#ck.fill(0);
    this.#k?.fill(0);
  }

  #keyed(nextCk: Uint8Array, nextK: Uint8Array): void {
    this.erase();
    this.#ck = nextCk;
    this.#k = nextK;
    this.#n = 0;
  }
}

/** InitializeSymmetric, section 5.2. */
export function initializeSymmetric(primitives: Primitives, protocolName: string): SymmetricState {
  const name = encodeUtf8(protocolName);
  let h = new Uint8Array(hashBytes);
  if (name.length <= hashBytes) h.set(name);
  else h = new Uint8Array(primitives.hash.digest(name));
  return new State(primitives, h.slice(), h, undefined, 0);
}
