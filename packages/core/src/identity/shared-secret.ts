import { checkKnown } from "../known-options.js";
import type { Runtime } from "../runtime/runtime.js";
import { createAuthority } from "./authority.js";
import type { ManagedIdentity } from "./identity.js";
import { sharedIssuer } from "./secret.js";
import type { SignatureAlg, SigningKey } from "./types.js";

export interface SecretIdentityOptions {
  readonly id: string;
  /** The same bytes as in `trust.everyoneWithSecret`. */
  readonly secret: Uint8Array;
  readonly permissions?: readonly string[] | undefined;
  /** Default: a generated, non-extractable Ed25519 key. */
  readonly key?: SigningKey | undefined;
  readonly alg?: SignatureAlg | undefined;
  readonly runtime?: Runtime | undefined;
}

const names: readonly (keyof SecretIdentityOptions)[] = ["id", "secret", "permissions", "key", "alg", "runtime"];

/** An identity that everyone with the secret accepts, and that everyone with the secret could make. Throws `invalid_key` for a weak secret. */
export async function identityFromSecret(given: SecretIdentityOptions): Promise<ManagedIdentity> {
  checkKnown("identityFromSecret", given, names);
  const { id, secret, runtime, ...options } = given;
  const authority = await createAuthority(runtime === undefined ? { issuer: sharedIssuer, hmac: secret } : { issuer: sharedIssuer, hmac: secret, runtime });
  return authority.enroll(id, options);
}
