import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { platform } from "node:os";
import { dirname, join } from "node:path";
import { TightbeamError } from "@tightbeam/core/store";

export const dataFile = (path: string): string => join(path, "data.mdb");
export const lockFile = (path: string): string => join(path, "lock.mdb");

const othersMay = 0o077;
/** At least what LMDB makes it. */
const lockBytes = 12_288;

/** Makes the directory and its files where they are missing, for this user alone, and refuses those that others may enter. Throws `invalid_argument` and errors of the file system. */
export function prepareFiles(path: string): void {
  makeDirectory(path);
  if (!statSync(path).isDirectory()) throw new TightbeamError("invalid_argument", `${path} is no directory: a store is one of its own.`);
  refuseOthers(path, "700");
  for (const file of [dataFile(path), lockFile(path)]) {
    closeSync(openSync(file, "a", 0o600));
    refuseOthers(file, "600");
  }
  // LMDB maps it and writes into the map: a full disk would show by ending the process.
  if (statSync(lockFile(path)).size < lockBytes) appendFileSync(lockFile(path), new Uint8Array(lockBytes - statSync(lockFile(path)).size));
}

/** What LMDB opens, and some for what goes on beside it. */
const descriptors = 8;

/** LMDB ends the process (a segmentation fault, lmdb 3.5) when it gets some of the files it opens and then no more. Throws what the system says where there is no room for all of them. */
export function mustHaveRoom(path: string): void {
  const held: number[] = [];
  try {
    while (held.length < descriptors) held.push(openSync(dataFile(path), "r"));
  } finally {
    for (const each of held) closeSync(each);
  }
}

/** Not by `recursive`: where the system refuses a directory as if its parent were missing (/proc), Node 20 asks again for ever. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code === "ENOTDIR") throw new TightbeamError("invalid_argument", `${path} lies below a file: a store is a directory of its own.`, { cause: error });
    const above = dirname(path);
    if (code !== "ENOENT" || existsSync(above)) throw error;
    makeDirectory(above);
    makeDirectory(path);
  }
}

function refuseOthers(path: string, mode: string): void {
  if (platform() === "win32") return;
  if ((statSync(path).mode & othersMay) === 0) return;
  throw new TightbeamError("invalid_argument", `Others may read or change ${path}: chmod ${mode} it, or let the store make a directory of its own.`);
}
