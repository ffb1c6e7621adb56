import { isAgentId } from "../../transport/address.js";
import { invalidToken as invalid } from "../claims.js";
import { checkPermissions } from "../permissions.js";
import type { TokenClaims } from "../profile.js";
import { covers } from "../profile.js";
import type { TokenShape } from "../shape.js";
import type { Grant } from "./types.js";

/** Who an agent is, by its credential, and what it gets. */
export interface Admitted {
  readonly id: string;
  readonly permissions: readonly string[];
  readonly lifetime: number | undefined;
}

/** A credential as it arrived: whole, in its one spelling, nothing else known. */
export interface Shown {
  readonly text: string;
  readonly shape: TokenShape;
  /** Of the key that was proved. */
  readonly thumbprint: string;
  /** Wall ms. */
  readonly now: number;
}

/** One kind of credential that is accepted. */
export interface Acceptor {
  /** What such a credential is found by. */
  readonly name: string;
  readonly prefixes: readonly string[];
  /** Throws `invalid_token`, `expired_token` or `issuer_unavailable`. */
  admit(shown: Shown): Promise<Admitted>;
}

/** What verified claims are worth. Throws `invalid_token`. */
export function grant(
  claims: TokenClaims,
  agentId: (claims: TokenClaims) => unknown,
  { permissions = [], lifetime }: Grant,
  prefixes: readonly string[],
): Admitted {
  let id: unknown;
  try {
    id = agentId(claims);
  } catch (cause) {
    throw invalid("The rule found no agent id in the credential.", cause);
  }
  if (!isAgentId(id)) throw invalid("The credential names no agent: an id is [realm/]name of A-Z a-z 0-9 _ -.");
  if (!prefixes.some((prefix) => covers(prefix, id as string))) throw invalid("The credential names an agent outside of its prefixes.");
  try {
    return { id, permissions: checkPermissions(typeof permissions === "function" ? permissions(claims) : permissions), lifetime };
  } catch (cause) {
    throw invalid("The rule found no permissions in the credential, or others than there are.", cause);
  }
}
