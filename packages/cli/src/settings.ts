import type { Command } from "commander";
import { usageError } from "./command-error.js";
import type { Io } from "./io.js";
import { findProfile, type Profile } from "./profile.js";
import type { SecretSource } from "./secrets.js";

/** Options of every command that speaks as an agent. */
export interface AgentSettingsOptions extends TrustSettingsOptions {
  readonly url?: string;
  readonly id?: string;
  readonly key?: string;
  readonly secretFile?: string;
  readonly credentialFile?: string;
  readonly tokenFile?: string;
  readonly permission?: readonly string[];
  readonly prefix?: string;
  readonly natsCreds?: string;
  readonly ca?: string;
}

/** Options of every command that judges tokens. */
export interface TrustSettingsOptions {
  readonly profile?: string;
  readonly authority?: string;
  readonly sharedSecretFile?: string;
  readonly jwks?: string;
  readonly issuer?: string;
}

/** How an agent shows who it is. */
export type IdentityWay = "sharedSecret" | "secret" | "credential" | "token";

/** Options, environment and profile as one: an option comes before a variable, and that before the profile. */
export interface Settings {
  /** The profile's file. */
  readonly file: string | undefined;
  /** The one that counts, where several are there: that of an option, of a variable, of the profile. */
  readonly identifyBy: IdentityWay | undefined;
  /** Whose tokens count. */
  readonly trustBy: "jwks" | "sharedSecret" | "authority" | undefined;
  readonly id: string | undefined;
  readonly url: string | undefined;
  readonly authority: string | undefined;
  readonly issuer: string | undefined;
  readonly jwks: string | undefined;
  readonly permissions: readonly string[] | undefined;
  readonly prefix: string | undefined;
  readonly ca: string | undefined;
  readonly store: string | undefined;
  readonly credential: string | undefined;
  readonly key: SecretSource | undefined;
  readonly secret: SecretSource | undefined;
  readonly sharedSecret: SecretSource | undefined;
  readonly token: SecretSource | undefined;
  readonly storeKey: SecretSource | undefined;
  readonly nats: {
    readonly creds: string | undefined;
    readonly nkey: SecretSource | undefined;
    readonly token: SecretSource | undefined;
    readonly user: string | undefined;
    readonly password: SecretSource | undefined;
  };
}

export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Whose tokens count. */
export function trustOptions(command: Command): Command {
  return command
    .optionsGroup("Identity and trust:")
    .option("--profile <name|file>", "a profile of tightbeam.json, of ~/.config/tightbeam, or a file")
    .option("--authority <url>", "the authority's token endpoint: it issues our token, and we trust what it issues")
    .option("--jwks <file|url>", "trust tokens signed by these keys instead")
    .option("--issuer <text>", 'exactly the "iss" of the tokens to trust (default: the origin of the URL)')
    .option("--shared-secret-file <file>", "no authority: trust everyone who holds this secret");
}

/** Who we are, whom we trust, and where the others are. */
export function agentOptions(command: Command): Command {
  return trustOptions(command)
    .option("--id <id>", "this agent's id, [realm/]name")
    .option("--key <file>", "this agent's private key (default: a fresh one)")
    .option("--secret-file <file>", "the enrolment secret to show the authority; - for stdin")
    .option("--credential-file <file>", "what else the authority takes: an OIDC token, a JWT-SVID; read again for each token")
    .option("--token-file <file>", "tokens issued beforehand, one in a line; needs --key")
    .option("--permission <permission>", "ask for this permission only; repeat for several", collect)
    .optionsGroup("Connection:")
    .option("--url <url>", "where agents meet: ws://, wss:// (a relay), nats:// or tls:// (a NATS server)")
    .option("--ca <file>", "the certificate authority in PEM, in place of the system's")
    .option("--prefix <name>", "NATS: the first part of every subject (default tightbeam)")
    .option("--nats-creds <file>", "NATS: a creds file, as nsc writes it");
}

/** What this agent keeps beyond its process. */
export function storeOptions(command: Command): Command {
  return command
    .optionsGroup("Store:")
    .option("--store <folder>", "a folder on this disk for what outlives the process")
    .option("--store-key-file <file>", "the 32 bytes that seal it; - for stdin");
}

const secretOf = (io: Io, option: string | undefined, variable: string, path: string | undefined): SecretSource | undefined => {
  if (option !== undefined) return { file: option };
  if ((io.env[variable] ?? "") !== "") return { env: variable };
  return path === undefined ? undefined : { file: path };
};

/** The first of these ways that the nearest place names. */
function nearest<Way extends string>(places: readonly { readonly [W in Way]?: unknown }[], ways: readonly Way[]): Way | undefined {
  for (const place of places) {
    const way = ways.find((each) => place[each] !== undefined && place[each] !== false);
    if (way !== undefined) return way;
  }
  return undefined;
}

export async function resolveSettings(io: Io, options: AgentSettingsOptions & { readonly store?: string; readonly storeKeyFile?: string }): Promise<Settings> {
  const { file, profile } = await findProfile(io, options.profile);
  const { sharedSecretFile, secretFile, credentialFile, tokenFile } = options;
  if ([sharedSecretFile, secretFile, credentialFile, tokenFile].filter((each) => each !== undefined).length > 1)
    throw usageError("An agent shows who it is in one way.", "Give one of --secret-file, --credential-file, --token-file and --shared-secret-file.");
  const text = (option: string | undefined, variable: string, setting: keyof Profile) =>
    option ?? (io.env[variable] || undefined) ?? (profile[setting] as string | undefined);
  const url = text(options.url, "TIGHTBEAM_URL", "url");
  if (url !== undefined && /^\w+:\/\/[^/]*@/.test(url))
    throw usageError(
      "The URL holds a user or a password, which `ps` and logs would show.",
      "Take it out, and give --nats-creds or the environment variables TIGHTBEAM_NATS_USER and TIGHTBEAM_NATS_PASSWORD.",
    );
  const has = (variable: string) => (io.env[variable] ?? "") !== "";
  const identifyBy = nearest<IdentityWay>(
    [
      { sharedSecret: options.sharedSecretFile, secret: options.secretFile, credential: options.credentialFile, token: options.tokenFile },
      { sharedSecret: has("TIGHTBEAM_SHARED_SECRET"), secret: has("TIGHTBEAM_SECRET"), token: has("TIGHTBEAM_TOKEN") },
      profile,
    ],
    ["sharedSecret", "secret", "credential", "token"],
  );
  const trustBy = nearest(
    [
      { jwks: options.jwks, sharedSecret: options.sharedSecretFile, authority: options.authority },
      { jwks: has("TIGHTBEAM_JWKS"), sharedSecret: has("TIGHTBEAM_SHARED_SECRET"), authority: has("TIGHTBEAM_AUTHORITY") },
      profile,
    ],
    ["jwks", "sharedSecret", "authority"],
  );
  return {
    file,
    identifyBy,
    trustBy,
    url,
    id: text(options.id, "TIGHTBEAM_ID", "id"),
    authority: text(options.authority, "TIGHTBEAM_AUTHORITY", "authority"),
    issuer: text(options.issuer, "TIGHTBEAM_ISSUER", "issuer"),
    jwks: text(options.jwks, "TIGHTBEAM_JWKS", "jwks"),
    permissions: options.permission ?? profile.permissions,
    prefix: text(options.prefix, "TIGHTBEAM_PREFIX", "prefix"),
    ca: text(options.ca, "TIGHTBEAM_CA", "ca"),
    store: text(options.store, "TIGHTBEAM_STORE", "store"),
    credential: options.credentialFile ?? profile.credential,
    key: secretOf(io, options.key, "TIGHTBEAM_KEY", profile.key),
    secret: secretOf(io, options.secretFile, "TIGHTBEAM_SECRET", profile.secret),
    sharedSecret: secretOf(io, options.sharedSecretFile, "TIGHTBEAM_SHARED_SECRET", profile.sharedSecret),
    token: secretOf(io, options.tokenFile, "TIGHTBEAM_TOKEN", profile.token),
    storeKey: secretOf(io, options.storeKeyFile, "TIGHTBEAM_STORE_KEY", profile.storeKey),
    nats: {
      creds: text(options.natsCreds, "TIGHTBEAM_NATS_CREDS", "natsCreds"),
      nkey: secretOf(io, undefined, "TIGHTBEAM_NATS_NKEY", profile.natsNkey),
      token: secretOf(io, undefined, "TIGHTBEAM_NATS_TOKEN", profile.natsToken),
      user: text(undefined, "TIGHTBEAM_NATS_USER", "natsUser"),
      password: secretOf(io, undefined, "TIGHTBEAM_NATS_PASSWORD", profile.natsPassword),
    },
  };
}
