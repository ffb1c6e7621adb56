import { TightbeamError } from "../errors.js";
import { systemRuntime } from "../runtime/system.js";
import { checkLength } from "./checks.js";
import * as sizes from "./kem-bytes.js";
import { checkCiphertext, checkM, checkPublic, checkSeed, notCanonical } from "./kem-checks.js";
import type { Kem } from "./provider.js";
import { installedSodium, type Sodium } from "./sodium-library.js";

const secretKeyBytes = 2400;
const { random } = systemRuntime();

const failed = (): TightbeamError => new TightbeamError("internal", "libsodium refused a key of its own");

/** ML-KEM of libsodium: four times as fast as noble. Undefined where it is not installed or has none. What is secret leaves its memory with each call. */
export async function sodiumKem(load = installedSodium): Promise<Kem | undefined> {
  const bytes = sizes.publicKey + secretKeyBytes + sizes.ciphertext + sizes.sharedSecret + sizes.seed;
  let sodium: Sodium;
  let pk: number;
  try {
    sodium = await load();
    if (sodium._sodium_init() < 0) return undefined;
    pk = sodium._malloc(bytes);
  } catch {
    return undefined;
  }
  if (pk === 0) return undefined;
  const sk = pk + sizes.publicKey;
  const ct = sk + secretKeyBytes;
  const ss = ct + sizes.ciphertext;
  const drawn = ss + sizes.sharedSecret;
  const put = (at: number, value: Uint8Array): void => sodium.HEAPU8.set(value, at);
  const take = (at: number, length: number): Uint8Array => sodium.HEAPU8.slice(at, at + length);
  const wiped = <T>(run: () => T): T => {
    try {
      return run();
    } finally {
      sodium.HEAPU8.fill(0, pk, pk + bytes);
    }
  };
  return Object.freeze<Kem>({
    name: "libsodium",
    keyPair(seed) {
      checkSeed(seed);
      return wiped(() => {
        put(drawn, seed);
        if (sodium._crypto_kem_mlkem768_seed_keypair(pk, sk, drawn) !== 0) throw failed();
        return { publicKey: take(pk, sizes.publicKey), secretKey: take(sk, secretKeyBytes) };
      });
    },
    encapsulate(publicKey, m) {
      checkPublic(publicKey);
      if (m !== undefined) checkM(m);
      const used = m ?? random.bytes(sizes.m);
      return wiped(() => {
        put(pk, publicKey);
        put(drawn, used);
        if (m === undefined) used.fill(0);
        if (sodium._crypto_kem_mlkem768_enc_deterministic(ct, ss, pk, drawn) !== 0) throw notCanonical();
        return { ciphertext: take(ct, sizes.ciphertext), sharedSecret: take(ss, sizes.sharedSecret) };
      });
    },
    decapsulate(secretKey, ciphertext) {
      checkLength(secretKey, secretKeyBytes, "a decapsulation key of libsodium");
      checkCiphertext(ciphertext);
      return wiped(() => {
        put(sk, secretKey);
        put(ct, ciphertext);
        if (sodium._crypto_kem_mlkem768_dec(ss, ct, sk) !== 0) throw failed();
        return take(ss, sizes.sharedSecret);
      });
    },
  });
}
