import { resolve } from "node:path";
import { type Runtime, systemRuntime } from "@tightbeam/core/runtime";
import { type AwaitUsing, isTightbeamError, type Store, TightbeamError } from "@tightbeam/core/store";
import { open } from "lmdb";
import { checkFile } from "./check-file.js";
import { storeError } from "./errors.js";
import { dataFile, mustHaveRoom, prepareFiles } from "./files.js";
import { locked, takeOwnership } from "./owner.js";
import { isAlive, type Sign, type SignServer, showSign, signsIn } from "./sign-of-life.js";
import { lmdbStore } from "./store.js";

export interface LmdbStoreOptions {
  /** A directory for this store alone, on a local disk. Made (mode 0700) where it is missing; refused when others may enter it. */
  readonly path: string;
  /** ms to wait for another process that has the store open to end. Default 0: `store_locked` at once. */
  readonly lockTimeout?: number | undefined;
  /**
   * Whether the file's structure is read before it is used, about 5 ms for each MB. Default true. Without it a damaged file may end the process,
   * instead of being refused as `store_damaged`.
   */
  readonly check?: boolean | undefined;
  /** Default: the machine's. */
  readonly runtime?: Runtime | undefined;
}

const lockRetry = 100;

/**
 * Opens a store in LMDB, or makes one. What `batch` has settled survives a power cut: its promise settles after the flush, and all batches that
 * wait share one. Rejects `store_locked`, `store_read_only`, `store_full`, `store_too_new`, `store_damaged`, `store_failed`, `unavailable`
 * (too many files are open), `invalid_argument`.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<Store & AwaitUsing> {
  checkOptions(options);
  const { path, lockTimeout = 0, check = true, runtime = systemRuntime() } = options;
  const { clock, timers } = runtime;
  const until = clock.monotonic() + lockTimeout;
  for (;;) {
    try {
      return await openOnce(resolve(path), { check, runtime });
    } catch (error) {
      if (!isTightbeamError(error) || error.code !== "store_locked" || clock.monotonic() >= until) throw error;
    }
    await new Promise<void>((done) => void timers.after(lockRetry, done));
  }
}

const known: Readonly<Record<keyof LmdbStoreOptions, true>> = { path: true, lockTimeout: true, check: true, runtime: true };

function checkOptions(options: LmdbStoreOptions): void {
  if (typeof options !== "object" || options === null) throw invalid('openLmdbStore takes an object: openLmdbStore({ path: "./state" }).');
  for (const name of Object.keys(options))
    if (!Object.hasOwn(known, name)) throw invalid(`openLmdbStore has no option '${name.slice(0, 40)}'. Its options are ${Object.keys(known).join(", ")}.`);
  const { path, lockTimeout = 0, check = true } = options;
  if (typeof path !== "string" || path === "" || path.includes("\0")) throw invalid("A store needs the path of a directory.");
  if (!(typeof lockTimeout === "number" && lockTimeout >= 0)) throw invalid("`lockTimeout` is in ms, 0 or more.");
  if (typeof check !== "boolean") throw invalid("`check` is true or false.");
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);

async function openOnce(path: string, { check, runtime: { random } }: { readonly check: boolean; readonly runtime: Runtime }): Promise<Store & AwaitUsing> {
  let sign: SignServer | undefined;
  try {
    prepareFiles(path);
    // Shown first, so that whoever finds the file changing under its check can tell that somebody has it open.
    sign = await showSign(path, random);
    if (check) await checkUnlessOpen(path, sign.sign);
    return await openEnvironment(path, sign);
  } catch (error) {
    await sign?.close();
    throw storeError(error, path);
  }
}

async function checkUnlessOpen(path: string, own: Sign): Promise<void> {
  try {
    checkFile(dataFile(path));
  } catch (error) {
    for (const sign of signsIn(path)) if (sign.name !== own.name && (await isAlive(sign, path))) throw locked(path);
    throw error;
  }
}

async function openEnvironment(path: string, sign: SignServer): Promise<Store & AwaitUsing> {
  const binary = { encoding: "binary", keyEncoding: "binary", cache: false } as const;
  mustHaveRoom(path);
  // Without overlapping flushes a commit is the flush, and a flush that fails fails its commit. Without batching by turn no promise is made that nobody holds.
  const root = open({ path, noSubdir: false, overlappingSync: false, eventTurnBatching: false, maxDbs: 2, ...binary });
  try {
    const owners = root.openDB<Buffer, Buffer>({ name: "owner", ...binary, useVersions: true });
    const entries = root.openDB<Buffer, Buffer>({ name: "entries", ...binary });
    const owner = await takeOwnership(owners, path, sign);
    const release = async (): Promise<void> => {
      await root.close();
      await sign.close();
    };
    return lmdbStore({ path, entries, owner, release });
  } catch (error) {
    await root.close().catch(() => undefined);
    throw error;
  }
}
