import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import { isAgentId } from "../transport/address.js";
import { isPublicAlgorithm, type PublicTokenAlgorithm } from "./algorithms.js";
import type { JsonObject } from "./json.js";

/** What a token says, authenticated by its issuer. */
export type TokenClaims = JsonObject;

/** Asked about every token on its first use and every 60 s while a session lives. A hook that throws refuses the token for now (`issuer_unavailable`). */
export type RevocationCheck = (token: { readonly jti: string; readonly thumbprint: string; readonly id: string }) => boolean | Promise<boolean>;

/** How the tokens of one issuer are read. */
export interface IssuerProfile {
  /** Exactly the `iss` of its tokens. */
  readonly issuer: string;
  /** The header's `typ`. Default "wit+jwt". */
  readonly typ?: string | undefined;
  /** Turns claims into an agent id. Default: `sub`, which must be one. Anything but an agent id, and whatever it throws, refuses the token. */
  readonly agentId?: ((claims: TokenClaims) => string) | undefined;
  /** Where the agent's key is: inside (`cnf.jwk`) or beside the token (`cnf.jkt`). Default: either. */
  readonly cnf?: "jwk" | "jkt" | undefined;
  /** The `aud` peer tokens must have. Without it a token with any `aud` is refused (RFC 7519, 4.1.3), unless the caller asked for that audience. */
  readonly audience?: string | undefined;
  /** What ids it may assert: a realm with its slash ("acme/"), one id ("acme/bob"), or "" for every id, the default. */
  readonly prefixes?: readonly string[] | undefined;
  /** Default: whatever its keys say. */
  readonly algorithms?: readonly PublicTokenAlgorithm[] | undefined;
  /** ms since `iat` after which a token no longer counts, whatever its `exp`. Default 24 h. */
  readonly maxTokenAge?: number | undefined;
  /** Default: the claim `permissions`. */
  readonly permissions?: ((claims: TokenClaims) => readonly string[]) | undefined;
  readonly revoked?: RevocationCheck | undefined;
}

export interface CheckedProfile extends IssuerProfile {
  readonly typ: string;
  readonly prefixes: readonly string[];
  readonly maxTokenAge: number;
}

const dayMs = 24 * 3_600_000;

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);

const profileNames: readonly (keyof IssuerProfile)[] = [
  "issuer",
  "typ",
  "agentId",
  "cnf",
  "audience",
  "prefixes",
  "algorithms",
  "maxTokenAge",
  "permissions",
  "revoked",
];

/** Copies the profile. `more` may stand beside its members, for others to read. Throws `invalid_argument`. */
export function checkProfile(profile: IssuerProfile, more: readonly string[] = []): CheckedProfile {
  // One that is misspelt must not widen the trust: without `prefixes` an issuer speaks for everybody.
  checkKnown("The profile of an issuer", profile, [...profileNames, ...more]);
  const { issuer, audience, algorithms, typ = "wit+jwt", cnf, prefixes = [""], maxTokenAge = dayMs } = profile;
  if (typeof issuer !== "string" || issuer === "" || issuer.length > 512)
    throw invalid("`issuer` is a string of 1 to 512 characters: exactly the `iss` of the tokens.");
  if (typeof typ !== "string" || typ === "") throw invalid("`typ` is a non-empty string.");
  if (cnf !== undefined && cnf !== "jwk" && cnf !== "jkt") throw invalid("`cnf` is 'jwk' or 'jkt'.");
  if (audience !== undefined && (typeof audience !== "string" || audience === "")) throw invalid("`audience` is a non-empty string.");
  if (!(Number.isFinite(maxTokenAge) && maxTokenAge > 0)) throw invalid("`maxTokenAge` is a number of ms above 0.");
  if (algorithms !== undefined && !(algorithms.length > 0 && algorithms.every(isPublicAlgorithm)))
    throw invalid("`algorithms` lists public-key algorithms such as 'EdDSA', 'ES256' or 'RS256'.");
  if (prefixes.length === 0 || !prefixes.every(isPrefix)) throw invalid("A prefix is a realm with its slash ('acme/'), an agent id, or '' for every id.");
  return Object.freeze({ ...profile, typ, maxTokenAge, prefixes: Object.freeze([...prefixes]) });
}

export const isPrefix = (prefix: unknown): boolean => typeof prefix === "string" && (prefix === "" || isAgentId(prefix.endsWith("/") ? `${prefix}x` : prefix));

/** A prefix that ends in "/" (or is empty) covers what begins with it; any other one covers only itself. */
export const covers = (prefix: string, id: string): boolean => (prefix === "" || prefix.endsWith("/") ? id.startsWith(prefix) : id === prefix);

export const overlap = (a: string, b: string): boolean => covers(a, b) || covers(b, a);
