import { TightbeamError } from "../../errors.js";
import { checkKnown } from "../../known-options.js";
import { isPublicAlgorithm } from "../algorithms.js";
import { saidIssuer } from "../claims.js";
import { remoteNames } from "../jwks-url.js";
import { isPrefix, overlap } from "../profile.js";
import { readToken } from "../shape.js";
import type { Acceptor, Admitted, Shown } from "./credential.js";
import { acceptSecret } from "./enrolment.js";
import { acceptOidc } from "./oidc.js";
import { acceptSpiffe, trustDomainOf } from "./spiffe.js";
import type { AcceptedCredential, OidcCredential, SecretCredential, SpiffeCredential } from "./types.js";

const acceptorsMax = 1_024;

/** All credentials that count at one endpoint. */
export interface Acceptors {
  /** The one a credential claims to be of, by nothing but what it says. Throws `invalid_token`, `unknown_issuer`. */
  find(text: string, proved: Omit<Shown, "text" | "shape">): { readonly name: string; admit(): Promise<Admitted> };
}

/** Throws `invalid_argument` and `invalid_key` for what could never work, also for two that would speak for the same agents. */
export async function createAcceptors(credentials: readonly AcceptedCredential[], own: string, url: string): Promise<Acceptors> {
  if (!Array.isArray(credentials) || credentials.length === 0 || credentials.length > acceptorsMax)
    throw new TightbeamError("invalid_argument", `\`credentials\` lists 1 to ${acceptorsMax} kinds of credentials that count.`);
  const acceptors = await Promise.all(credentials.map((each) => createAcceptor(each, url)));
  refuseOverlap(acceptors, own);
  const byName = new Map(acceptors.map((each) => [each.name, each]));
  return {
    find(text, proved) {
      const shape = readToken(text);
      const { iss, sub } = shape.claims;
      // An issuer of SPIFFE IDs may also be accepted as the OIDC provider that it can be.
      const found = byName.get(trustDomainOf(sub) as string) ?? byName.get(iss as string);
      if (found === undefined) throw new TightbeamError("unknown_issuer", `The credential's issuer${saidIssuer(iss)} is not accepted here.`);
      return { name: found.name, admit: () => found.admit({ text, shape, ...proved }) };
    },
  };
}

const granted = ["type", "prefixes", "permissions", "lifetime"] as const;
const signed = [...granted, ...remoteNames, "audience", "agentId", "typ", "algorithms", "maxAge", "keys"] as const;
const oidcNames: readonly (keyof OidcCredential)[] = [...signed, "issuer", "bound"];
const spiffeNames: readonly (keyof SpiffeCredential)[] = [...signed, "trustDomain"];
const secretNames: readonly (keyof SecretCredential)[] = [...granted, "secret"];
const namesOf = (type: unknown): readonly string[] | undefined => {
  if (type === "oidc") return oidcNames;
  if (type === "spiffe") return spiffeNames;
  return type === "secret" ? secretNames : undefined;
};

async function createAcceptor(credential: AcceptedCredential, url: string): Promise<Acceptor> {
  const { type, lifetime, prefixes: given = [""] } = credential;
  const names = namesOf(type);
  if (names === undefined) throw new TightbeamError("invalid_argument", "A credential's `type` is 'oidc', 'spiffe' or 'secret'.");
  checkKnown(`A credential of type '${type}'`, credential, names);
  if (lifetime !== undefined && !(lifetime >= 1_000 && lifetime <= 24 * 3_600_000))
    throw new TightbeamError("invalid_argument", "A token's `lifetime` is 1,000 ms to 24 h.");
  if (!Array.isArray(given) || given.length === 0 || !given.every(isPrefix))
    throw new TightbeamError("invalid_argument", "A prefix is a realm with its slash ('acme/'), an agent id, or '' for every id.");
  const { algorithms } = credential as { readonly algorithms?: readonly unknown[] };
  if (algorithms !== undefined && !(algorithms.length > 0 && algorithms.every(isPublicAlgorithm)))
    throw new TightbeamError("invalid_argument", "`algorithms` lists public-key algorithms such as 'EdDSA', 'ES256' or 'RS256'.");
  const prefixes = Object.freeze([...given]) as readonly string[];
  if (type === "oidc") return acceptOidc(credential, prefixes, url);
  if (type === "spiffe") return acceptSpiffe(credential, prefixes, url);
  return acceptSecret(credential as SecretCredential, prefixes, url);
}

function refuseOverlap(acceptors: readonly Acceptor[], own: string): void {
  for (const [index, a] of acceptors.entries()) {
    if (a.name === own)
      throw new TightbeamError("invalid_argument", "An authority does not accept its own tokens as credentials: they would renew themselves for ever.");
    for (const b of acceptors.slice(index + 1)) {
      if (a.name === b.name) throw new TightbeamError("invalid_argument", "Two credentials are of the same issuer, trust domain or secret.");
      if (a.prefixes.some((x) => b.prefixes.some((y) => overlap(x, y))))
        throw new TightbeamError(
          "invalid_argument",
          "The prefixes of two credentials overlap, so one could speak for the other's agents: give each its own `prefixes`.",
        );
    }
  }
}
