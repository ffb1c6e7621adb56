import { hchacha } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { TightbeamError } from "../errors.js";
import { checkLength, keyBytes, nonceBytes, tagBytes } from "./checks.js";
import { crypto } from "./select.js";

export const extendedNonceBytes = 24;

/** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under one key: its nonces are long enough to be drawn at random for the life of the key. */
export interface XChaCha {
  /** Writes ciphertext || tag into `out`, which must be exactly plaintext + 16 bytes and must not overlap the plaintext. */
  sealInto(out: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): void;
  /** The plaintext, owned by the caller, or undefined when the tag is wrong or the input is shorter than a tag. */
  open(nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}

const hashedNonceBytes = 16;

/** As words of the same bytes: what `hchacha` takes on every machine. */
const words = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.slice().buffer);

const sigma = words(new TextEncoder().encode("expand 32-byte k"));

/**
 * HChaCha20 makes a key for one message of the long key and 16 bytes of the nonce; the other 8 are the nonce under it. It runs once per message
 * (the library's own construction runs it twice), and the rest is the provider's ChaCha20-Poly1305: native where that is faster.
 */
export function xchacha(key: Uint8Array): XChaCha {
  checkLength(key, keyBytes, "an AEAD key");
  const keyWords = words(key);
  const { chachaPoly } = crypto();
  const hashed = new Uint8Array(hashedNonceBytes);
  const hashedWords = new Uint32Array(hashed.buffer);
  const shortNonce = new Uint8Array(nonceBytes);

  /** Also sets `shortNonce`. */
  const messageKey = (nonce: Uint8Array): Uint8Array => {
    if (nonce.length !== extendedNonceBytes) throw new TightbeamError("invalid_argument", `this nonce has ${extendedNonceBytes} bytes, not ${nonce.length}`);
    hashed.set(nonce.subarray(0, hashedNonceBytes));
    shortNonce.set(nonce.subarray(hashedNonceBytes), nonceBytes - (extendedNonceBytes - hashedNonceBytes));
    const derived = new Uint32Array(keyBytes / 4);
    hchacha(sigma, keyWords, hashedWords, derived);
    return new Uint8Array(derived.buffer);
  };

  return {
    sealInto(out, nonce, aad, plaintext) {
      const derived = messageKey(nonce);
      chachaPoly.sealInto(out, derived, shortNonce, aad, plaintext);
      derived.fill(0);
    },
    open(nonce, aad, ciphertext) {
      if (ciphertext.length < tagBytes) return undefined;
      const derived = messageKey(nonce);
      const plaintext = chachaPoly.open(derived, shortNonce, aad, ciphertext);
      derived.fill(0);
      return plaintext;
    },
  };
}

/** HKDF-SHA256 (RFC 5869) without salt. */
export const deriveKey = (secret: Uint8Array, info: string, length: number): Uint8Array =>
  hkdf(sha256, secret, undefined, new TextEncoder().encode(info), length);
