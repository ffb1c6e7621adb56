import { TightbeamError } from "../errors.js";
import type { RevocationCheck } from "./profile.js";

/** What is revoked: one token, one key, or everything of one agent. */
export type Revocation = { readonly jti: string } | { readonly thumbprint: string } | { readonly id: string };

export interface Revocations {
  readonly check: RevocationCheck & ((token: { readonly jti: string; readonly thumbprint: string; readonly id: string }) => boolean);
  /** Throws `overloaded` when the list is full, `invalid_argument` for anything else than one of the three. */
  add(revocation: Revocation, now: number, until: number): void;
  remove(revocation: Revocation): void;
}

const entriesMax = 100_000;
const kinds = ["jti", "thumbprint", "id"] as const;

/** Exact, in memory, bounded. A revoked `jti` is forgotten at `until`; keys and agents stay until removed. */
export function createRevocations(): Revocations {
  const entries = new Map<string, number>();
  let pruneAt = 1_024;

  /** Drops what no token can carry any more; next time when the list has doubled, so that adding stays cheap. */
  function prune(now: number): void {
    for (const [entry, until] of entries) if (until < now) entries.delete(entry);
    pruneAt = Math.min(entriesMax, Math.max(1_024, entries.size * 2));
  }

  function name(revocation: Revocation): string {
    const given = kinds.filter((kind) => Object.hasOwn(revocation, kind));
    const [kind] = given;
    const value = kind === undefined ? undefined : (revocation as Record<string, unknown>)[kind];
    if (given.length !== 1 || typeof value !== "string" || value === "" || value.length > 512)
      throw new TightbeamError("invalid_argument", "Revoke one thing at a time: { jti }, { thumbprint } or { id }, a string of 1 to 512 characters.");
    return `${kind}:${value}`;
  }

  return {
    check: ({ jti, thumbprint, id }) => entries.has(`jti:${jti}`) || entries.has(`thumbprint:${thumbprint}`) || entries.has(`id:${id}`),
    add(revocation, now, until) {
      const entry = name(revocation);
      if (entries.size >= pruneAt) prune(now);
      if (entries.size >= entriesMax && !entries.has(entry))
        throw new TightbeamError(
          "overloaded",
          `The revocation list holds ${entriesMax} entries: remove some, or rotate the authority's key and remove the old one.`,
        );
      entries.set(entry, entry.startsWith("jti:") ? until : Number.POSITIVE_INFINITY);
    },
    remove: (revocation) => void entries.delete(name(revocation)),
  };
}
