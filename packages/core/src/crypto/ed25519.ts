import { ed25519 } from "@noble/curves/ed25519.js";

// Only for runtimes without native Ed25519; import it with `await import()`.

/** Strict (RFC 8032): `zip215: false`. False for any bad input. */
export const verifyEd25519 = (signature: Uint8Array, data: Uint8Array, publicKey: Uint8Array): boolean => {
  try {
    return ed25519.verify(signature, data, publicKey, { zip215: false });
  } catch {
    return false;
  }
};

export const signEd25519 = (data: Uint8Array, seed: Uint8Array): Uint8Array => ed25519.sign(data, seed);

export const ed25519PublicKey = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed);
