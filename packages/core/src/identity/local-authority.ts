import { toBase64url } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import { systemRuntime } from "../runtime/system.js";
import { isAgentId } from "../transport/address.js";
import { createAuthorityKeys } from "./authority-keys.js";
import type { Authority, AuthorityTrustOptions, CreateAuthorityOptions, EnrollOptions, IssueOptions } from "./authority-types.js";
import { clockToleranceS } from "./claims.js";
import type { TokenEndpointOptions } from "./exchange/types.js";
import { createIdentity } from "./identity.js";
import { issueToken, type TokenSigner } from "./issue.js";
import { readPublicJwk, thumbprintOf } from "./jwk.js";
import { generateKey } from "./key.js";
import { localKeys } from "./key-set.js";
import { checkPermissions, forRelay } from "./permissions.js";
import { checkProfile } from "./profile.js";
import { createRevocations, type Revocation } from "./revocations.js";
import { secretSigner } from "./secret.js";
import { publicKeyRules } from "./token.js";
import { issuerTrust, secretTrust } from "./trust.js";
import type { SigningKey } from "./types.js";

const lifetimeMaxMs = 24 * 3_600_000;

const authorityNames: readonly (keyof CreateAuthorityOptions)[] = ["issuer", "key", "lifetime", "runtime", "hmac"];
const issueNames: readonly (keyof IssueOptions)[] = ["id", "publicKey", "audience", "permissions", "lifetime"];
const enrollNames: readonly (keyof EnrollOptions)[] = ["permissions", "audiences", "alg", "key", "lifetime", "presence"];
const trustNames: readonly (keyof AuthorityTrustOptions)[] = ["audience", "prefixes", "revoked"];

/** The authority of `createAuthority`. */
export async function createLocalAuthority(options: CreateAuthorityOptions): Promise<Authority> {
  checkKnown("createAuthority", options, authorityNames);
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

  async function issue(wanted: IssueOptions): Promise<string> {
    checkKnown("issue", wanted, issueNames);
    const { id, publicKey, audience, permissions = [], lifetime = defaultLifetime } = wanted;
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

  const jwks = () => ({ keys: keys?.published(wall()) ?? [] });

  return Object.freeze({
    issuer,
    issue,
    async accept(endpoint: TokenEndpointOptions) {
      const { createTokenEndpoint } = await import("./exchange/endpoint.js");
      return createTokenEndpoint({ issuer, issue, jwks }, endpoint, runtime);
    },
    async enroll(id: string, enrollment: EnrollOptions = {}) {
      checkKnown("enroll", enrollment, enrollNames);
      const { permissions = [], audiences, alg = "EdDSA", key, lifetime = defaultLifetime, presence } = enrollment;
      const granted = checkPermissions(permissions);
      const forTransport = forRelay(id, granted, presence);
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
    jwks,
    async rotateKey(key?: SigningKey) {
      const current = withKeys();
      current.rotate(key ?? (await generateKey({ alg: current.active.alg, runtime })), wall());
    },
    removeKey: (kid: string) => withKeys().remove(kid),
    trust(trustOptions: AuthorityTrustOptions = {}) {
      checkKnown("authority.trust", trustOptions, trustNames);
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
