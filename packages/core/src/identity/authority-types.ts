import type { Runtime } from "../runtime/runtime.js";
import type { PublishedKey } from "./authority-keys.js";
import type { TokenEndpoint, TokenEndpointOptions } from "./exchange/types.js";
import type { ManagedIdentity } from "./identity.js";
import type { IssuerProfile } from "./profile.js";
import type { Revocation } from "./revocations.js";
import type { IssuerTrust } from "./trust.js";
import type { SignatureAlg, SigningKey } from "./types.js";

export interface CreateAuthorityOptions {
  /** `iss` of its tokens. Default "tightbeam:authority", good for demos; two authorities trusted together need different ones. */
  readonly issuer?: string | undefined;
  /** Default: a generated, non-extractable Ed25519 key. */
  readonly key?: SigningKey | undefined;
  /** ms a token lasts unless asked otherwise. Default 1 h, at most 24 h. */
  readonly lifetime?: number | undefined;
  readonly runtime?: Runtime | undefined;
  /** Sign with a shared secret (HS256) instead of a key: at least 32 random bytes. Then nothing is published and keys cannot be rotated. */
  readonly hmac?: Uint8Array | undefined;
}

export interface IssueOptions {
  readonly id: string;
  /** The agent's public key as JWK; checked, private members refused. */
  readonly publicKey: object;
  /** A relay's audience; absent for tokens that peers see. */
  readonly audience?: string | undefined;
  readonly permissions?: readonly string[] | undefined;
  /** ms, at most 24 h. */
  readonly lifetime?: number | undefined;
}

export interface EnrollOptions {
  readonly permissions?: readonly string[] | undefined;
  /** Audiences it may get tokens for. Default: any. */
  readonly audiences?: readonly string[] | undefined;
  readonly alg?: SignatureAlg | undefined;
  /** Default: a generated, non-extractable one. */
  readonly key?: SigningKey | undefined;
  /** ms, at most 24 h. Default: the authority's. */
  readonly lifetime?: number | undefined;
  /** Whether relays let it take part in presence in its own realm: `transport:presence:<realm>` in tokens for them. Default true. */
  readonly presence?: boolean | undefined;
}

export interface AuthorityTrustOptions extends Pick<IssuerProfile, "audience" | "prefixes" | "revoked"> {}

/** Issues tokens in this process: for tests, demos and small set-ups. */
export interface Authority {
  readonly issuer: string;
  /** A token for a key that somebody else holds. Throws `invalid_argument`, `invalid_key`, `too_large`, or `revoked_token` for a revoked agent or key. */
  issue(options: IssueOptions): Promise<string>;
  /** An identity whose tokens this authority renews. Tokens for an audience carry only permissions that begin with `transport:`, and `transport:presence:<own realm>`: a relay sees them. */
  enroll(id: string, options?: EnrollOptions): Promise<ManagedIdentity>;
  /**
   * Issues tokens to whoever shows a credential that counts and proves a key: `POST /token`, RFC 8693 with a DPoP proof (RFC 9449). The other
   * side is `identityFromAuthority`. Throws `invalid_argument`, `invalid_key`.
   */
  accept(options: TokenEndpointOptions): Promise<TokenEndpoint>;
  /** The public keys, as a JWK Set to publish. */
  jwks(): { readonly keys: readonly PublishedKey[] };
  /** Signs with another key from now on (default: a generated one of the same kind). The old one is published until its tokens have expired. */
  rotateKey(key?: SigningKey): Promise<void>;
  /** Stops publishing a retired key at once: its tokens no longer count. Throws `invalid_argument` for the active one. */
  removeKey(kid: string): void;
  /** Bound to the live keys and the live revocation list. */
  trust(options?: AuthorityTrustOptions): IssuerTrust;
  /** Seen at once by new handshakes, within a minute by live sessions. A revoked agent or key gets no new tokens either. Throws `overloaded` when the list is full. */
  revoke(revocation: Revocation): void;
  /** Takes a revocation back. */
  reinstate(revocation: Revocation): void;
}
