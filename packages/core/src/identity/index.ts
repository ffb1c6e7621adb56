// Who an agent is, for applications: an identity, and whom to trust.
export { createAuthority } from "./authority.js";
export type { Authority, AuthorityTrustOptions, CreateAuthorityOptions, EnrollOptions, IssueOptions } from "./authority-types.js";
export type { PublishedKey } from "./authority-keys.js";
export { type CreateIdentityOptions, createIdentity, type IssueRequest, type ManagedIdentity } from "./identity.js";
export { type FixedTokenOptions, identityFromToken, type TokenGetterOptions } from "./from-token.js";
export { type AuthorityIdentityOptions, identityFromAuthority } from "./from-authority.js";
export { generateSecret } from "./secret.js";
export { identityFromSecret, type SecretIdentityOptions } from "./shared-secret.js";
export { type IssuerTrust, type SecretTrustOptions, trust } from "./trust.js";
export type { IssuerProfile, RevocationCheck, TokenClaims } from "./profile.js";
export type { RemoteKeySetOptions } from "./remote-key-set.js";
export type { JwkSet } from "./key-set.js";
export type { PublicTokenAlgorithm } from "./algorithms.js";
export type { Revocation } from "./revocations.js";
export { permits } from "./permissions.js";

// Tokens in exchange for what people already have: `authority.accept`.
export type {
  AcceptedCredential,
  CredentialRequest,
  Grant,
  OidcCredential,
  RequestOrigin,
  SecretCredential,
  SpiffeCredential,
  TokenEndpoint,
  TokenEndpointLimits,
  TokenEndpointOptions,
  TokenEvent,
  TokenIssued,
  TokenRefused,
} from "./exchange/types.js";
export { type DpopClaims, signDpop } from "./dpop.js";

// Keys.
export { exportKey, generateKey, type GenerateKeyOptions, importKey, type PrivateJwk } from "./key.js";
export type { WebCryptoKey, WebCryptoKeyPair, WebJwk } from "../crypto/web-crypto.js";
export { thumbprint } from "./jwk.js";
export { importVerifyKey } from "./verify-key.js";

// For transports and relays: a login.
export { type Credential, credential } from "./credential.js";
export { type ProofType, signProof, verifyProof } from "./proof.js";

export type {
  Identity,
  PublicJwk,
  RenewalEvent,
  SignatureAlg,
  SigningKey,
  Trust,
  VerifiedToken,
  VerifyKey,
  VerifyTokenOptions,
} from "./types.js";
