import { TightbeamError } from "../../errors.js";
import { permits } from "../../identity/permissions.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";

/** An authenticated peer, as a policy sees it. */
export interface PolicyPeer {
  readonly id: string;
  readonly instance: string;
  readonly issuer: string;
  /** RFC 7638, of its identity key. */
  readonly thumbprint: string;
  /** What its newest token grants. */
  readonly permissions: readonly string[];
}

/**
 * Who may do what here. `"token"`: what the peer's token grants, and nothing else. A function: only what it answers `true` to; what it
 * throws denies.
 */
export type Policy = "token" | ((peer: PolicyPeer, permission: string) => boolean);

type Peer = Link["peer"];

/** The same questions come over and over, and a token may hold 256 grants. A new token is a new peer. */
function tokenPermits(): (peer: Peer, permission: string) => boolean {
  const answers = new WeakMap<Peer, Map<string, boolean>>();
  return (peer, permission) => {
    let known = answers.get(peer);
    if (known === undefined || known.size >= limits.answersKept) {
      known = new Map();
      answers.set(peer, known);
    }
    let answer = known.get(permission);
    if (answer === undefined) {
      answer = permits(peer.permissions, permission);
      known.set(permission, answer);
    }
    return answer;
  };
}

/** Undefined where there is no policy. Throws `invalid_argument`. */
export function createPermits(policy: Policy | undefined): ((peer: Peer, permission: string) => boolean) | undefined {
  if (policy === undefined) return undefined;
  if (policy === "token") return tokenPermits();
  if (typeof policy !== "function") throw new TightbeamError("invalid_argument", '`policy` is "token" or a function (peer, permission) => boolean.');
  return ({ id, instance, issuer, thumbprint, permissions }, permission) => {
    try {
      const answer: unknown = policy({ id, instance, issuer, thumbprint, permissions }, permission);
      // An async one permits nothing, and must not end the process by what it throws.
      if (answer instanceof Promise) answer.catch(() => undefined);
      return answer === true;
    } catch {
      return false;
    }
  };
}
