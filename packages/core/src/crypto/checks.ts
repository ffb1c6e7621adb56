import { isZero } from "../bytes.js";
import { TightbeamError } from "../errors.js";

export const keyBytes = 32;
export const nonceBytes = 12;
export const tagBytes = 16;

const wrong = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);

export function checkKeyAndNonce(key: Uint8Array, nonce: Uint8Array): void {
  if (key.length !== keyBytes) throw wrong(`an AEAD key has ${keyBytes} bytes`);
  if (nonce.length !== nonceBytes) throw wrong(`an AEAD nonce has ${nonceBytes} bytes`);
}

export function checkSeal(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): void {
  checkKeyAndNonce(key, nonce);
  if (out.length !== plaintext.length + tagBytes) throw wrong(`the output must be the plaintext and ${tagBytes} bytes`);
}

export function checkSecretKey(secretKey: Uint8Array): void {
  if (secretKey.length !== keyBytes) throw wrong(`an X25519 secret key has ${keyBytes} bytes`);
}

export function checkPublicKey(publicKey: Uint8Array): void {
  if (publicKey.length !== keyBytes) throw new TightbeamError("invalid_key", `an X25519 public key has ${keyBytes} bytes, this one ${publicKey.length}`);
}

/** RFC 7748 section 6.1: an all-zero result means a small-order point. */
export function checkShared(shared: Uint8Array): Uint8Array {
  if (isZero(shared)) throw smallOrder();
  return shared;
}

export const smallOrder = (): TightbeamError =>
  new TightbeamError("invalid_key", "the X25519 public key is a point of small order: it would give a secret that everyone knows");
