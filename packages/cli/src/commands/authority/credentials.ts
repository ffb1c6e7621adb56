import type { AcceptedCredential, JwkSet, TokenClaims } from "@tightbeam/core/identity";
import { usageError } from "../../command-error.js";
import { readSecretFile } from "../../files.js";
import type { Io } from "../../io.js";
import { readSecretBytes } from "../../secrets.js";

/** One of --enrol: `bob=bob.secret`, `acme/=team.secret`. */
export async function enrolment(io: Io, given: string, permissions: readonly string[]): Promise<AcceptedCredential> {
  const at = given.indexOf("=");
  if (at < 1 || at === given.length - 1) throw usageError("--enrol looks like id=file, such as bob=bob.secret or acme/=team.secret.");
  const file = given.slice(at + 1);
  const prefix = given.slice(0, at);
  // What `authority.enroll` grants, too: taking part in presence in its own realm, so that topics and kinds are found.
  const presence = `transport:presence:${prefix.includes("/") ? prefix.slice(0, prefix.indexOf("/")) : "_"}`;
  return { type: "secret", secret: await readSecretBytes(io, { file }, "the enrolment secret"), prefixes: [prefix], permissions: [...permissions, presence] };
}

/** What an entry may say. `secretFile` is the path of a file as `keygen --secret` writes it, `agentId` the name of a claim. */
const settings: Readonly<Record<string, readonly string[]>> = {
  secret: ["type", "secretFile", "prefixes", "permissions", "lifetime"],
  oidc: ["type", "issuer", "audience", "keys", "agentId", "prefixes", "permissions", "permissionsClaim", "lifetime", "bound", "maxAge"],
  spiffe: ["type", "trustDomain", "audience", "keys", "agentId", "prefixes", "permissions", "lifetime", "maxAge"],
};

type Entry = Readonly<Record<string, unknown>>;

/** A list of credentials as JSON. Mode 600 is asked of it as of a secret: whoever changes it decides who is who. */
export async function readCredentials(io: Io, file: string): Promise<AcceptedCredential[]> {
  const text = await readSecretFile(io, file, "the credentials");
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw usageError(`The credentials in ${file} are not JSON.`, undefined, cause);
  }
  if (!Array.isArray(list))
    throw usageError(
      `The credentials in ${file} are no list.`,
      '[{ "type": "secret", "secretFile": "bob.secret", "prefixes": ["bob"], "permissions": ["call:*"] }]',
    );
  return Promise.all(list.map((entry: unknown, index) => readCredential(io, entry, `entry ${index + 1} of ${file}`)));
}

async function readCredential(io: Io, entry: unknown, where: string): Promise<AcceptedCredential> {
  if (typeof entry !== "object" || entry === null) throw usageError(`${where} is no object.`);
  const { type, secretFile, agentId, permissionsClaim, ...rest } = entry as Entry;
  const known = typeof type === "string" && Object.hasOwn(settings, type) ? settings[type] : undefined;
  if (known === undefined) throw usageError(`${where} has a type that is not known.`, `Types are ${Object.keys(settings).join(", ")}.`);
  const other = Object.keys(entry).find((name) => !known.includes(name));
  if (other !== undefined)
    throw usageError(`${where} has "${other.slice(0, 40)}", which a credential of type ${String(type)} does not have.`, `It has ${known.join(", ")}.`);
  if (type === "secret") {
    if (typeof secretFile !== "string") throw usageError(`${where} has no "secretFile".`, "The path of a file that `tightbeam keygen --secret` made.");
    return { ...rest, type, secret: await readSecretBytes(io, { file: secretFile }, "the enrolment secret") };
  }
  return {
    ...rest,
    type,
    ...(rest.keys === undefined ? {} : { keys: rest.keys as JwkSet | string }),
    ...(agentId === undefined ? {} : { agentId: textOf(agentId, "agentId", where) }),
    ...(permissionsClaim === undefined ? {} : { permissions: listOf(permissionsClaim, where) }),
  } as AcceptedCredential;
}

const claim = (claims: TokenClaims, name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);

function textOf(name: unknown, setting: string, where: string): (claims: TokenClaims) => string {
  if (typeof name !== "string") throw usageError(`"${setting}" of ${where} is the name of a claim.`);
  // Core judges it: what is no agent id is refused, and a list of one is no id.
  return (claims) => claim(claims, name) as string;
}

function listOf(name: unknown, where: string): (claims: TokenClaims) => readonly string[] {
  if (typeof name !== "string") throw usageError(`"permissionsClaim" of ${where} is the name of a claim.`);
  return (claims) => {
    const value = claim(claims, name);
    return Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
  };
}
