import { type ErrorCode, isTightbeamError, TightbeamError } from "@tightbeam/core/store";

/** Codes as LMDB gives them: its own are negative, those of the system positive. */
const codes: Readonly<Record<number, ErrorCode>> = {
  1: "store_read_only", // EPERM
  13: "store_read_only", // EACCES
  30: "store_read_only", // EROFS
  27: "store_full", // EFBIG
  28: "store_full", // ENOSPC
  122: "store_full", // EDQUOT
  23: "unavailable", // ENFILE
  24: "unavailable", // EMFILE
  [-30_792]: "store_full", // MDB_MAP_FULL
  [-30_793]: "store_damaged", // MDB_INVALID
  [-30_796]: "store_damaged", // MDB_CORRUPTED
  [-30_797]: "store_damaged", // MDB_PAGE_NOTFOUND
  [-30_794]: "store_too_new", // MDB_VERSION_MISMATCH
};

const names: Readonly<Record<string, ErrorCode>> = {
  EPERM: "store_read_only",
  EACCES: "store_read_only",
  EROFS: "store_read_only",
  // What Node says of a directory that it cannot make.
  ENOENT: "store_read_only",
  ENOSPC: "store_full",
  EDQUOT: "store_full",
  EMFILE: "unavailable",
  ENFILE: "unavailable",
};

const messages: Partial<Record<ErrorCode, string>> = {
  store_read_only: "cannot be written: correct owner and mode of its directory, or the mount",
  store_full: "has no space left: nothing of this write is there, what was accepted before is safe",
  store_damaged: "is damaged: restore it from a copy",
  store_too_new: "was written by a newer version: use that version",
  unavailable: "cannot be opened now, because too many files are open: close some, or raise the limit (ulimit -n)",
  store_failed: "failed for good: see the cause, and open it again",
};

/** What a failure of the file system or of LMDB is called; `store_failed` for whatever is not known. */
export function storeError(cause: unknown, path: string): TightbeamError {
  if (isTightbeamError(cause)) return cause;
  const { code: given } = (cause ?? {}) as { code?: unknown };
  const code = (typeof given === "number" ? codes[given] : typeof given === "string" ? names[given] : undefined) ?? "store_failed";
  return new TightbeamError(code, `The store at ${path} ${messages[code]}.`, { cause });
}
