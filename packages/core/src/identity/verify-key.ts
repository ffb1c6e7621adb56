import { importVerify } from "../crypto/signatures.js";
import { readPublicJwk, thumbprintOf } from "./jwk.js";
import type { VerifyKey } from "./types.js";

/** A public key from an untrusted JWK, checked as `readPublicJwk` says. Throws `invalid_key`. */
export async function importVerifyKey(value: unknown): Promise<VerifyKey> {
  const { alg, jwk } = readPublicJwk(value);
  return Object.freeze({ alg, publicJwk: jwk, thumbprint: thumbprintOf(jwk), verify: await importVerify(alg, { ...jwk }) });
}
