import { TightbeamError } from "../../errors.js";
import { invalidToken as invalid } from "../claims.js";
import { fetchDocument } from "../fetch-json.js";
import { checkRemoteOptions, checkUrl, keysFromUrl } from "../jwks-url.js";
import { type KeySource, localKeys, readKeySet } from "../key-set.js";
import { fetchKeySet, loadedKeys } from "../remote-key-set.js";
import type { Acceptor } from "./credential.js";
import { acceptSigned } from "./signed.js";
import type { OidcCredential } from "./types.js";

/** Throws `invalid_argument`, `invalid_key`. */
export function acceptOidc(options: OidcCredential, prefixes: readonly string[], url: string): Acceptor {
  const { issuer, audience = url, typ = ["JWT", "at+jwt"], agentId = ({ sub }) => sub as string } = options;
  if (typeof issuer !== "string" || issuer === "" || issuer.length > 512)
    throw new TightbeamError("invalid_argument", "`issuer` is a string of 1 to 512 characters: exactly the `iss` of the tokens.");
  return acceptSigned(options, prefixes, {
    name: issuer,
    typ,
    bound: options.bound === true,
    audience,
    agentId,
    keys: issuerKeys(options),
    checkIssuer({ iss, ...claims }) {
      if (iss !== issuer) throw invalid("The credential is another issuer's.");
      // RFC 8417: a logout token or another event, of the same issuer and for the same audience as an ID token, says nothing of who sends it.
      if (Object.hasOwn(claims, "events")) throw invalid("The credential is a security event ('events').");
    },
  });
}

function issuerKeys(options: OidcCredential): KeySource {
  const { keys, algorithms } = options;
  if (typeof keys === "string") return keysFromUrl(keys, algorithms, options);
  if (keys === undefined) return discoveredKeys(options);
  const read = readKeySet(keys, algorithms);
  return localKeys(() => read);
}

/** Asked again when older: a provider may move its keys. */
const discoveryMaxAgeMs = 3_600_000;

/** OpenID Connect Discovery 1.0, 4: the issuer says where its keys are, in a document that must name that very issuer. */
function discoveredKeys(options: OidcCredential): KeySource {
  const { issuer, algorithms, allowInsecure = false } = options;
  const checked = checkRemoteOptions(options);
  const { clock } = checked.runtime;
  const document = checkUrl(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, "issuer's", allowInsecure);
  let found: { readonly url: string; readonly at: number } | undefined;

  async function discover(): Promise<string> {
    if (found !== undefined && clock.monotonic() - found.at < discoveryMaxAgeMs) return found.url;
    const { issuer: named, jwks_uri: keys } = await fetchDocument(document, "The issuer's discovery document", "application/json", checked);
    if (named !== issuer || typeof keys !== "string")
      throw new TightbeamError("issuer_unavailable", "The issuer's discovery document names another issuer, or no `jwks_uri`.");
    found = { url: checkUrl(keys, "issuer's JWKS", allowInsecure), at: clock.monotonic() };
    return found.url;
  }

  return loadedKeys(async () => {
    try {
      return readKeySet(await fetchKeySet(await discover(), checked), algorithms);
    } catch (cause) {
      // The keys may have moved.
      found = undefined;
      throw cause;
    }
  }, checked);
}
