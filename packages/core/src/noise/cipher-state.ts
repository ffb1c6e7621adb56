import { empty } from "../bytes.js";
import type { Aead } from "../crypto/index.js";
import { TightbeamError } from "../errors.js";

export type CipherName = "ChaChaPoly" | "AESGCM";

/** Section 3: no Noise message is longer. */
export const messageMaxBytes = 65_535;
export const tagBytes = 16;

const zeros = new Uint8Array(32);

/** Section 12: 32 zero bits, then the counter, little-endian for ChaChaPoly and big-endian for AESGCM. `n` below 2^53. */
export function nonce(cipher: CipherName, n: number): Uint8Array {
  const bytes = new Uint8Array(12);
  let low = n % 0x1_0000_0000;
  let high = Math.floor(n / 0x1_0000_0000);
  for (let i = 0; i < 4; i++) {
    bytes[cipher === "ChaChaPoly" ? 4 + i : 11 - i] = low;
    bytes[cipher === "ChaChaPoly" ? 8 + i : 7 - i] = high;
    low >>>= 8;
    high >>>= 8;
  }
  return bytes;
}

/** Section 12: nonce 2^64 - 1, which no message uses. The same bytes in both orders. */
const rekeyNonce = new Uint8Array(12).fill(0xff, 4);

/** REKEY(k), section 4.2: the first 32 bytes of ENCRYPT(k, 2^64 - 1, empty, 32 zeros). */
export function rekeyed(aead: Aead, key: Uint8Array): Uint8Array {
  const out = new Uint8Array(zeros.length + tagBytes);
  aead.sealInto(out, key, rekeyNonce, empty, zeros);
  return out.slice(0, 32);
}

/** One direction of a finished handshake (section 5.1). Messages must be opened in the order in which they were sealed. */
export interface CipherState {
  /** Of the next message. */
  readonly nonce: number;
  /** ciphertext || 16-byte tag. Throws `too_large` above 65,535 bytes in all, `session_ended` when the nonces are used up. */
  encrypt(ad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** Throws `auth` for anything that is not the next message; then nothing has changed. */
  decrypt(ad: Uint8Array, ciphertext: Uint8Array): Uint8Array;
  /** Section 11.3. The counter goes on. */
  rekey(): void;
}

/** Takes over `key` and erases it on rekey. */
export function cipherState(aead: Aead, cipher: CipherName, key: Uint8Array, start = 0): CipherState {
  let k = key;
  let n = start;

  // Section 5.1 stops at 2^64 - 1; a number is exact only below 2^53.
  const current = (): Uint8Array => {
    if (n >= Number.MAX_SAFE_INTEGER) throw new TightbeamError("session_ended", "this cipher state has used all its nonces: make a new handshake");
    return nonce(cipher, n);
  };

  return {
    get nonce() {
      return n;
    },
    encrypt(ad, plaintext) {
      if (plaintext.length > messageMaxBytes - tagBytes) throw tooLarge(plaintext.length + tagBytes);
      const bytes = current();
      const out = new Uint8Array(plaintext.length + tagBytes);
      // Moved before use: whatever happens next, this nonce is spent.
      n++;
      aead.sealInto(out, k, bytes, ad, plaintext);
      return out;
    },
    decrypt(ad, ciphertext) {
      const plaintext = ciphertext.length > messageMaxBytes ? undefined : aead.open(k, current(), ad, ciphertext);
      if (plaintext === undefined) throw notAuthentic();
      n++;
      return plaintext;
    },
    rekey() {
      const next = rekeyed(aead, k);
      k.fill(0);
      k = next;
    },
  };
}

export const notAuthentic = (): TightbeamError =>
  new TightbeamError("auth", "a Noise message does not authenticate: changed, out of order, or made with other keys");
export const tooLarge = (length: number): TightbeamError =>
  new TightbeamError("too_large", `a Noise message holds at most ${messageMaxBytes} bytes, this one would have ${length}`);
