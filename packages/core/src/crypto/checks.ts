import { isZero } from "../bytes.js";
import { type ErrorCode, TightbeamError } from "../errors.js";

export const keyBytes = 32;
export const nonceBytes = 12;
export const tagBytes = 16;

export function checkLength(bytes: Uint8Array, length: number, what: string, code: ErrorCode = "invalid_argument"): void {
  if (bytes.length !== length) throw new TightbeamError(code, `${what} has ${length} bytes, this one ${bytes.length}`);
}

export function checkKeyAndNonce(key: Uint8Array, nonce: Uint8Array): void {
  checkLength(key, keyBytes, "an AEAD key");
  checkLength(nonce, nonceBytes, "an AEAD nonce");
}

export function checkSeal(out: Uint8Array, key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): void {
  checkKeyAndNonce(key, nonce);
  checkLength(out, plaintext.length + tagBytes, "the output");
}

export const checkSecretKey = (secretKey: Uint8Array): void => checkLength(secretKey, keyBytes, "an X25519 secret key");

export const checkPublicKey = (publicKey: Uint8Array): void => checkLength(publicKey, keyBytes, "an X25519 public key", "invalid_key");

/** RFC 7748 section 6.1: an all-zero result means a small-order point. */
export function checkShared(shared: Uint8Array): Uint8Array {
  if (isZero(shared)) throw smallOrder();
  return shared;
}

export const smallOrder = (): TightbeamError => new TightbeamError("invalid_key", "the X25519 public key is of small order: everyone would know the secret");
