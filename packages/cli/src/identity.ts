import {
  type Identity,
  identityFromAuthority,
  identityFromSecret,
  identityFromToken,
  importKey,
  type JwkSet,
  type SigningKey,
  type Trust,
  trust,
} from "@tightbeam/core/identity";
import { usageError } from "./command-error.js";
import { readTextFile } from "./files.js";
import type { Io } from "./io.js";
import { nameOf, readSecret, readSecretBytes, type SecretSource } from "./secrets.js";
import type { Settings } from "./settings.js";
import { readToken, readTokens, tokenFor } from "./tokens.js";

/** A private key in a file, an environment variable, or stdin, as `keygen` writes it. */
export async function readKey(io: Io, source: SecretSource, what = "the private key", options: { readonly extractable?: boolean } = {}): Promise<SigningKey> {
  const text = await readSecret(io, source, what);
  let jwk: unknown;
  try {
    jwk = JSON.parse(text);
  } catch {
    throw usageError(
      `${what.charAt(0).toUpperCase()}${what.slice(1)} in ${nameOf(source)} is not JSON.`,
      "A key is a private JWK: `tightbeam keygen` makes one.",
    );
  }
  if (typeof jwk !== "object" || jwk === null) throw usageError(`${what} in ${nameOf(source)} is no JWK.`, "`tightbeam keygen` makes one.");
  if (!("d" in jwk)) throw usageError(`${nameOf(source)} holds a public key, and ${what} is needed.`);
  return importKey(jwk as JsonWebKey, options);
}

/** Who this process says it is. `warn` is told of a file with tokens that others may read. */
export async function openIdentity(io: Io, settings: Settings, warn: (message: string) => void = () => undefined): Promise<Identity> {
  const { identifyBy, permissions } = settings;
  const key = settings.key === undefined ? undefined : await readKey(io, settings.key);
  if (identifyBy === "token" && settings.token !== undefined) return fromTokens(io, settings.token, key, settings.id, warn);
  const { id } = settings;
  if (id === undefined) throw usageError("Which agent is this?", 'Give --id, TIGHTBEAM_ID, or an "id" in the profile.');
  const rest = { id, ...(key === undefined ? {} : { key }), ...(permissions === undefined ? {} : { permissions }) };
  if (identifyBy === "sharedSecret" && settings.sharedSecret !== undefined)
    return identityFromSecret({ ...rest, secret: await readSecretBytes(io, settings.sharedSecret, "the shared secret") });
  return fromAuthority(io, settings, rest);
}

async function fromTokens(io: Io, token: SecretSource, key: SigningKey | undefined, given: string | undefined, warn: (message: string) => void) {
  if (key === undefined)
    throw usageError("A token counts only together with its key, and there is none.", "Give --key, the private key that the token was issued for.");
  const first = await readTokens(io, token, warn);
  const id = given ?? first[0]?.id;
  if (id === undefined) throw usageError("The token's subject is no agent id.", "Give --id.");
  // A file is read once more for each token, so that whoever renews it is heard.
  const again = "env" in token || token.file === "-" ? async () => first : () => readTokens(io, token, () => undefined);
  return identityFromToken({ id, key, getToken: async (audience) => tokenFor(await again(), audience, nameOf(token)) });
}

async function fromAuthority(
  io: Io,
  { authority, secret, credential, identifyBy }: Settings,
  rest: { readonly id: string; readonly key?: SigningKey; readonly permissions?: readonly string[] },
) {
  if (authority === undefined)
    throw usageError(
      identifyBy === undefined ? "This agent has no way to get a token." : "There is something to show an authority, and no authority.",
      "Give one of: --authority with --secret-file, --shared-secret-file, or --token-file with --key; or a profile that names them.",
    );
  const common = { ...rest, url: authority, allowInsecure: true };
  if (identifyBy === "secret" && secret !== undefined)
    return identityFromAuthority({ ...common, secret: await readSecretBytes(io, secret, "the enrolment secret") });
  if (credential === undefined)
    throw usageError(
      "The authority wants to see something before it issues a token.",
      "Give --secret-file (an enrolment secret) or --credential-file (an OIDC token, a JWT-SVID).",
    );
  const source = { file: credential };
  // What is sent there is a JWT at least: a profile of somebody else's must not make us send any file.
  const read = async (): Promise<string> => readToken(await readSecret(io, source, "the credential"), nameOf(source)).raw;
  await read();
  return identityFromAuthority({ ...common, credential: read });
}

type Trusting = Pick<Settings, "trustBy" | "sharedSecret" | "jwks" | "issuer" | "authority">;

/** The "iss" that counts: what was said, or the origin of the URL. Undefined with a shared secret. */
export function trustedIssuer({ trustBy, issuer, authority, jwks }: Trusting): string | undefined {
  if (trustBy === "sharedSecret") return undefined;
  const url = authority ?? jwks;
  return issuer ?? (url !== undefined && URL.canParse(url) ? new URL(url).origin : undefined);
}

/** Whose tokens count here. http: is for loopback only, which core sees to. */
export async function openTrust(io: Io, settings: Trusting): Promise<Trust> {
  const { trustBy, sharedSecret, jwks, authority } = settings;
  const issuer = trustedIssuer(settings);
  if (trustBy === "sharedSecret" && sharedSecret !== undefined) return trust.everyoneWithSecret(await readSecretBytes(io, sharedSecret, "the shared secret"));
  const keys = trustBy === "jwks" ? jwks : authority === undefined ? undefined : beside(authority);
  if (keys === undefined)
    throw usageError("Whose tokens count here?", "Give --authority, --jwks with --issuer, or --shared-secret-file; or a profile that names them.");
  if (/^https?:\/\//.test(keys)) return trust.jwksUrl(keys, { issuer: issuer ?? new URL(keys).origin, allowInsecure: true });
  if (issuer === undefined) throw usageError("Whose keys are in the file of --jwks?", 'Give --issuer, exactly the "iss" of its tokens.');
  let set: JwkSet;
  try {
    set = JSON.parse(await readTextFile(io, keys, "the JWK Set")) as JwkSet;
  } catch (error) {
    if (error instanceof SyntaxError) throw usageError(`The JWK Set in ${keys} is not JSON.`);
    throw error;
  }
  return trust.jwks(set, { issuer });
}

function beside(authority: string): string {
  if (!URL.canParse(authority)) throw usageError("--authority is no URL.", "It looks like https://agents.example/token.");
  return new URL("jwks", authority).href;
}
