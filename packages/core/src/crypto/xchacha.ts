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
 * HChaCha20 makes a key of the long key and the first 16 bytes of the nonce; the other 8 are the nonce under it, for the provider's
 * ChaCha20-Poly1305. The key last made is kept, once for sealing and once for opening: Node 24 needs 15 µs to import one, and 5 to use it.
 */
export function xchacha(key: Uint8Array): XChaCha {
  checkLength(key, keyBytes, "an AEAD key");
  const keyWords = words(key);
  const { chachaPoly } = crypto();
  const shortNonce = new Uint8Array(nonceBytes);

  /** Gives the key for a nonce, and sets `shortNonce`. */
  const derivation = (): ((nonce: Uint8Array) => Uint8Array) => {
    const hashed = new Uint8Array(hashedNonceBytes);
    const hashedWords = new Uint32Array(hashed.buffer);
    let derived: Uint8Array | undefined;
    return (nonce) => {
      if (nonce.length !== extendedNonceBytes) throw new TightbeamError("invalid_argument", `this nonce has ${extendedNonceBytes} bytes, not ${nonce.length}`);
      for (let i = hashedNonceBytes; i < extendedNonceBytes; i++) shortNonce[i - nonceBytes] = nonce[i] as number;
      let same = derived !== undefined;
      for (let i = 0; i < hashedNonceBytes; i++) {
        if (hashed[i] === nonce[i]) continue;
        same = false;
        hashed[i] = nonce[i] as number;
      }
      if (!same || derived === undefined) {
        const made = new Uint32Array(keyBytes / 4);
        hchacha(sigma, keyWords, hashedWords, made);
        derived?.fill(0);
        derived = new Uint8Array(made.buffer);
      }
      return derived;
    };
  };
  const toSeal = derivation();
  const toOpen = derivation();

  return {
    sealInto(out, nonce, aad, plaintext) {
      chachaPoly.sealInto(out, toSeal(nonce), shortNonce, aad, plaintext);
    },
    open(nonce, aad, ciphertext) {
      if (ciphertext.length < tagBytes) return undefined;
      return chachaPoly.open(toOpen(nonce), shortNonce, aad, ciphertext);
    },
  };
}

/** HKDF-SHA256 (RFC 5869) without salt. */
export const deriveKey = (secret: Uint8Array, info: string, length: number): Uint8Array =>
  hkdf(sha256, secret, undefined, new TextEncoder().encode(info), length);
