import { fromBase64url, toBase64url } from "../bytes.js";
import { release, unfilled } from "../release.js";
import { checkKeyAndNonce, checkPublicKey, checkSeal, checkSecretKey, checkShared, smallOrder, tagBytes } from "./checks.js";
import { ciphersAhead } from "./cipher-ahead.js";
import { hash } from "./hash.js";
import { keyCache, keyCacheFromSecondUse } from "./key-cache.js";
import { chachaPolyPasses, sha256Passes, x25519Passes } from "./known-answers.js";
import { type NodeCrypto, type NodeKey, nodeCrypto, plain } from "./node-crypto.js";
import { aesGcmPasses, blake2sPasses } from "./noise-answers.js";
import type { Aead, CryptoProvider, DiffieHellman, Hash } from "./provider.js";

/** Larger inputs go through the cipher in pieces: one allocation of 1 MiB costs more than 16 of 64 KiB. The largest record is two of them. */
const pieceBytes = 68 * 1024;
/** Up to here what the cipher gave is the plaintext, and copying pieces of it would cost more than the one allocation: any record. */
const wholeBytes = 256 * 1024;

/** Moves what the cipher gave to where it belongs. */
function take(piece: Uint8Array, out: Uint8Array, at: number): void {
  out.set(piece, at);
  release(piece);
}

function nativeAead(node: NodeCrypto, cipherName: string): Aead {
  const imported = keyCacheFromSecondUse((bytes) => node.createSecretKey(bytes));
  const options = { authTagLength: tagBytes };
  const sealing = ciphersAhead(imported, (key, nonce, aad) => {
    const cipher = node.createCipheriv(cipherName, key, nonce, options);
    if (aad.length > 0) cipher.setAAD(aad);
    return cipher;
  });
  const opening = ciphersAhead(imported, (key, nonce, aad) => {
    const decipher = node.createDecipheriv(cipherName, key, nonce, options);
    if (aad.length > 0) decipher.setAAD(aad);
    return decipher;
  });
  return {
    expect(toSeal, key, nonce, aad) {
      checkKeyAndNonce(key, nonce);
      (toSeal ? sealing : opening).expect(key, nonce, aad);
    },
    sealInto(out, key, nonce, aad, plaintext) {
      checkSeal(out, key, nonce, plaintext);
      const cipher = sealing.take(key, nonce, aad);
      const length = plaintext.length;
      for (let at = 0; at < length; at += pieceBytes) {
        take(cipher.update(length <= pieceBytes ? plaintext : plaintext.subarray(at, at + pieceBytes)), out, at);
      }
      cipher.final();
      out.set(cipher.getAuthTag(), length);
    },
    open(key, nonce, aad, ciphertext) {
      checkKeyAndNonce(key, nonce);
      const length = ciphertext.length - tagBytes;
      if (length < 0) return undefined;
      const decipher = opening.take(key, nonce, aad);
      decipher.setAuthTag(ciphertext.subarray(length));
      let plaintext: Uint8Array;
      if (length === 0) plaintext = new Uint8Array(0);
      else if (length <= wholeBytes) plaintext = plain(decipher.update(ciphertext.subarray(0, length)));
      else {
        plaintext = unfilled(length);
        for (let at = 0; at < length; at += pieceBytes) take(decipher.update(ciphertext.subarray(at, Math.min(length, at + pieceBytes))), plaintext, at);
      }
      try {
        decipher.final();
      } catch {
        plaintext.fill(0);
        return undefined;
      }
      return plaintext;
    },
  };
}

function nativeHash(node: NodeCrypto, name: Hash["name"], algorithm: string): Hash {
  const once = node.hash;
  return hash(name, once === undefined ? (data) => plain(node.createHash(algorithm).update(data).digest()) : (data) => plain(once(algorithm, data, "buffer")));
}

/**
 * Raw keys go in as JWK, which costs a tenth of DER. The private JWK carries a placeholder for the public half: OpenSSL derives
 * it from `d`; where a library does not, the known answers fail and the other provider is used.
 */
function nativeX25519(node: NodeCrypto): DiffieHellman {
  const okp = { kty: "OKP", crv: "X25519" };
  const placeholder = toBase64url(new Uint8Array(32).fill(9));
  const privateKey = keyCache((bytes) => node.createPrivateKey({ key: { ...okp, x: placeholder, d: toBase64url(bytes) }, format: "jwk" }));
  const publicKey = keyCache((bytes) => node.createPublicKey({ key: { ...okp, x: toBase64url(bytes) }, format: "jwk" }));
  const multiply = (secret: NodeKey, point: NodeKey): Uint8Array => plain(node.diffieHellman({ privateKey: secret, publicKey: point }));
  return {
    keyPair(secretKey) {
      checkSecretKey(secretKey);
      const own = secretKey.slice();
      // OpenSSL has multiplied the base point on import already: reading the result costs 2 µs, multiplying again 38.
      return { publicKey: fromBase64url(node.createPublicKey(privateKey(own)).export({ format: "jwk" }).x ?? ""), secretKey: own };
    },
    shared(secretKey, point) {
      checkSecretKey(secretKey);
      checkPublicKey(point);
      const secret = privateKey(secretKey);
      const peer = publicKey(point);
      let shared: Uint8Array;
      try {
        shared = multiply(secret, peer);
      } catch {
        throw smallOrder();
      }
      return checkShared(shared);
    },
  };
}

/** The primitives of `node:crypto` that exist here and give the right known answers, each judged on its own: Bun, for one, has no ChaCha20-Poly1305. */
export function nativeProvider(node: NodeCrypto | undefined = nodeCrypto()): Partial<CryptoProvider> {
  if (node === undefined) return {};
  const chachaPoly = nativeAead(node, "chacha20-poly1305");
  const aesGcm = nativeAead(node, "aes-256-gcm");
  const sha256 = nativeHash(node, "SHA256", "sha256");
  const blake2s = nativeHash(node, "BLAKE2s", "blake2s256");
  const x25519 = nativeX25519(node);
  const good = {
    ...(chachaPolyPasses(chachaPoly) && { chachaPoly }),
    ...(aesGcmPasses(aesGcm) && { aesGcm }),
    ...(sha256Passes(sha256) && { sha256 }),
    ...(blake2sPasses(blake2s) && { blake2s }),
    ...(x25519Passes(x25519) && { x25519 }),
  };
  const count = Object.keys(good).length;
  return count === 0 ? good : { ...good, name: count === 5 ? "native" : "native and noble" };
}
