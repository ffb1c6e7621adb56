import type { GivenLimits } from "../../given-limits.js";
import type { PublicTokenAlgorithm } from "../algorithms.js";
import type { JwkSet } from "../key-set.js";
import type { TokenClaims } from "../profile.js";
import type { RemoteKeySetOptions } from "../remote-key-set.js";
import type { SigningKey } from "../types.js";

/** What a credential is worth here. */
export interface Grant {
  /** The ids it may stand for: a realm with its slash ("acme/"), one id ("acme/bob"), or "" for every id, the default. Those of two credentials must not overlap. */
  readonly prefixes?: readonly string[] | undefined;
  /** What its agents may do, or the rule that reads it from the claims. Default: nothing. */
  readonly permissions?: readonly string[] | ((claims: TokenClaims) => readonly string[]) | undefined;
  /** ms that a token lasts. Default: the authority's. */
  readonly lifetime?: number | undefined;
}

/** Keys at hand, or the https URL of a JWK Set, with how to fetch it. */
interface Signed extends RemoteKeySetOptions {
  /** The `aud` that a credential must have. Default: the endpoint's `url`. */
  readonly audience?: string | undefined;
  /** The id of the agent. Anything but an agent id, and whatever it throws, refuses the credential. */
  readonly agentId?: ((claims: TokenClaims) => string) | undefined;
  /** Values of the header's `typ` that count; a credential without `typ` counts too. */
  readonly typ?: readonly string[] | undefined;
  readonly algorithms?: readonly PublicTokenAlgorithm[] | undefined;
  /** ms since it was issued (without `iat`: until it expires) that a credential counts at most. Default 24 h. */
  readonly maxAge?: number | undefined;
}

/** JWTs of an OIDC provider: access tokens or ID tokens. */
export interface OidcCredential extends Grant, Signed {
  readonly type: "oidc";
  /** Exactly the `iss` of its tokens. Its keys are found by OpenID Connect Discovery unless `keys` says where. */
  readonly issuer: string;
  readonly keys?: JwkSet | string | undefined;
  /** Default: `sub`, which must be an agent id. */
  readonly agentId?: ((claims: TokenClaims) => string) | undefined;
  /** Default: "JWT" and "at+jwt". */
  readonly typ?: readonly string[] | undefined;
  /** Take only tokens that the provider bound to the proved key (`cnf`): then a stolen one is worth nothing. Default false. */
  readonly bound?: boolean | undefined;
}

/** JWT-SVIDs of one SPIFFE trust domain. */
export interface SpiffeCredential extends Grant, Signed {
  readonly type: "spiffe";
  /** Such as "acme.example". */
  readonly trustDomain: string;
  /** The trust bundle in JWKS form, or where it is. */
  readonly keys: JwkSet | string;
  /** Default: the path, when it is an agent id: `spiffe://acme.example/acme/bob` is `acme/bob`. */
  readonly agentId?: ((claims: TokenClaims) => string) | undefined;
}

/** Agents that hold an enrolment secret. It never travels: they sign with it. */
export interface SecretCredential extends Grant {
  readonly type: "secret";
  /** At least 32 random bytes: `generateSecret()`. */
  readonly secret: Uint8Array;
  /** Only claims that the agent itself made: permissions are given, not read. */
  readonly permissions?: readonly string[] | undefined;
}

export type AcceptedCredential = OidcCredential | SpiffeCredential | SecretCredential;

/** Bounds of an endpoint. Rates are counted per process. */
export interface TokenEndpointLimits {
  /** Of a request's body. Default 16 KiB. */
  readonly bodyBytes: number;
  /** ms for a body to arrive. Default 5,000. */
  readonly bodyTimeout: number;
  /** Requests worked on at a time, of all sources and of one. Defaults 256 and 16. */
  readonly concurrent: number;
  readonly concurrentPerSource: number;
  /** Requests in a minute, of all sources and of one. Defaults 6,000 and 120. */
  readonly perMinute: number;
  readonly perMinutePerSource: number;
  /** Tokens in a minute for one agent. Default 120. */
  readonly perMinutePerAgent: number;
  /** Keys of one agent that have a token which has not expired. Default 256. */
  readonly keysPerAgent: number;
}

export interface TokenEndpointOptions {
  /** Where agents POST, exactly as they see it, such as "https://agents.example/token". What a proxy or a Host header says never counts. */
  readonly url: string;
  readonly credentials: readonly AcceptedCredential[];
  /** Where the authority's keys are published. Default: "jwks" beside `url`. */
  readonly jwksUrl?: string | undefined;
  /** Accept http: for a loopback address. Default false. */
  readonly allowInsecure?: boolean | undefined;
  /** Audiences that agents may get tokens for. Default: any. */
  readonly audiences?: readonly string[] | undefined;
  /** Require a nonce of this endpoint in every proof (RFC 9449, 8). Default true; false where several processes answer at one `url`. */
  readonly nonce?: boolean | undefined;
  readonly limits?: GivenLimits<TokenEndpointLimits> | undefined;
  /** For an audit log. Errors of the listener are swallowed. */
  readonly onEvent?: ((event: TokenEvent) => void) | undefined;
}

/** What happened at the endpoint. Never holds a credential, a token or a secret. */
export type TokenEvent = TokenIssued | TokenRefused;

export interface TokenIssued {
  readonly type: "issued";
  readonly id: string;
  /** Which credential it was: the OIDC issuer, `spiffe://` and the trust domain, or the name of the enrolment secret. */
  readonly credential: string;
  readonly thumbprint: string;
  readonly jti: string;
  readonly audience: string | undefined;
  readonly permissions: readonly string[];
  /** Wall ms. */
  readonly expiresAt: number;
  readonly source: string | undefined;
}

export interface TokenRefused {
  readonly type: "refused";
  /** Of the answer. */
  readonly status: number;
  readonly error: string;
  /** Why; the client was not told. */
  readonly reason: string;
  readonly cause: unknown;
  /** As far as they were known: of a credential that was verified. */
  readonly id: string | undefined;
  readonly credential: string | undefined;
  readonly thumbprint: string | undefined;
  readonly source: string | undefined;
}

export interface RequestOrigin {
  /** Whom to count the request for: the client's address. Without it only the limits for all sources hold. */
  readonly source?: string;
}

/** An HTTP endpoint in terms of the Fetch standard, for any server. */
export interface TokenEndpoint {
  readonly url: string;
  readonly jwksUrl: string;
  /** Answers POST at the path of `url`, GET at the path of `jwksUrl`, and 404 elsewhere. Never rejects. */
  readonly handle: (request: Request, origin?: RequestOrigin) => Promise<Response>;
}

/** What an agent is asked for before each token. */
export interface CredentialRequest {
  /** The key the token will be bound to: for a credential that is bound to it as well. */
  readonly key: SigningKey;
  /** The endpoint's: the audience that a credential is best made for. */
  readonly url: string;
}
