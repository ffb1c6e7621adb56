import { TightbeamError } from "../errors.js";
import { isAgentId } from "../transport/address.js";
import { counted } from "../under-way.js";
import { publicAlgorithms, type TokenAlgorithm } from "./algorithms.js";
import { checkClaims, clockToleranceS, expiredToken, invalidToken as invalid, unknownIssuer } from "./claims.js";
import { confirmedKey } from "./confirmation.js";
import type { IssuerKey } from "./issuer-key.js";
import type { KeySource } from "./key-set.js";
import { isPermission, permissionsForm, permissionsMax } from "./permissions.js";
import { type CheckedProfile, covers, type TokenClaims } from "./profile.js";
import { readToken } from "./shape.js";
import { loadVerify } from "./signature.js";
import type { VerifiedToken, VerifyTokenOptions } from "./types.js";

const textMax = 512;

export interface TokenRules {
  readonly profile: CheckedProfile;
  readonly keys: KeySource;
  /** "HS256" stands alone: never beside a public key. */
  readonly algorithms: readonly TokenAlgorithm[];
}

/** The rules of PROTOCOL 2 for one issuer: public-key algorithms, those of the profile if it names any. */
export const publicKeyRules = (profile: CheckedProfile, keys: KeySource): TokenRules => ({ profile, keys, algorithms: profile.algorithms ?? publicAlgorithms });

/** PROTOCOL 2, steps 1 to 4 and 6, in that order. Throws as `Trust.verify` says; a message names at most the issuer and the agent of the token, where those are plain text. */
export async function verifyToken(token: string, rules: TokenRules, options: VerifyTokenOptions): Promise<VerifiedToken> {
  const { profile } = rules;
  if (!Number.isFinite(options.now)) throw new TightbeamError("invalid_argument", "`now` is the wall clock in ms.");
  const { header, claims } = readToken(token);
  if (claims.iss !== profile.issuer) throw unknownIssuer(claims.iss);

  // Both at once: the signature is checked by another thread. In the order below they count.
  const signature = verifySignature(token, rules);
  const named = confirmedKey(claims.cnf, profile.cnf, options.jwk);
  named.then(options.onKey).catch(() => undefined);
  const issuerKey = await signature;
  const times = checkClaims(header, claims, profile, options.now);
  checkAudience(claims, profile, options);
  const jti = requireText(claims.jti, "jti");

  const id = agentId(claims, profile);
  if (options.expectedId !== undefined && id !== options.expectedId)
    throw new TightbeamError("wrong_peer", `The token belongs to ${id}, not to the agent that was dialled.`);
  const permissions = readPermissions(claims, profile);
  const key = await named;
  const verified: VerifiedToken = Object.freeze({ id, issuer: profile.issuer, jti, key, permissions, ...times, issuerKey: issuerKey.id });
  await checkRevocation(verified, profile);
  return verified;
}

/** What must still hold for a token that was verified before. */
export async function recheckToken(token: VerifiedToken, rules: TokenRules, now: number): Promise<void> {
  if (token.issuer !== rules.profile.issuer) throw unknownIssuer(token.issuer);
  if (!(now <= token.expiresAt + clockToleranceS * 1000)) throw expiredToken();
  if (token.issuerKey === undefined || !(await rules.keys.has(token.issuerKey)))
    throw new TightbeamError("revoked_token", "The issuer removed the key that signed this token: get a new one.");
  await checkRevocation(token, rules.profile);
}

/** Of the very text that `readToken` took apart. The key that verified it. Throws `invalid_token`, and what finding the key threw. */
export async function verifySignature(token: string, { keys, algorithms }: Pick<TokenRules, "keys" | "algorithms">): Promise<IssuerKey> {
  const compactVerify = await loadVerify();
  let issuerKey: IssuerKey | undefined;
  let verifying = (): void => undefined;
  try {
    await compactVerify(
      token,
      async ({ alg, kid }) => {
        issuerKey = await keys.find(alg as TokenAlgorithm, kid);
        if (issuerKey === undefined) throw invalid("The token's issuer has no key for it: removed, replaced, or another issuer's.");
        const key = await issuerKey.cryptoKey(alg as TokenAlgorithm);
        // Finding the key may wait for a network; from here on it is a thread's work.
        void counted(new Promise<void>((resolve) => (verifying = resolve)));
        return key;
      },
      { algorithms: [...algorithms] },
    );
    return issuerKey as unknown as IssuerKey;
  } catch (error) {
    throw translate(error);
  } finally {
    verifying();
  }
}

/** jose's errors quote values of the token, so neither they nor their messages are kept. */
function translate(error: unknown): TightbeamError {
  if (error instanceof TightbeamError) return error;
  const { code } = error as { code?: unknown };
  if (code === "ERR_JOSE_ALG_NOT_ALLOWED") return invalid("The token's issuer may not sign with this algorithm.");
  if (code === "ERR_JWS_SIGNATURE_VERIFICATION_FAILED") return invalid("The token's signature is wrong.");
  return invalid("The token could not be verified.");
}

function checkAudience(claims: TokenClaims, profile: CheckedProfile, options: VerifyTokenOptions): void {
  const { aud } = claims;
  const wanted = options.audience ?? profile.audience;
  if (wanted === undefined) {
    if (aud !== undefined) throw invalid("The token is meant for an audience ('aud'), and there is none here.");
    return;
  }
  const listed = Array.isArray(aud) ? aud : [aud];
  if (!listed.every((entry) => typeof entry === "string") || !listed.includes(wanted)) throw invalid("The token is meant for another audience ('aud').");
}

function requireText(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "" || value.length > textMax) throw invalid(`The token's '${name}' is a string of 1 to ${textMax} characters.`);
  return value;
}

function agentId(claims: TokenClaims, profile: CheckedProfile): string {
  let id: unknown;
  if (profile.agentId === undefined) id = claims.sub;
  else {
    try {
      id = profile.agentId(claims);
    } catch (cause) {
      throw invalid("The issuer's rule found no agent id in the token.", cause);
    }
  }
  if (!isAgentId(id)) throw invalid("The token names no agent: an id is [realm/]name of A-Z a-z 0-9 _ -.");
  if (!profile.prefixes.some((prefix) => covers(prefix, id as string)))
    throw invalid(`The issuer may not speak for ${id as string}: that id is outside the issuer's prefixes.`);
  return id;
}

function readPermissions(claims: TokenClaims, profile: CheckedProfile): readonly string[] {
  let permissions: unknown;
  try {
    permissions = profile.permissions === undefined ? (claims.permissions ?? []) : profile.permissions(claims);
  } catch (cause) {
    throw invalid("The issuer's rule found no permissions in the token.", cause);
  }
  if (!Array.isArray(permissions) || permissions.length > permissionsMax || !permissions.every(isPermission))
    throw invalid(`The token's permissions are outside the grammar: they are ${permissionsForm}.`);
  return Object.freeze([...permissions]);
}

async function checkRevocation(token: VerifiedToken, profile: CheckedProfile): Promise<void> {
  if (profile.revoked === undefined) return;
  let revoked: unknown;
  try {
    revoked = await profile.revoked({ jti: token.jti, thumbprint: token.key.thumbprint, id: token.id });
  } catch (cause) {
    throw new TightbeamError("issuer_unavailable", "Whether the token is revoked could not be found out.", { cause });
  }
  if (revoked !== false) throw new TightbeamError("revoked_token", `The token, its key or its agent (${token.id}) has been revoked.`);
}
