import { constants } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { usageError } from "./command-error.js";
import type { Io } from "./io.js";

/** What a key, a token, a secret or a profile may be long at most. */
export const fileMaxBytes = 256 * 1024;

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this user may not",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of its path is no directory",
  EEXIST: "it is there already",
};

const reasonOf = (cause: unknown): string => {
  if (cause instanceof RangeError) return cause.message;
  const { code = "" } = cause as { code?: string };
  return reasons[code] ?? (code === "" ? "it cannot be read" : code);
};

/** `what` names it in errors: "the profile". */
export async function readTextFile(io: Io, path: string, what: string, advice?: string): Promise<string> {
  return withFile(io, path, what, advice, readText);
}

/** Not more than `maxBytes`, whatever kind of file it is. */
export async function readBytesFile(io: Io, path: string, what: string, maxBytes: number, advice?: string): Promise<Buffer> {
  return withFile(io, path, what, advice, (file) => readAll(file, maxBytes));
}

/**
 * A file that nobody but its owner may read: a key, a secret. Refused when group or others may read or write it, or when it is another user's,
 * as ssh does; told to `warn` in place of that where it is given, for what is worth little without a key. A pipe (`<(…)`, a FIFO) has no such mode.
 */
export async function readSecretFile(io: Io, path: string, what: string, warn?: (message: string) => void): Promise<string> {
  return withFile(io, path, what, "Give the name of a file, or - for stdin.", async (file) => {
    const { mode, uid } = await file.stat();
    if ((mode & constants.S_IFMT) !== constants.S_IFREG || process.getuid === undefined) return readText(file);
    const [why, advice] = openTo(mode, uid, process.getuid(), what, path) ?? [];
    if (why !== undefined && warn === undefined) throw usageError(why, advice);
    if (why !== undefined) warn?.(why);
    return readText(file);
  });
}

/** Why somebody else may have read it, and what to do. */
function openTo(mode: number, owner: number, user: number, what: string, path: string): readonly [why: string, advice: string] | undefined {
  const bits = (mode & 0o777).toString(8).padStart(3, "0");
  if ((mode & 0o077) !== 0)
    return [`Others may read ${what} in ${path} (mode ${bits}).`, `chmod 600 ${path}\nIf its mode cannot be changed, give it on stdin: -`];
  return owner === user || owner === 0 || user === 0 ? undefined : [`${path} with ${what} belongs to another user.`, `chown $USER ${path}`];
}

/** Of `<(…)` and a FIFO there is nothing left to read a second time. */
export const isPipe = (io: Io, path: string): Promise<boolean> =>
  stat(resolve(io.cwd, path)).then(
    (found) => found.isFIFO(),
    () => false,
  );

async function withFile<T>(io: Io, path: string, what: string, advice: string | undefined, read: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(resolve(io.cwd, path), "r");
  } catch (cause) {
    throw usageError(`${capital(what)} cannot be read from ${path}: ${reasonOf(cause)}.`, advice, cause);
  }
  try {
    return await read(file);
  } catch (cause) {
    if (cause instanceof Error && cause.name === "CommandError") throw cause;
    throw usageError(`${capital(what)} cannot be read from ${path}: ${reasonOf(cause)}.`, advice, cause);
  } finally {
    await file.close();
  }
}

const readText = async (file: FileHandle): Promise<string> => (await readAll(file, fileMaxBytes)).toString("utf8");

async function readAll(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(maxBytes + 1 - length, 64 * 1024)));
    if (bytesRead === 0) return Buffer.concat(chunks);
    length += bytesRead;
    if (length > maxBytes) throw new RangeError(`it is larger than ${maxBytes} bytes`);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

/** Made with mode 600, whole or not at all. An existing file is refused unless `force`. */
export async function writeSecretFile(
  io: Io,
  path: string,
  text: string,
  { force = false, mode = 0o600 }: { readonly force?: boolean; readonly mode?: number } = {},
): Promise<void> {
  const full = resolve(io.cwd, path);
  const target = force ? `${full}.new` : full;
  let begun = false;
  try {
    if (force) await rm(target, { force: true });
    const file = await open(target, "wx", mode);
    begun = true;
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (force) await rename(target, full);
  } catch (cause) {
    // Half a key is none, and would be in the way of the next try.
    if (begun) await rm(target, { force: true }).catch(() => undefined);
    if ((cause as { code?: string }).code === "EEXIST")
      throw usageError(
        `${path} is there already, and nothing was written.`,
        "Choose another file, or give --force to replace it: what only the old key could do is then lost.",
        cause,
      );
    throw usageError(
      `${path} cannot be written: ${(cause as { code?: string }).code === "ENOENT" ? "its folder is not there" : reasonOf(cause)}.`,
      undefined,
      cause,
    );
  }
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
