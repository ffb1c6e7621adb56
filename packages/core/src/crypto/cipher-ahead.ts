import { equalBytes } from "../bytes.js";
import type { NodeKey } from "./node-crypto.js";

type Key = NodeKey | Uint8Array;

interface Expected<Cipher> {
  readonly key: Key;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  cipher: Cipher | undefined;
}

/** Ciphers made before their text is there, one for each key. */
export interface CiphersAhead<Cipher> {
  expect(bytes: Uint8Array, nonce: Uint8Array, aad: Uint8Array): void;
  /** The one that was expected if all of it is the same, else a new one. None is handed out twice. */
  take(bytes: Uint8Array, nonce: Uint8Array, aad: Uint8Array): Cipher;
}

/** `imported` gives the same object again only while the array holds the same key: erasing or overwriting it in place is safe here too. */
export function ciphersAhead<Cipher>(
  imported: (bytes: Uint8Array) => Key,
  make: (key: Key, nonce: Uint8Array, aad: Uint8Array) => Cipher,
): CiphersAhead<Cipher> {
  const all = new WeakMap<Uint8Array, Expected<Cipher>>();
  const fits = (known: Expected<Cipher> | undefined, key: Key, nonce: Uint8Array, aad: Uint8Array): known is Expected<Cipher> =>
    known?.key === key && equalBytes(known.nonce, nonce) && equalBytes(known.aad, aad);
  return {
    expect(bytes, nonce, aad) {
      const key = imported(bytes);
      const known = all.get(bytes);
      if (known?.cipher === undefined || !fits(known, key, nonce, aad)) {
        all.set(bytes, { key, nonce: nonce.slice(), aad: aad.slice(), cipher: make(key, nonce, aad) });
      }
    },
    take(bytes, nonce, aad) {
      const key = imported(bytes);
      const known = all.get(bytes);
      const cipher = fits(known, key, nonce, aad) ? known.cipher : undefined;
      if (known !== undefined) known.cipher = undefined;
      return cipher ?? make(key, nonce, aad);
    },
  };
}
