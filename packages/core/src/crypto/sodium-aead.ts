import { checkKeyAndNonce, checkSeal, keyBytes, tagBytes } from "./checks.js";
import { chachaPolyPasses } from "./known-answers.js";
import type { Aead } from "./provider.js";
import { installedSodium, type Sodium } from "./sodium-library.js";

/** Key and nonce, each at an address that is a multiple of 16. */
const headBytes = keyBytes + 16;
/** What one call needs is rarely more. */
const firstRoomBytes = 8 * 1024;

/**
 * ChaCha20-Poly1305 of libsodium: no object to make for each message, so a third of what Node's own costs for a small one. Undefined where
 * it is not installed or gives wrong answers. What is secret leaves its memory with each call.
 */
export async function sodiumAead(load = installedSodium): Promise<Aead | undefined> {
  let sodium: Sodium;
  try {
    sodium = await load();
    if (sodium._sodium_init() < 0) return undefined;
  } catch {
    return undefined;
  }
  const aead = aeadOf(sodium);
  return chachaPolyPasses(aead) ? aead : undefined;
}

function aeadOf(sodium: Sodium): Aead {
  let at = 0;
  let room = 0;
  /** key | nonce | text | aad | ciphertext */
  const reserve = (text: number, aad: number): number => {
    const bytes = headBytes + 2 * text + tagBytes + aad;
    if (bytes <= room) return at;
    if (room > 0) sodium._free(at);
    room = 0;
    const more = Math.max(bytes, firstRoomBytes);
    at = sodium._malloc(more);
    if (at === 0) throw new RangeError("libsodium has no memory left");
    room = more;
    return at;
  };
  let text = 0;
  let named = 0;
  let sealed = 0;
  /** Lays out one call, with what both directions need in its place. Returns its first address. */
  const lay = (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, length: number): number => {
    const base = reserve(length, aad.length);
    text = base + headBytes;
    named = text + length;
    sealed = named + aad.length;
    const heap = sodium.HEAPU8;
    heap.set(key, base);
    heap.set(nonce, base + keyBytes);
    heap.set(aad, named);
    return base;
  };
  return {
    sealInto(out, key, nonce, aad, plaintext) {
      checkSeal(out, key, nonce, plaintext);
      const { length } = plaintext;
      const base = lay(key, nonce, aad, length);
      const heap = sodium.HEAPU8;
      heap.set(plaintext, text);
      sodium._crypto_aead_chacha20poly1305_ietf_encrypt(sealed, 0, text, length, 0, named, aad.length, 0, 0, base + keyBytes, base);
      out.set(heap.subarray(sealed, sealed + length + tagBytes));
      heap.fill(0, base, named);
    },
    open(key, nonce, aad, ciphertext) {
      checkKeyAndNonce(key, nonce);
      const length = ciphertext.length - tagBytes;
      if (length < 0) return undefined;
      const base = lay(key, nonce, aad, length);
      const heap = sodium.HEAPU8;
      heap.set(ciphertext, sealed);
      const wrong = sodium._crypto_aead_chacha20poly1305_ietf_decrypt(text, 0, 0, sealed, ciphertext.length, 0, named, aad.length, 0, base + keyBytes, base);
      const plaintext = wrong === 0 ? heap.slice(text, named) : undefined;
      heap.fill(0, base, named);
      return plaintext;
    },
  };
}
