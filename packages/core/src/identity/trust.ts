import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import { unknownIssuer } from "./claims.js";
import { keysFromUrl, remoteNames } from "./jwks-url.js";
import { type JwkSet, localKeys, readKeySet } from "./key-set.js";
import { type CheckedProfile, checkProfile, type IssuerProfile, overlap, type RevocationCheck } from "./profile.js";
import type { RemoteKeySetOptions } from "./remote-key-set.js";
import { secretKeys, sharedIssuer } from "./secret.js";
import { readToken } from "./shape.js";
import { publicKeyRules, recheckToken, type TokenRules, verifyToken } from "./token.js";
import type { Trust } from "./types.js";

/** Trust in one issuer. */
export interface IssuerTrust extends Trust {
  readonly issuer: string;
  readonly prefixes: readonly string[];
}

export interface SecretTrustOptions {
  readonly revoked?: RevocationCheck | undefined;
  /** Default: every id. */
  readonly prefixes?: readonly string[] | undefined;
}

const secretNames: readonly (keyof SecretTrustOptions)[] = ["revoked", "prefixes"];

export function issuerTrust(rules: TokenRules): IssuerTrust {
  return Object.freeze({
    issuer: rules.profile.issuer,
    prefixes: rules.profile.prefixes,
    verify: (token, options) => verifyToken(token, rules, options),
    recheck: (token, { now }) => recheckToken(token, rules, now),
  } satisfies IssuerTrust);
}

/** Ways to say whose tokens count. Each throws `invalid_argument` or `invalid_key` at once for what could never work. */
export const trust = Object.freeze({
  /** One issuer whose keys are at hand. */
  jwks(set: JwkSet, profile: IssuerProfile): IssuerTrust {
    const checked = checkProfile(profile);
    const keys = readKeySet(set, checked.algorithms);
    return issuerTrust(
      publicKeyRules(
        checked,
        localKeys(() => keys),
      ),
    );
  },

  /** One issuer whose keys are behind an https URL, fetched on first use and again when older than a minute. */
  jwksUrl(url: string, profile: IssuerProfile & RemoteKeySetOptions): IssuerTrust {
    const checked = checkProfile(profile, remoteNames);
    return issuerTrust(publicKeyRules(checked, keysFromUrl(url, checked.algorithms, profile)));
  },

  /** Several issuers. Refused when two have the same `issuer`, or prefixes of two overlap: then one could speak for the other's agents. */
  issuers(trusts: readonly IssuerTrust[]): Trust {
    refuseOverlap(trusts);
    const byIssuer = new Map(trusts.map((one) => [one.issuer, one]));
    const find = (issuer: unknown): IssuerTrust => {
      const one = byIssuer.get(issuer as string);
      if (one === undefined) throw unknownIssuer(issuer);
      return one;
    };
    return Object.freeze({
      verify: async (token, options) => find(readToken(token).claims.iss).verify(token, options),
      recheck: async (token, options) => find(token.issuer).recheck(token, options),
    } satisfies Trust);
  },

  /**
   * Everyone who holds this secret may say to be any agent: for set-ups where that is meant. `secret` is at least 32 random bytes
   * (`generateSecret()`); a shorter one, text, or an obvious pattern is refused. The other half is `identityFromSecret`.
   */
  everyoneWithSecret(secret: Uint8Array, options: SecretTrustOptions = {}): IssuerTrust {
    checkKnown("everyoneWithSecret", options, secretNames);
    return secretTrust(secret, checkProfile({ issuer: sharedIssuer, ...options }));
  },
});

export function secretTrust(secret: Uint8Array, profile: CheckedProfile): IssuerTrust {
  return issuerTrust({ profile, keys: secretKeys(secret), algorithms: ["HS256"] });
}

function refuseOverlap(trusts: readonly IssuerTrust[]): void {
  if (trusts.length === 0) throw new TightbeamError("invalid_argument", "`trust.issuers` needs at least one issuer.");
  for (const [index, a] of trusts.entries()) {
    for (const b of trusts.slice(index + 1)) {
      if (a.issuer === b.issuer) throw new TightbeamError("invalid_argument", "Two trusts name the same `issuer`.");
      if (a.prefixes.some((x) => b.prefixes.some((y) => overlap(x, y))))
        throw new TightbeamError(
          "invalid_argument",
          "The prefixes of two issuers overlap, so one could speak for the other's agents: give each its own `prefixes`.",
        );
    }
  }
}
