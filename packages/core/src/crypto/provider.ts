import type { PublicMembers } from "./web-crypto.js";

/** One implementation of the primitives. Both (native, noble) pass the same known answers at load and the same vectors in the tests. */
export interface CryptoProvider {
  readonly name: string;
  readonly chachaPoly: Aead;
  readonly aesGcm: Aead;
  readonly sha256: Hash;
  readonly blake2s: Hash;
  readonly x25519: DiffieHellman;
}

/** RFC 8439 and SP 800-38D with 32-byte keys, 12-byte nonces and a tag of exactly 16 bytes. */
export interface Aead {
  /** Writes ciphertext || tag into `out`, which must be exactly plaintext + 16 bytes and must not overlap the plaintext. */
  sealInto(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): void;
  /** Returns the plaintext, owned by the caller, or undefined when the tag is wrong or the input is shorter than a tag. Never throws for bad input bytes. */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
  /** What this key will likely seal, or open, next: done now is what needs no text. A wrong guess costs only that work. Undefined where it saves nothing. */
  readonly expect?: ((toSeal: boolean, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => void) | undefined;
}

export interface Hash {
  readonly name: "SHA256" | "BLAKE2s";
  readonly blockBytes: number;
  digest(...parts: readonly Uint8Array[]): Uint8Array;
  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
}

export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

export interface DiffieHellman {
  /** RFC 7748. `secretKey` is 32 random bytes; the pair holds a copy. */
  keyPair(secretKey: Uint8Array): KeyPair;
  /** Throws `invalid_key` when the result is all zero (small-order points). */
  shared(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array;
}

/** JWS names: Ed25519 (RFC 8037) and ECDSA on P-256 with SHA-256 (RFC 7518, 3.4). Signatures are 64 bytes. */
export type SignatureAlgorithm = "EdDSA" | "ES256";

/** False for anything that is not exactly right; never throws. */
export type Verify = (signature: Uint8Array, data: Uint8Array) => Promise<boolean>;

/** Imports a public key. Rejects when it does not know the algorithm, or refuses the key. */
export type VerifyBackend = (alg: SignatureAlgorithm, jwk: PublicMembers) => Promise<Verify>;

/** ML-KEM-768 (FIPS 203). Loaded on demand: `loadKem()`. */
export interface Kem {
  readonly name: string;
  /** seed = d || z, 64 bytes. The secret key's form is this implementation's own: only its `decapsulate` reads it. */
  keyPair(seed: Uint8Array): KeyPair;
  /** m: 32 random bytes; without it they come from the implementation. Throws `invalid_key` when the encapsulation key has a wrong length or is not canonical (FIPS 203, 7.2), and `unsupported` for an `m` when it was not loaded as deterministic. */
  encapsulate(publicKey: Uint8Array, m?: Uint8Array): { readonly ciphertext: Uint8Array; readonly sharedSecret: Uint8Array };
  /** Implicit rejection: a wrong ciphertext gives another secret; a wrong length throws `malformed`. */
  decapsulate(secretKey: Uint8Array, ciphertext: Uint8Array): Uint8Array;
}

export interface KemOptions {
  /** True: `encapsulate` takes `m`, so all randomness comes from the caller. Default false: the fastest there is. */
  readonly deterministic?: boolean;
}
