import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import { onDemand } from "../on-demand.js";
import type { Runtime } from "../runtime/runtime.js";
import { systemRuntime } from "../runtime/system.js";
import type { CredentialRequest } from "./exchange/types.js";
import { createIdentity, type IssueRequest, type ManagedIdentity } from "./identity.js";
import { checkUrl } from "./jwks-url.js";
import { generateKey } from "./key.js";
import { checkPermissions } from "./permissions.js";
import { checkSecret } from "./secret.js";
import type { SignatureAlg, SigningKey } from "./types.js";

export interface AuthorityIdentityOptions {
  readonly id: string;
  /** The authority's endpoint (`authority.accept`), such as "https://agents.example/token". */
  readonly url: string;
  /** Gets what the authority accepts: an OIDC access token, a JWT-SVID. Asked for every token, so that it never has to be kept. */
  readonly credential?: ((request: CredentialRequest) => string | Promise<string>) | undefined;
  /** Or an enrolment secret, at least 32 random bytes. It stays here. */
  readonly secret?: Uint8Array | undefined;
  /** Fewer permissions than the authority would grant, at least one. */
  readonly permissions?: readonly string[] | undefined;
  /** Default: a generated one, non-extractable, that never leaves. */
  readonly key?: SigningKey | undefined;
  readonly alg?: SignatureAlg | undefined;
  /** ms for one request. Default 10,000. */
  readonly timeout?: number | undefined;
  /** Default: the platform's. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Accept http: for a loopback address. Default false. */
  readonly allowInsecure?: boolean | undefined;
  readonly runtime?: Runtime | undefined;
}

const names: readonly (keyof AuthorityIdentityOptions)[] = [
  "id",
  "url",
  "credential",
  "secret",
  "permissions",
  "key",
  "alg",
  "timeout",
  "fetch",
  "allowInsecure",
  "runtime",
];

const load = onDemand(async () => (await import("./exchange/request-token.js")).createTokenRequests);

/**
 * An identity whose tokens come from an authority's endpoint, in exchange for a credential this agent already has. The first is asked for
 * on first use. `token()` throws `issuer_unavailable`, `rate_limited`, `invalid_token` when the credential or the answer does not count,
 * `denied` for an audience, `forbidden` for permissions that are not given, `unsupported` where the URL serves something else. Throws `invalid_argument`, `invalid_key`.
 */
export async function identityFromAuthority(options: AuthorityIdentityOptions): Promise<ManagedIdentity> {
  checkKnown("identityFromAuthority", options, names);
  const { id, credential, secret, alg = "EdDSA", timeout = 10_000, runtime = systemRuntime() } = options;
  const url = checkUrl(options.url, "authority's", options.allowInsecure === true);
  if ((credential === undefined) === (secret === undefined))
    throw new TightbeamError("invalid_argument", "Give either a `credential` to exchange or an enrolment `secret`.");
  if (options.permissions !== undefined && checkPermissions(options.permissions).length === 0)
    throw new TightbeamError("invalid_argument", "`permissions` lists at least one, or is left out.");
  if (secret !== undefined) checkSecret(secret);
  const from = credential === undefined ? { secret: (secret as Uint8Array).slice() } : { credential };
  const key = options.key ?? (await generateKey({ alg, runtime }));
  let requests: ((request: IssueRequest, key: SigningKey) => Promise<string>) | undefined;
  return createIdentity({
    id,
    key,
    timeout: 2 * timeout + 1_000,
    runtime,
    async issue(request, own) {
      requests ??= (await load())({ ...from, id, url, permissions: options.permissions, fetch: options.fetch, timeout, runtime });
      return requests(request, own);
    },
  });
}
