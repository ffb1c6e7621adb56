import { encodeUtf8 } from "../bytes.js";
import type { KeyDerivation } from "../crypto/web-crypto.js";
import { TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { systemRuntime } from "../runtime/system.js";
import { counted } from "../under-way.js";
import type { TokenSigner } from "./issue.js";
import type { IssuerKey } from "./issuer-key.js";
import { type KeySource, localKeys } from "./key-set.js";

/** `iss` of tokens that everyone with the secret can make. */
export const sharedIssuer = "tightbeam:shared-secret";

const secretMinBytes = 32;
const secretMaxBytes = 1_024;

/** 32 random bytes for `trust.everyoneWithSecret` and `identityFromSecret`. */
export const generateSecret = (runtime: Runtime = systemRuntime()): Uint8Array => runtime.random.bytes(secretMinBytes);

/** What a key is derived for: with one the other's tokens cannot be made. */
export type SecretPurpose = "shared secret" | "enrolment secret";

/** The verifying side: one key, HS256 only. */
export function secretKeys(secret: Uint8Array, purpose: SecretPurpose = "shared secret"): KeySource {
  const key = deriveKey(secret, "verify", purpose);
  const only: IssuerKey = { id: "shared-secret", kid: undefined, algorithms: ["HS256"], cryptoKey: () => key };
  return localKeys(() => [only]);
}

/** The issuing side. */
export function secretSigner(secret: Uint8Array, purpose: SecretPurpose = "shared secret"): TokenSigner {
  const key = deriveKey(secret, "sign", purpose);
  return {
    alg: "HS256",
    kid: undefined,
    async sign(data) {
      const signing = await key;
      return new Uint8Array(await counted(globalThis.crypto.subtle.sign("HMAC", signing, data as BufferSource)));
    },
  };
}

/** HKDF-SHA256 (RFC 5869), no salt: the secret itself signs nothing, so it never equals a key used elsewhere. Throws `invalid_key` at once. */
function deriveKey(secret: Uint8Array, usage: "sign" | "verify", purpose: SecretPurpose): Promise<CryptoKey> {
  checkSecret(secret);
  const { subtle } = globalThis.crypto;
  const derived = counted(
    subtle
      .importKey("raw", secret.slice(), "HKDF", false, ["deriveKey"])
      .then((base) => subtle.deriveKey(expand(`${purpose} HS256`), base, { name: "HMAC", hash: "SHA-256", length: 256 }, false, [usage])),
  );
  // Whoever needs the key sees the rejection; until then it is nobody's.
  derived.catch(() => undefined);
  return derived;
}

/** What a key or a name is derived for (RFC 5869), without a salt. */
export const expand = (what: string): KeyDerivation => ({
  name: "HKDF",
  hash: "SHA-256",
  salt: new Uint8Array(0),
  info: encodeUtf8(`tightbeam/1 ${what}`) as BufferSource,
});

/** Cannot prove randomness; refuses what is surely not random: too short, printable text, few distinct values, a repeated block, a steady step. Throws `invalid_key`. */
export function checkSecret(secret: Uint8Array): void {
  const refuse = (why: string): never => {
    throw new TightbeamError("invalid_key", `The shared secret ${why}: use generateSecret(), 32 random bytes.`);
  };
  if (!(secret instanceof Uint8Array)) refuse("is not a Uint8Array");
  if (secret.length < secretMinBytes) refuse(`is shorter than ${secretMinBytes} bytes`);
  if (secret.length > secretMaxBytes) refuse(`is longer than ${secretMaxBytes} bytes`);
  if (secret.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09)) refuse("is not random bytes but text");
  // 32 random bytes have fewer than 16 distinct values once in 10^15 cases.
  if (new Set(secret).size < 16) refuse("is not random bytes: few are distinct");
  const step = ((secret[1] as number) - (secret[0] as number)) & 0xff;
  if (secret.every((byte, i) => i === 0 || ((byte - (secret[i - 1] as number)) & 0xff) === step)) refuse("is not random bytes but a sequence");
  if (secret.every((byte, i) => i < 16 || byte === secret[i % 16])) refuse("is not random bytes: it repeats itself");
}
