import { systemRuntime } from "../runtime/system.js";

/** What is used of libsodium 1.0.22 and later in WebAssembly: the npm package `libsodium`. Numbers are addresses in `HEAPU8`, or 0 for success; a length is its low and its high 32 bits. */
export interface Sodium {
  /** Another array once the memory has grown. */
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(at: number): void;
  _sodium_init(): number;
  _crypto_kem_mlkem768_seed_keypair(publicKey: number, secretKey: number, seed: number): number;
  _crypto_kem_mlkem768_enc_deterministic(ciphertext: number, sharedSecret: number, publicKey: number, m: number): number;
  _crypto_kem_mlkem768_dec(sharedSecret: number, ciphertext: number, secretKey: number): number;
  _crypto_aead_chacha20poly1305_ietf_encrypt(
    ciphertext: number,
    lengthOut: 0,
    text: number,
    textLength: number,
    textLengthHigh: 0,
    aad: number,
    aadLength: number,
    aadLengthHigh: 0,
    none: 0,
    nonce: number,
    key: number,
  ): number;
  _crypto_aead_chacha20poly1305_ietf_decrypt(
    text: number,
    lengthOut: 0,
    none: 0,
    ciphertext: number,
    ciphertextLength: number,
    ciphertextLengthHigh: 0,
    aad: number,
    aadLength: number,
    aadLengthHigh: 0,
    nonce: number,
    key: number,
  ): number;
}

const name = "libsodium";
const { random } = systemRuntime();

let loading: Promise<Sodium> | undefined;

/** One for the process. Rejects where the package is not installed. Bundlers do not follow the import: most applications do not have it. */
export const installedSodium = (): Promise<Sodium> => {
  loading ??= (async () => {
    const { default: create } = (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as {
      default: (options: { getRandomValue: () => number }) => Promise<Sodium>;
    };
    return create({ getRandomValue: () => new DataView(random.bytes(4).buffer).getUint32(0) });
  })();
  return loading;
};
