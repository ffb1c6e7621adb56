/** Who an agent is and how it proves it. */
export interface Identity {
  /** `[realm/]name`. */
  readonly id: string;
  readonly key: SigningKey;
  /**
   * A current token: for peers without `audience`, for a relay with the relay's audience.
   * Renews itself at two thirds of its lifetime; a failed renewal returns the old token until it expires,
   * then throws `expired_token` with the cause.
   */
  token(audience?: string): Promise<string>;
  /** Told of renewals and failed renewals. Listener errors are swallowed. Returns a function that ends it. */
  onRenewal?(listener: (event: RenewalEvent) => void): () => void;
}

export type RenewalEvent =
  | { readonly type: "renewed"; readonly audience: string | undefined; readonly expiresAt: number }
  | { readonly type: "renewal_failed"; readonly audience: string | undefined; readonly expiresAt: number; readonly error: unknown };

export type SignatureAlg = "EdDSA" | "ES256";

/** A signing key. The private half may be a non-extractable WebCrypto key; it is never readable from here. */
export interface SigningKey {
  readonly alg: SignatureAlg;
  readonly publicJwk: PublicJwk;
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string;
  /** 64 bytes: Ed25519 (RFC 8032) or r || s of P-256 (RFC 7518, 3.4). */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

export interface VerifyKey {
  readonly alg: SignatureAlg;
  readonly publicJwk: PublicJwk;
  readonly thumbprint: string;
  /** False for any signature that is not exactly right; never throws for bad signatures. Ed25519 is verified strictly. */
  verify(signature: Uint8Array, data: Uint8Array): Promise<boolean>;
}

export type PublicJwk =
  | { readonly kty: "OKP"; readonly crv: "Ed25519"; readonly x: string }
  | { readonly kty: "EC"; readonly crv: "P-256"; readonly x: string; readonly y: string };

/** Decides which tokens count. Made by `authority.trust()` or the `trust` factories. */
export interface Trust {
  /**
   * PROTOCOL 2, steps 1 to 4 and 6. `now` is wall ms.
   * Throws `invalid_token`, `expired_token`, `revoked_token`, `unknown_issuer`, `issuer_unavailable` or `wrong_peer`.
   */
  verify(token: string, options: VerifyTokenOptions): Promise<VerifiedToken>;
  /** Asked every 60 s for live sessions. Throws like `verify` when the token must no longer count (revoked, or its issuer key was removed). */
  recheck(token: VerifiedToken, options: { readonly now: number }): Promise<void>;
}

export interface VerifyTokenOptions {
  readonly now: number;
  /** The id that was dialled: another one is `wrong_peer`. */
  readonly expectedId?: string;
  /** The key that travelled beside a token with `cnf.jkt`, as JWK JSON text (untrusted). */
  readonly jwk?: string;
  /** Require this `aud` (relay logins). Without it a token that has an `aud` of a relay is refused by profiles that check. */
  readonly audience?: string;
  /**
   * Told the key the token names before it is known whether the token counts, so that what takes time may begin meanwhile. Nothing follows
   * from it until `verify` resolves, and then only if that gives the same object.
   */
  readonly onKey?: (key: VerifyKey) => void;
}

export interface VerifiedToken {
  readonly id: string;
  readonly issuer: string;
  readonly jti: string;
  readonly key: VerifyKey;
  readonly permissions: readonly string[];
  /** Wall ms. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** What `recheck` needs to know which issuer key signed it. Opaque. */
  readonly issuerKey: string | undefined;
}
