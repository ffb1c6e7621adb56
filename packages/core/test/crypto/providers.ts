import { nativeProvider } from "../../src/crypto/native.js";
import { loadNoble } from "../../src/crypto/noble.js";
import type { CryptoProvider } from "../../src/crypto/provider.js";
import { sodiumAead } from "../../src/crypto/sodium-aead.js";

/** Native first, then noble, then native with the AEAD of libsodium: what every provider test runs over. Node has every primitive natively, so a missing one is a failure. */
export async function providers(): Promise<readonly CryptoProvider[]> {
  const native = nativeProvider();
  for (const name of ["chachaPoly", "aesGcm", "sha256", "blake2s", "x25519"] as const) {
    if (native[name] === undefined) throw new Error(`node:crypto lacks ${name} here`);
  }
  const chachaPoly = await sodiumAead();
  if (chachaPoly === undefined) throw new Error("libsodium is not installed here");
  return [native as CryptoProvider, await loadNoble(), { ...(native as CryptoProvider), name: "libsodium", chachaPoly }];
}

export function seal(
  provider: CryptoProvider,
  aead: "chachaPoly" | "aesGcm",
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const out = new Uint8Array(plaintext.length + 16);
  provider[aead].sealInto(out, key, nonce, aad, plaintext);
  return out;
}
