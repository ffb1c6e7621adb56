import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { checkKeyAndNonce, checkPublicKey, checkSeal, checkSecretKey, checkShared, smallOrder, tagBytes } from "./checks.js";
import { hash } from "./hash.js";
import { loadX25519 } from "./platform.js";
import type { Aead, CryptoProvider, DiffieHellman, Hash } from "./provider.js";

interface NobleCipher {
  encrypt(plaintext: Uint8Array, output?: Uint8Array): Uint8Array;
  decrypt(ciphertext: Uint8Array): Uint8Array;
}

function nobleAead(cipher: (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => NobleCipher, writesInto: boolean): Aead {
  return {
    sealInto(out, key, nonce, aad, plaintext) {
      checkSeal(out, key, nonce, plaintext);
      const instance = cipher(key, nonce, aad);
      if (writesInto) instance.encrypt(plaintext, out);
      else out.set(instance.encrypt(plaintext));
    },
    open(key, nonce, aad, ciphertext) {
      checkKeyAndNonce(key, nonce);
      if (ciphertext.length < tagBytes) return undefined;
      const instance = cipher(key, nonce, aad);
      try {
        return instance.decrypt(ciphertext);
      } catch {
        return undefined;
      }
    },
  };
}

/** What every process needs at once. The rest loads on demand: importing all of noble costs 35 ms of CPU, these two 7. */
export const nobleChachaPoly: Aead = nobleAead(chacha20poly1305, true);
export const nobleSha256: Hash = hash("SHA256", sha256);

export async function loadNobleAesGcm(): Promise<Aead> {
  const { gcm } = await import("./aes-gcm.js");
  return nobleAead(gcm, false);
}

export async function loadNobleBlake2s(): Promise<Hash> {
  const { blake2s } = await import("./blake2s.js");
  return hash("BLAKE2s", (data) => blake2s(data));
}

export async function loadNobleX25519(): Promise<DiffieHellman> {
  const x25519 = await loadX25519();
  return {
    keyPair(secretKey) {
      checkSecretKey(secretKey);
      const own = secretKey.slice();
      return { publicKey: x25519.getPublicKey(own), secretKey: own };
    },
    shared(secretKey, publicKey) {
      checkSecretKey(secretKey);
      checkPublicKey(publicKey);
      let shared: Uint8Array;
      try {
        shared = x25519.getSharedSecret(secretKey, publicKey);
      } catch {
        throw smallOrder();
      }
      return checkShared(shared);
    },
  };
}

/** The provider without any native code: works in every runtime. */
export async function loadNoble(): Promise<CryptoProvider> {
  const [aesGcm, blake2s, x25519] = await Promise.all([loadNobleAesGcm(), loadNobleBlake2s(), loadNobleX25519()]);
  return Object.freeze({ name: "noble", chachaPoly: nobleChachaPoly, aesGcm, sha256: nobleSha256, blake2s, x25519 });
}
