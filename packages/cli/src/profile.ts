import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { usageError } from "./command-error.js";
import { readTextFile } from "./files.js";
import type { Io } from "./io.js";

/** What a profile may say. Secrets are in files of their own; these are their paths, from the profile's folder. */
export interface Profile {
  readonly id?: string;
  /** `ws://`, `wss://`, `nats://` or `tls://`. */
  readonly url?: string;
  /** The private key, as `keygen` writes it. */
  readonly key?: string;
  /** The authority's token endpoint. */
  readonly authority?: string;
  /** The enrolment secret for the authority. */
  readonly secret?: string;
  /** A credential of another provider for the authority, read again for each token. */
  readonly credential?: string;
  /** Tokens that were issued beforehand, one in a line. */
  readonly token?: string;
  /** In place of an authority: the secret of `trust.everyoneWithSecret`. */
  readonly sharedSecret?: string;
  /** Whose tokens count, where that is not the authority: a file or an https URL. */
  readonly jwks?: string;
  readonly issuer?: string;
  readonly permissions?: readonly string[];
  readonly store?: string;
  readonly storeKey?: string;
  /** The first token of NATS subjects. */
  readonly prefix?: string;
  /** NATS login: a creds file, an nkey seed, a token, or a user with a password; the secrets in files. */
  readonly natsCreds?: string;
  readonly natsNkey?: string;
  readonly natsToken?: string;
  readonly natsUser?: string;
  readonly natsPassword?: string;
  /** A certificate authority in PEM, in place of the system's. */
  readonly ca?: string;
}

/** Paths of files: read as relative to where the profile is. */
const paths = [
  "key",
  "secret",
  "credential",
  "token",
  "sharedSecret",
  "jwks",
  "store",
  "storeKey",
  "natsCreds",
  "natsNkey",
  "natsToken",
  "natsPassword",
  "ca",
] as const;
const texts = ["id", "url", "authority", "issuer", "prefix", "natsUser"] as const;
const known: readonly string[] = [...texts, ...paths, "permissions"];

export interface FoundProfile {
  /** Where it is; undefined when there is none. */
  readonly file: string | undefined;
  readonly profile: Profile;
}

const projectFile = "tightbeam.json";

/**
 * `--profile`, then TIGHTBEAM_PROFILE: the name of one in `profiles` of ./tightbeam.json or of ~/.config/tightbeam/<name>.json, or the path of
 * a file. Without either: ./tightbeam.json itself, or ~/.config/tightbeam/default.json, or nothing.
 */
export async function findProfile(io: Io, option: string | undefined): Promise<FoundProfile> {
  const name = option ?? (io.env.TIGHTBEAM_PROFILE || undefined);
  const project = resolve(io.cwd, projectFile);
  const config = join(io.env.XDG_CONFIG_HOME || join(io.env.HOME || homedir(), ".config"), "tightbeam");
  if (name === undefined) {
    for (const file of [project, join(config, "default.json")]) if (await isOwn(file)) return { file, profile: await readProfile(io, file) };
    return { file: undefined, profile: {} };
  }
  if (/[/\\]|\.json$/.test(name)) {
    const file = resolve(io.cwd, name);
    return { file, profile: await readProfile(io, file) };
  }
  if (!/^[\w-]{1,64}$/.test(name)) throw usageError("A profile's name is letters, digits, _ and -.");
  if (await isOwn(project)) {
    const { profiles } = await readDocument(io, project);
    if (profiles !== undefined && Object.hasOwn(profiles, name)) return { file: project, profile: await readProfile(io, project, name) };
  }
  const file = join(config, `${name}.json`);
  if (await isOwn(file)) return { file, profile: await readProfile(io, file) };
  throw usageError(`There is no profile ${name}.`, `It would be in "profiles" of ${projectFile} here, or in ${file}.`);
}

/** One profile of a file; a named one has the file's own settings too, unless it says otherwise. */
async function readProfile(io: Io, file: string, name?: string): Promise<Profile> {
  const document = await readDocument(io, file);
  const { profiles, ...shared } = document;
  const named = name === undefined ? {} : (profiles?.[name] ?? {});
  return check({ ...shared, ...named }, file, name);
}

interface Document {
  readonly profiles?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly [setting: string]: unknown;
}

async function readDocument(io: Io, file: string): Promise<Document> {
  const text = await readTextFile(io, file, "the profile");
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw usageError(`The profile ${file} is not JSON.`, "It has no comments and no comma after the last entry.", cause);
  }
  if (!isRecord(document)) throw usageError(`The profile ${file} is no JSON object.`);
  const { profiles } = document;
  if (profiles !== undefined && !(isRecord(profiles) && Object.values(profiles).every(isRecord)))
    throw usageError(`"profiles" in ${file} is an object of profiles: { "alice": { "id": "alice" } }.`);
  return document as Document;
}

function check(values: Readonly<Record<string, unknown>>, file: string, name: string | undefined): Profile {
  const where = name === undefined ? file : `${file}, profile ${name}`;
  for (const [setting, value] of Object.entries(values)) {
    if (!known.includes(setting)) throw usageError(`A profile has no setting "${setting.slice(0, 40)}" (${where}).`, `Its settings are ${known.join(", ")}.`);
    const right = setting === "permissions" ? Array.isArray(value) && value.every(isText) : isText(value);
    if (!right) throw usageError(`"${setting}" is ${setting === "permissions" ? "a list of permissions" : "a text"} (${where}).`);
    // A key that was pasted in place of a path is told without its text.
    if ((paths as readonly string[]).includes(setting) && (value as string).length > 1_024) throw usageError(`"${setting}" is the path of a file (${where}).`);
  }
  const folder = dirname(file);
  const fromFolder = (path: string) => (isAbsolute(path) || /^https?:\/\//.test(path) ? path : join(folder, path));
  return Object.fromEntries(
    Object.entries(values).map(([setting, value]) => [setting, (paths as readonly string[]).includes(setting) ? fromFolder(value as string) : value]),
  ) as Profile;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * False when there is none. One that was not named says where our secrets go and whom we believe: it is taken from nobody else. Rejects with a usage
 * error for one that another user wrote, or may write to.
 */
async function isOwn(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return false;
  if (process.getuid !== undefined && isForeign(found, process.getuid()))
    throw usageError(
      `${file} belongs to another user, or anybody may write to it: it could send secrets elsewhere, and was not read.`,
      `If you trust it, name it: --profile ${file}`,
    );
  return true;
}

/** root reads what others own, as it may be given a folder of theirs. */
export const isForeign = ({ mode, uid }: { readonly mode: number; readonly uid: number }, user: number): boolean =>
  (mode & 0o002) !== 0 || (uid !== user && uid !== 0 && user !== 0);
