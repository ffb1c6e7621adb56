import { TightbeamError } from "../../errors.js";
import { publicAlgorithms } from "../algorithms.js";
import { invalidToken as invalid } from "../claims.js";
import type { KeySource } from "../key-set.js";
import type { TokenClaims } from "../profile.js";
import { verifySignature } from "../token.js";
import { type Acceptor, grant } from "./credential.js";
import { type CredentialRules, checkCredential } from "./credential-claims.js";
import type { OidcCredential, SpiffeCredential } from "./types.js";

export interface SignedRules extends CredentialRules {
  readonly name: string;
  readonly keys: KeySource;
  readonly agentId: (claims: TokenClaims) => unknown;
  /** Throws `invalid_token` when the claims are not this issuer's. */
  readonly checkIssuer: (claims: TokenClaims) => void;
}

const dayMs = 24 * 3_600_000;

/** Credentials that an issuer signed with a public key. Throws `invalid_argument`. */
export function acceptSigned(options: OidcCredential | SpiffeCredential, prefixes: readonly string[], rules: Omit<SignedRules, "maxAge">): Acceptor {
  const { maxAge = dayMs, algorithms = publicAlgorithms } = options;
  if (!(Number.isFinite(maxAge) && maxAge > 0)) throw new TightbeamError("invalid_argument", "`maxAge` is a number of ms above 0.");
  const given = typeof options.permissions === "function" ? options.permissions : options.permissions?.slice();
  const worth = { permissions: given ?? [], ...(options.lifetime === undefined ? {} : { lifetime: options.lifetime }) };
  return {
    name: rules.name,
    prefixes,
    async admit({ text, shape: { header, claims }, thumbprint, now }) {
      rules.checkIssuer(claims);
      await verifySignature(text, { keys: rules.keys, algorithms: [...algorithms] });
      if (typeof claims.sub !== "string" || claims.sub === "") throw invalid("The credential's 'sub' is missing.");
      checkCredential(header, claims, { ...rules, maxAge }, thumbprint, now);
      return grant(claims, rules.agentId, worth, prefixes);
    },
  };
}
