import { createCipheriv, createDecipheriv, createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import { type Bytes, fromHex, join } from "./bytes.js";

export const sha256 = (...parts: readonly Bytes[]): Bytes =>
  new Uint8Array(
    createHash("sha256")
      .update(join(...parts))
      .digest(),
  );
export const hmac = (key: Bytes, ...parts: readonly Bytes[]): Bytes =>
  new Uint8Array(
    createHmac("sha256", key)
      .update(join(...parts))
      .digest(),
  );

/** HKDF of Noise, section 4.3: two outputs. */
export function noiseHkdf(chainingKey: Bytes, input: Bytes): [Bytes, Bytes] {
  const temporary = hmac(chainingKey, input);
  const first = hmac(temporary, Uint8Array.of(1));
  return [first, hmac(temporary, first, Uint8Array.of(2))];
}

/** Noise section 12.3: 4 zero bytes and the number, little-endian. */
function nonceOf(number: bigint): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(number, 4);
  return nonce;
}

const aead = "chacha20-poly1305";
const tagBytes = 16;

export function seal(key: Bytes, number: bigint, associated: Bytes, plaintext: Bytes): Bytes {
  const cipher = createCipheriv(aead, key, nonceOf(number), { authTagLength: tagBytes });
  cipher.setAAD(associated, { plaintextLength: plaintext.length });
  return join(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

/** Throws when it does not authenticate. */
export function open(key: Bytes, number: bigint, associated: Bytes, sealed: Bytes): Bytes {
  const decipher = createDecipheriv(aead, key, nonceOf(number), { authTagLength: tagBytes });
  decipher.setAAD(associated, { plaintextLength: sealed.length - tagBytes });
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  return join(decipher.update(sealed.subarray(0, -tagBytes)), decipher.final());
}

/** REKEY of Noise, section 4.2: ENCRYPT(k, 2^64 - 1, nothing, 32 zero bytes), cut to 32 bytes. */
export const rekey = (key: Bytes): Bytes => seal(key, 2n ** 64n - 1n, new Uint8Array(), new Uint8Array(32)).slice(0, 32);

export interface KeyPair {
  readonly secret: Bytes;
  readonly public: Bytes;
}

// RFC 8410: what stands before the 32 bytes of a key.
const pkcs8 = fromHex("302e020100300506032b656e04220420");
const spki = fromHex("302a300506032b656e032100");
const privateKey = (secret: Bytes) => createPrivateKey({ key: Buffer.from(join(pkcs8, secret)), format: "der", type: "pkcs8" });

export function x25519KeyPair(secret: Bytes): KeyPair {
  const der = createPublicKey(privateKey(secret)).export({ format: "der", type: "spki" });
  return { secret, public: new Uint8Array(der.subarray(spki.length)) };
}

/** Throws when the result is all zeros. */
export function dh(own: KeyPair, theirs: Bytes): Bytes {
  const publicKey = createPublicKey({ key: Buffer.from(join(spki, theirs)), format: "der", type: "spki" });
  const result = new Uint8Array(diffieHellman({ privateKey: privateKey(own.secret), publicKey }));
  if (result.every((byte) => byte === 0)) throw new Error("all-zero DH");
  return result;
}
