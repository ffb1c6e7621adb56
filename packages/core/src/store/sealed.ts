import { isZero } from "../bytes.js";
import { deriveKey, extendedNonceBytes, type XChaCha, xchacha } from "../crypto/xchacha.js";
import { TightbeamError } from "../errors.js";
import type { Random } from "../runtime/runtime.js";

/** Seals what lies in a store: 32 secret, random bytes that are kept elsewhere, or the one in use and those it replaced. */
export type StoreKey = Uint8Array | { readonly current: Uint8Array; readonly previous?: readonly Uint8Array[] };

/*
 * A sealed value: u8 version 1 | 4 bytes key id | 24 bytes nonce | ciphertext || tag.
 * What is authenticated besides: version | key id | the entry's key, so that no value can stand in another's place.
 */
const version = 1;
const keyIdBytes = 4;
const nonceAt = 1 + keyIdBytes;
const textAt = nonceAt + extendedNonceBytes;
/** What sealing adds to a value. */
export const sealedOverhead: number = textAt + 16;

const storeKeyBytes = 32;
const previousMax = 16;
const keyMax = 256;

interface Sealer {
  readonly id: Uint8Array;
  readonly cipher: XChaCha;
}

export interface Sealing {
  /** Throws `invalid_argument` for a key of more than 256 characters. */
  seal(key: string, value: Uint8Array): Uint8Array;
  /** Throws `store_damaged`. Another version would be the header's to tell. */
  open(key: string, sealed: Uint8Array): Uint8Array;
  /** True when it was sealed with the current key: nothing to do in a rotation. */
  isCurrent(sealed: Uint8Array): boolean;
}

function sealer(storeKey: Uint8Array): Sealer {
  return {
    id: deriveKey(storeKey, "tightbeam/1 store key id", keyIdBytes),
    cipher: xchacha(deriveKey(storeKey, "tightbeam/1 store values", storeKeyBytes)),
  };
}

function storeKeys(storeKey: StoreKey): readonly Uint8Array[] {
  const all = storeKey instanceof Uint8Array ? [storeKey] : [storeKey.current, ...(storeKey.previous ?? [])];
  if (all.length > 1 + previousMax) throw new TightbeamError("invalid_argument", `A store opens with at most ${previousMax} previous keys.`);
  for (const key of all) {
    if (!(key instanceof Uint8Array) || key.length !== storeKeyBytes || isZero(key))
      throw new TightbeamError(
        "invalid_argument",
        `A storeKey is a Uint8Array of ${storeKeyBytes} random bytes (crypto.getRandomValues), kept apart from the store.`,
      );
  }
  return all;
}

const idAt = (sealed: Uint8Array, id: Uint8Array): boolean => {
  for (let i = 0; i < keyIdBytes; i++) if (sealed[1 + i] !== id[i]) return false;
  return true;
};

/** Values under one draw of the nonce's first 16 bytes. */
const noncesPerDraw = 128;

/**
 * Nonces that never come twice: drawn at random, and counted up from there in their last 8 bytes for the next values, which then share
 * what is derived of the first 16. A process that is cloned repeats no more of them than a pool of random bytes would.
 */
function nonces(random: Random): () => Uint8Array {
  let nonce: Uint8Array = new Uint8Array(0);
  let left = 0;
  return () => {
    if (left-- === 0) {
      nonce = random.bytes(extendedNonceBytes).slice();
      left = noncesPerDraw - 1;
      return nonce;
    }
    let at = extendedNonceBytes - 1;
    while (at > extendedNonceBytes - 8 && nonce[at] === 0xff) nonce[at--] = 0;
    nonce[at] = (nonce[at] as number) + 1;
    return nonce;
  };
}

/** Opens with any of the keys, seals with the current one. Throws `invalid_argument`. */
export function createSealing(storeKey: StoreKey, random: Random): Sealing {
  const sealers = storeKeys(storeKey).map(sealer);
  const current = sealers[0] as Sealer;
  const encoder = new TextEncoder();
  const nextNonce = nonces(random);
  const bound = new Uint8Array(nonceAt + 3 * keyMax);
  bound[0] = version;

  const boundTo = (id: Uint8Array, key: string): Uint8Array => {
    if (key.length > keyMax) throw new TightbeamError("invalid_argument", `A key of a store has at most ${keyMax} characters.`);
    bound.set(id, 1);
    return bound.subarray(0, nonceAt + encoder.encodeInto(key, bound.subarray(nonceAt)).written);
  };

  return {
    seal(key, value) {
      const sealed = new Uint8Array(sealedOverhead + value.length);
      const nonce = nextNonce();
      sealed[0] = version;
      sealed.set(current.id, 1);
      sealed.set(nonce, nonceAt);
      current.cipher.sealInto(sealed.subarray(textAt), nonce, boundTo(current.id, key), value);
      return sealed;
    },
    open(key, sealed) {
      if (sealed.length < sealedOverhead || sealed[0] !== version) throw damaged(key, "is damaged: it is no sealed value", restoreIt);
      let known = false;
      for (const { id, cipher } of sealers) {
        if (!idAt(sealed, id)) continue;
        known = true;
        const value = cipher.open(sealed.subarray(nonceAt, textAt), boundTo(id, key), sealed.subarray(textAt));
        if (value !== undefined) return value;
      }
      throw known
        ? damaged(key, "is damaged: its seal does not hold", restoreIt)
        : damaged(key, "was sealed with another storeKey than the one given", "Give that one, or restore the entry from a copy if it is damaged.");
    },
    isCurrent: (sealed) => sealed.length >= sealedOverhead && sealed[0] === version && idAt(sealed, current.id),
  };
}

const restoreIt = "Restore it from a copy, or give the storeKey that it was sealed with.";

const damaged = (key: string, what: string, advice: string): TightbeamError => new TightbeamError("store_damaged", `The entry ${key} ${what}. ${advice}`);
