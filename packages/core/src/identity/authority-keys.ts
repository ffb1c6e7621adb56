import { TightbeamError } from "../errors.js";
import { type IssuerKey, readIssuerKey } from "./issuer-key.js";
import { keySetMax } from "./key-set.js";
import type { PublicJwk, SignatureAlg, SigningKey } from "./types.js";

/** A published key. `kid` is its RFC 7638 thumbprint. */
export type PublishedKey = PublicJwk & { readonly kid: string; readonly alg: SignatureAlg; readonly use: "sig" };

interface Entry {
  readonly kid: string;
  readonly key: SigningKey;
  readonly published: PublishedKey;
  readonly verifier: IssuerKey;
  /** Wall ms: when the last token it signed has expired, clock differences included. */
  neededUntil: number;
}

export interface AuthorityKeys {
  readonly active: SigningKey;
  /** Remembers that the active key signed something that lasts until then. */
  used(expiresAt: number): void;
  /** Live keys, the active one first; retired ones whose tokens have all expired are dropped. */
  published(now: number): readonly PublishedKey[];
  verifiers(now: number): readonly IssuerKey[];
  rotate(key: SigningKey, now: number): void;
  remove(kid: string): void;
}

/** The keys of an authority: one that signs, and older ones that only verify until their tokens have run out. */
export function createAuthorityKeys(first: SigningKey, graceMs: number): AuthorityKeys {
  let entries = [entry(first)];
  const active = (): Entry => entries[0] as Entry;
  const prune = (now: number): void => {
    if (entries.length > 1) entries = entries.filter((one, index) => index === 0 || now <= one.neededUntil);
  };

  return {
    get active() {
      return active().key;
    },
    used(expiresAt) {
      active().neededUntil = Math.max(active().neededUntil, expiresAt + graceMs);
    },
    published(now) {
      prune(now);
      return entries.map((one) => one.published);
    },
    verifiers(now) {
      prune(now);
      return entries.map((one) => one.verifier);
    },
    rotate(key, now) {
      prune(now);
      if (entries.some((one) => one.kid === key.thumbprint)) throw new TightbeamError("invalid_argument", "The authority has this key already.");
      if (entries.length >= keySetMax)
        throw new TightbeamError("overloaded", `The authority still publishes ${keySetMax} keys: wait until tokens of older ones expire, or remove some.`);
      entries = [entry(key), ...entries];
    },
    remove(kid) {
      if (kid === active().kid) throw new TightbeamError("invalid_argument", "The active key cannot be removed: call rotateKey() first.");
      if (!entries.some((one) => one.kid === kid)) throw new TightbeamError("invalid_argument", "The authority has no key of this kid.");
      entries = entries.filter((one) => one.kid !== kid);
    },
  };
}

function entry(key: SigningKey): Entry {
  const published: PublishedKey = Object.freeze({ ...key.publicJwk, kid: key.thumbprint, alg: key.alg, use: "sig" });
  const verifier = readIssuerKey({ ...published }, undefined);
  if (verifier === undefined)
    throw new TightbeamError(
      "invalid_key",
      "The authority's key is none: give what `generateKey()` or `importKey(jwk)` of @tightbeam/core/identity resolved with.",
    );
  return { kid: key.thumbprint, key, published, verifier, neededUntil: Number.NEGATIVE_INFINITY };
}
