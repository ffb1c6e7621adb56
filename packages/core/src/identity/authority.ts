import { toBase64url } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { systemRuntime } from "../runtime/system.js";
import { isAgentId } from "../transport/address.js";
import { createAuthorityKeys, type PublishedKey } from "./authority-keys.js";
import { createIdentity, type ManagedIdentity } from "./identity.js";
import { issueToken, type TokenSigner } from "./issue.js";
import { readPublicJwk, thumbprintOf } from "./jwk.js";
import { generateKey } from "./key.js";
import { localKeys } from "./key-set.js";
import { checkPermissions } from "./permissions.js";
import { checkProfile, type IssuerProfile } from "./profile.js";
import { createRevocations, type Revocation } from "./revocations.js";
import { secretSigner } from "./secret.js";
import { clockToleranceS, publicKeyRules } from "./token.js";
import { type IssuerTrust, issuerTrust, secretTrust } from "./trust.js";
import type { SignatureAlg, SigningKey } from "./types.js";

export interface CreateAuthorityOptions {
  /** `iss` of its tokens. Default "tightbeam:authority", good for demos; two authorities trusted together need different ones. */
  readonly issuer?: string;
  /** Default: a generated, non-extractable Ed25519 key. */
  readonly key?: SigningKey;
  /** ms a token lasts unless asked otherwise. Default 1 h, at most 24 h. */
  readonly lifetime?: number;
  readonly runtime?: Runtime;
  /** Sign with a shared secret (HS256) instead of a key: at least 32 random bytes. Then nothing is published and keys cannot be rotated. */
  readonly hmac?: Uint8Array;
}

export interface IssueOptions {
  readonly id: string;
  /** The agent's public key as JWK; checked, private members refused. */
  readonly publicKey: object;
  /** A relay's audience; absent for tokens that peers see. */
  readonly audience?: string;
  readonly permissions?: readonly string[];
  /** ms, at most 24 h. */
  readonly lifetime?: number;
}

export interface EnrollOptions {
  readonly permissions?: readonly string[];
  /** Audiences it may get tokens for. Default: any. */
  readonly audiences?: readonly string[];
  readonly alg?: SignatureAlg;
  /** Default: a generated, non-extractable one. */
  readonly key?: SigningKey;
  /** ms, at most 24 h. Default: the authority's. */
  readonly lifetime?: number;
}

export interface AuthorityTrustOptions extends Pick<IssuerProfile, "audience" | "prefixes" | "revoked"> {}

/** Issues tokens in this process: for tests, demos and small set-ups. */
export interface Authority {
  readonly issuer: string;
  /** A token for a key that somebody else holds. Throws `invalid_argument`, `invalid_key`, `too_large`, or `revoked_token` for a revoked agent or key. */
  issue(options: IssueOptions): Promise<string>;
  /** An identity whose tokens this authority renews. Tokens for an audience carry only permissions that begin with `transport:`: a relay sees them. */
  enroll(id: string, options?: EnrollOptions): Promise<ManagedIdentity>;
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

const lifetimeMaxMs = 24 * 3_600_000;
const transportPermission = "transport:";

/** Throws `invalid_argument`, `invalid_key`. */
export async function createAuthority(options: CreateAuthorityOptions = {}): Promise<Authority> {
  const { issuer = "tightbeam:authority", runtime = systemRuntime(), hmac } = options;
  if (hmac !== undefined && options.key !== undefined)
    throw new TightbeamError("invalid_argument", "An authority signs with a `key` or with a shared secret (`hmac`), never with both.");
  const defaultLifetime = checkLifetime(options.lifetime ?? 3_600_000);
  checkProfile({ issuer });
  const secret = hmac?.slice();
  const shared = secret === undefined ? undefined : secretSigner(secret);
  const keys = shared === undefined ? createAuthorityKeys(options.key ?? (await generateKey({ runtime })), clockToleranceS * 1000) : undefined;
  const revocations = createRevocations();
  const wall = (): number => runtime.clock.wall();

  function withKeys(): NonNullable<typeof keys> {
    if (keys === undefined) throw new TightbeamError("unsupported", "An authority with a shared secret has no keys of its own.");
    return keys;
  }

  async function issue({ id, publicKey, audience, permissions = [], lifetime = defaultLifetime }: IssueOptions): Promise<string> {
    if (!isAgentId(id)) throw new TightbeamError("invalid_argument", "An agent id is [realm/]name, each part 1 to 64 of A-Z a-z 0-9 _ -.");
    if (audience !== undefined && (typeof audience !== "string" || audience === "" || audience.length > 256))
      throw new TightbeamError("invalid_argument", "An audience is a string of 1 to 256 characters.");
    const granted = checkPermissions(permissions);
    const { alg, jwk } = readPublicJwk(publicKey);
    const jti = toBase64url(runtime.random.bytes(16));
    if (revocations.check({ jti, thumbprint: thumbprintOf(jwk), id }))
      throw new TightbeamError("revoked_token", "This agent or key has been revoked and gets no new tokens.");
    const issuedAt = wall();
    const expiresAt = issuedAt + checkLifetime(lifetime);
    keys?.used(expiresAt);
    return issueToken(shared ?? signer(withKeys().active), { issuer, id, jti, issuedAt, expiresAt, alg, publicJwk: jwk, permissions: granted, audience });
  }

  return Object.freeze({
    issuer,
    issue,
    async enroll(id: string, { permissions = [], audiences, alg = "EdDSA", key, lifetime = defaultLifetime }: EnrollOptions = {}) {
      const granted = checkPermissions(permissions);
      const forTransport = granted.filter((permission) => permission.startsWith(transportPermission));
      return createIdentity({
        id,
        key: key ?? (await generateKey({ alg, runtime })),
        runtime,
        async issue({ audience, publicJwk }) {
          if (audience === undefined) return issue({ id, publicKey: publicJwk, permissions: granted, lifetime });
          if (audiences !== undefined && !audiences.includes(audience))
            throw new TightbeamError("denied", "This agent may not get tokens for that audience: add it to `audiences`.");
          return issue({ id, publicKey: publicJwk, audience, permissions: forTransport, lifetime });
        },
      });
    },
    jwks: () => ({ keys: keys?.published(wall()) ?? [] }),
    async rotateKey(key?: SigningKey) {
      const current = withKeys();
      current.rotate(key ?? (await generateKey({ alg: current.active.alg, runtime })), wall());
    },
    removeKey: (kid: string) => withKeys().remove(kid),
    trust(trustOptions: AuthorityTrustOptions = {}) {
      const { revoked } = trustOptions;
      const profile = checkProfile({
        ...trustOptions,
        issuer,
        cnf: "jwk",
        maxTokenAge: lifetimeMaxMs,
        revoked: (token) => revocations.check(token) || (revoked?.(token) ?? false),
      });
      return secret === undefined
        ? issuerTrust(
            publicKeyRules(
              profile,
              localKeys(() => withKeys().verifiers(wall())),
            ),
          )
        : secretTrust(secret, profile);
    },
    revoke: (revocation: Revocation) => revocations.add(revocation, wall(), wall() + lifetimeMaxMs + clockToleranceS * 1000),
    reinstate: (revocation: Revocation) => revocations.remove(revocation),
  } satisfies Authority);
}

const signer = (key: SigningKey): TokenSigner => ({ alg: key.alg, kid: key.thumbprint, sign: key.sign });

function checkLifetime(lifetime: number): number {
  if (!(lifetime >= 1_000 && lifetime <= lifetimeMaxMs)) throw new TightbeamError("invalid_argument", "A token's `lifetime` is 1,000 ms to 24 h.");
  return lifetime;
}
