import { resolve } from "node:path";
import { type Runtime, systemRuntime } from "@tightbeam/core/runtime";
import { isTightbeamError, type Store, TightbeamError } from "@tightbeam/core/store";
import { open } from "lmdb";
import { storeError } from "./errors.js";
import { prepareFiles } from "./files.js";
import { takeOwnership } from "./owner.js";
import { lmdbStore } from "./store.js";

export interface LmdbStoreOptions {
  /** A directory for this store alone, on a local disk. Made (mode 0700) where it is missing; refused when others may enter it. */
  readonly path: string;
  /** ms to wait for another process that has the store open to end. Default 0: `store_locked` at once. */
  readonly lockTimeout?: number;
  /** Default: the machine's. */
  readonly runtime?: Runtime;
}

const lockRetry = 100;

/**
 * Opens a store in LMDB, or makes one. What `batch` has settled survives a power cut: its promise settles after the flush, and all batches that
 * wait share one. Rejects `store_locked`, `store_read_only`, `store_full`, `store_too_new`, `store_damaged`, `store_failed`, `invalid_argument`.
 */
export async function openLmdbStore({ path, lockTimeout = 0, runtime = systemRuntime() }: LmdbStoreOptions): Promise<Store> {
  if (typeof path !== "string" || path === "" || path.includes("\0")) throw new TightbeamError("invalid_argument", "A store needs the path of a directory.");
  const { clock, timers } = runtime;
  const until = clock.monotonic() + lockTimeout;
  for (;;) {
    try {
      return await openOnce(resolve(path), runtime);
    } catch (error) {
      if (!isTightbeamError(error) || error.code !== "store_locked" || clock.monotonic() >= until) throw error;
    }
    await new Promise<void>((done) => void timers.after(lockRetry, done));
  }
}

async function openOnce(path: string, { random }: Runtime): Promise<Store> {
  try {
    prepareFiles(path);
    const binary = { encoding: "binary", keyEncoding: "binary", cache: false } as const;
    // Without overlapping flushes a commit is the flush, and a flush that fails fails its commit. Without batching by turn no promise is made that nobody holds.
    const root = open({ path, noSubdir: false, overlappingSync: false, eventTurnBatching: false, maxDbs: 2, ...binary });
    const release = (): Promise<void> => root.close();
    try {
      const owners = root.openDB<Buffer, Buffer>({ name: "owner", ...binary, useVersions: true });
      const entries = root.openDB<Buffer, Buffer>({ name: "entries", ...binary });
      return lmdbStore({ path, entries, owner: await takeOwnership(owners, path, random), release });
    } catch (error) {
      await release().catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw storeError(error, path);
  }
}
