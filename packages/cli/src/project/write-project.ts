import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { generateSecret } from "@tightbeam/core/identity";
import { usageError } from "../command-error.js";
import { writeSecretFile } from "../files.js";
import type { Io } from "../io.js";
import { templateFolder } from "../template-folder.js";
import { version } from "../version.js";
import { type ProjectTransport, packageJson } from "./package-json.js";

export interface Project {
  /** Absolute. */
  readonly folder: string;
  readonly name: string;
  /** Relative to the folder, in order. */
  readonly files: readonly string[];
}

const secretFile = ".secrets/team.secret";

const words: Readonly<Record<ProjectTransport, Readonly<Record<string, string>>>> = {
  websocket: { network: "WebSocket", "what starts": "a relay, the librarian and the reader: three processes" },
  nats: { network: "NATS", "what starts": "the librarian and the reader; nats-server must be running at nats://127.0.0.1:4222" },
};
const urls: Readonly<Record<ProjectTransport, string>> = { websocket: "ws://127.0.0.1:4400", nats: "nats://127.0.0.1:4222" };

/** Writes a project into a folder that is not there or is empty. Rejects with a usage error, and then nothing was written. */
export async function writeProject(io: Io, place: string, transport: ProjectTransport): Promise<Project> {
  const folder = resolve(io.cwd, place);
  const name = nameOf(folder);
  await makeEmpty(folder, place);
  const templates = templateFolder();
  const files = new Map<string, string>([["package.json", packageJson(name, transport, version())]]);
  for (const part of ["shared", transport])
    for (const path of await filesUnder(join(templates, part))) {
      const text = await readFile(join(templates, part, path), "utf8");
      // npm leaves a file of its true name out of a package.
      files.set(
        path === "gitignore" ? ".gitignore" : path,
        text.replace(/\{\{([\w ]+)\}\}/g, (_, word: string) => (word === "name" ? name : (words[transport][word] ?? ""))),
      );
    }
  files.set("tightbeam.json", `${JSON.stringify({ id: "me", url: urls[transport], sharedSecret: secretFile }, undefined, 2)}\n`);
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text, { flag: "wx" });
  }
  await mkdir(join(folder, ".secrets"), { mode: 0o700 });
  await writeSecretFile(io, join(folder, secretFile), `${Buffer.from(generateSecret()).toString("base64url")}\n`);
  return { folder, name, files: [...files.keys(), secretFile].sort() };
}

/** A name that npm takes, out of the folder's. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "");
  return name === "" ? "agents" : name.slice(0, 100);
}

async function makeEmpty(folder: string, place: string): Promise<void> {
  let there: readonly string[];
  try {
    await mkdir(folder, { recursive: true });
    there = await readdir(folder);
  } catch (cause) {
    const { code } = cause as { code?: string };
    throw usageError(
      code === "EEXIST" || code === "ENOTDIR" ? `${place} is a file.` : `${place} cannot be made: ${code ?? "see the cause"}.`,
      "Name another folder.",
      cause,
    );
  }
  if (there.some((each) => each !== ".git"))
    throw usageError(`${place} is not empty, and nothing was written.`, "Name a folder that is not there yet: `tightbeam init my-agents`.");
}

async function filesUnder(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
}
