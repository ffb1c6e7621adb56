import { TightbeamError } from "../../errors.js";
import type { PublicTokenAlgorithm } from "../algorithms.js";
import { invalidToken as invalid } from "../claims.js";
import type { IssuerKey } from "../issuer-key.js";
import { isJsonObject } from "../json.js";
import { checkRemoteOptions, checkUrl } from "../jwks-url.js";
import { type KeySource, localKeys, readKeySet } from "../key-set.js";
import { fetchKeySet, loadedKeys } from "../remote-key-set.js";
import type { Acceptor } from "./credential.js";
import { acceptSigned } from "./signed.js";
import type { SpiffeCredential } from "./types.js";

const scheme = "spiffe://";
/** JWT-SVID, 2.1. */
const svidAlgorithms: readonly PublicTokenAlgorithm[] = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"];
const idMax = 2_048;

/** `spiffe://` and the trust domain of a subject, or undefined for one of another kind. */
export function trustDomainOf(sub: unknown): string | undefined {
  if (typeof sub !== "string" || !sub.startsWith(scheme) || sub.length > idMax) return undefined;
  return sub.split("/", 3).join("/");
}

/** Throws `invalid_argument`, `invalid_key`. */
export function acceptSpiffe(options: SpiffeCredential, prefixes: readonly string[], url: string): Acceptor {
  const { trustDomain, audience = url, typ = ["JWT", "JOSE"], algorithms = svidAlgorithms } = options;
  if (typeof trustDomain !== "string" || !/^[a-z0-9._-]{1,255}$/.test(trustDomain))
    throw new TightbeamError("invalid_argument", "`trustDomain` is its name alone, in lower case, such as 'acme.example'.");
  const name = scheme + trustDomain;
  return acceptSigned({ ...options, algorithms }, prefixes, {
    name,
    typ,
    bound: false,
    audience,
    agentId: options.agentId ?? (({ sub }) => (sub as string).slice(name.length + 1)),
    keys: bundleKeys(options, algorithms),
    checkIssuer: ({ sub }) => {
      if (trustDomainOf(sub) !== name) throw invalid("The credential is of another trust domain.");
      if (!/^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/.test((sub as string).slice(name.length)))
        throw invalid("The credential's 'sub' is no SPIFFE ID of a workload.");
    },
  });
}

function bundleKeys(options: SpiffeCredential, algorithms: readonly PublicTokenAlgorithm[]): KeySource {
  const { keys, allowInsecure = false } = options;
  if (typeof keys !== "string") {
    const read = readBundle(keys, algorithms);
    return localKeys(() => read);
  }
  const url = checkUrl(keys, "bundle's", allowInsecure);
  const checked = checkRemoteOptions(options);
  return loadedKeys(async () => readBundle(await fetchKeySet(url, checked), algorithms), checked);
}

/** A trust bundle says `jwt-svid` where a JWK Set says `sig`, and has keys for X.509 beside them. */
function readBundle(set: unknown, algorithms: readonly PublicTokenAlgorithm[]): readonly IssuerKey[] {
  if (!isJsonObject(set) || !Array.isArray(set.keys)) return readKeySet(set);
  const keys = set.keys.map((key: unknown) => (isJsonObject(key) && key.use === "jwt-svid" ? { ...key, use: "sig" } : key)) as object[];
  return readKeySet({ keys }, algorithms);
}
