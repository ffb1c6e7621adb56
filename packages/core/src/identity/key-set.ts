import { TightbeamError } from "../errors.js";
import type { PublicTokenAlgorithm, TokenAlgorithm } from "./algorithms.js";
import { type IssuerKey, isPrivateJwk, readIssuerKey } from "./issuer-key.js";
import { isJsonObject } from "./json.js";

/** A JWK Set (RFC 7517, 5). */
export interface JwkSet {
  readonly keys: readonly object[];
}

/** Where a trust finds the keys of its issuer. */
export interface KeySource {
  /** The one key for a token's `alg` and `kid`; undefined when there is none, or more than one without a `kid` to tell. May reject with `issuer_unavailable`. */
  find(alg: TokenAlgorithm, kid: string | undefined): Promise<IssuerKey | undefined>;
  /** Whether the key with this `IssuerKey.id` is still the issuer's. */
  has(id: string): Promise<boolean>;
}

export const keySetMax = 64;

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_key", message);

/**
 * Reads a JWK Set of at most 64 keys. Keys of no use are left out (RFC 7517, 5); a private or symmetric key, two keys that answer to the
 * same `kid` and algorithm, or no usable key at all refuse the whole set. Throws `invalid_key`.
 */
export function readKeySet(set: unknown, allowed?: readonly PublicTokenAlgorithm[]): readonly IssuerKey[] {
  if (!isJsonObject(set) || !Array.isArray(set.keys)) throw invalid("A JWK Set is an object with an array 'keys'.");
  if (set.keys.length > keySetMax) throw invalid(`The JWK Set holds more than ${keySetMax} keys.`);
  const keys: IssuerKey[] = [];
  for (const jwk of set.keys as unknown[]) {
    if (!isJsonObject(jwk)) throw invalid("The JWK Set holds a key that is not an object.");
    if (isPrivateJwk(jwk)) throw invalid("The JWK Set holds a private or symmetric key: replace it, and publish public halves only.");
    const key = readIssuerKey(jwk, allowed);
    if (key === undefined) continue;
    if (keys.some((other) => other.kid === key.kid && key.kid !== undefined && other.algorithms.some((alg) => key.algorithms.includes(alg))))
      throw invalid("Two keys of the JWK Set have the same 'kid' and algorithm.");
    keys.push(key);
  }
  if (keys.length === 0) throw invalid("The JWK Set holds no key that can verify tokens. An RSA key needs 'alg', or `algorithms` in the profile.");
  return keys;
}

/** With a `kid` only the key of that name counts; without one, the only key for the algorithm. */
export function findKey(keys: readonly IssuerKey[], alg: TokenAlgorithm, kid: string | undefined): IssuerKey | undefined {
  const candidates = keys.filter((key) => key.algorithms.includes(alg) && (kid === undefined || key.kid === kid));
  return candidates.length === 1 ? candidates[0] : undefined;
}

/** A source over keys that are at hand; `keys` is asked anew each time. */
export function localKeys(keys: () => readonly IssuerKey[]): KeySource {
  return {
    find: async (alg, kid) => findKey(keys(), alg, kid),
    has: async (id) => keys().some((key) => key.id === id),
  };
}
