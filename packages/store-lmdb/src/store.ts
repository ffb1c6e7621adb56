import { statfsSync } from "node:fs";
import {
  type AwaitUsing,
  awaitUsing,
  checkChanges,
  checkKeyPrefix,
  isKey,
  type ScanOptions,
  type Store,
  type StoreChange,
  type StoreEntry,
  TightbeamError,
} from "@tightbeam/core/store";
import type { Database } from "lmdb";
import { storeError } from "./errors.js";
import { type Batch, createGroups } from "./groups.js";
import type { Owner } from "./owner.js";
import { createCopier } from "./values.js";

export const maxValueBytes: number = 16 * 1024 * 1024;

/** Entries read in one go: no reading lasts beyond its turn, or LMDB could not use again what was freed since. */
const chunkEntries = 128;
const chunkBytes = 1024 * 1024;
/** Below this much free space a short write is a full disk, and not a broken one. */
const spareBytes = 1024 * 1024;
const errnoIo = 5;

const keyBytes = (key: string): Buffer => Buffer.from(key, "latin1");
const keyText = (key: Buffer | Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
/** After every key of the grammar. */
const pastKeys = Buffer.of(0x7f);

interface Parts {
  readonly path: string;
  readonly entries: Database<Buffer, Buffer>;
  readonly owner: Owner;
  /** Closes the environment. */
  readonly release: () => Promise<void>;
}

/** A store over an environment that is open and owned. */
export function lmdbStore({ path, entries, owner, release }: Parts): Store & AwaitUsing {
  const { copy, free } = createCopier();
  let closing: Promise<void> | undefined;
  /** Why nothing is taken any more. */
  let failed: TightbeamError | undefined;

  const usable = (): void => {
    if (closing !== undefined) throw new TightbeamError("closed", "The store is closed.");
    if (failed !== undefined) throw failed;
  };

  const groups = createGroups(async (group) => {
    if (failed !== undefined) throw failed;
    try {
      if (await owner.whileMine(() => apply(group))) return freeAll(group);
      failed = new TightbeamError("store_failed", `The store at ${path} was taken over by another process: this one writes nothing more.`);
    } catch (error) {
      const typed = asFull(error, group) ?? storeError(error, path);
      // No space: LMDB has thrown the group away and goes on from before it. Anything else may have touched what was flushed.
      if (typed.code === "store_full") throw typed;
      failed =
        typed.code === "store_read_only" ? typed : new TightbeamError("store_failed", `The store at ${path} failed for good: open it again.`, { cause: typed });
    }
    throw failed;
  });

  const apply = (group: readonly Batch[]): void => {
    for (const { changes } of group) {
      for (const change of changes) {
        if ("put" in change) void entries.put(keyBytes(change.put), change.value as Buffer);
        else void entries.remove(keyBytes(change.remove));
      }
    }
  };

  /** What was written LMDB does not read any more. */
  const freeAll = (group: readonly Batch[]): void => {
    for (const { changes } of group) for (const change of changes) if ("put" in change) free(change.value);
  };

  /** LMDB reports a short write as an I/O error: on a disk without space that is what it is. */
  const asFull = (cause: unknown, group: readonly Batch[]): TightbeamError | undefined => {
    if ((cause as { code?: unknown }).code !== errnoIo) return undefined;
    let needed = spareBytes;
    for (const { bytes } of group) needed += 2 * bytes;
    try {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize < needed ? storeError({ code: "ENOSPC", cause }, path) : undefined;
    } catch {
      return undefined;
    }
  };

  /** At most a chunk of what lies behind `from`, and whether there may be more. */
  function chunk(from: Buffer, to: Buffer, reverse: boolean, limit: number): { readonly read: StoreEntry[]; readonly more: boolean } {
    const read: StoreEntry[] = [];
    let bytes = 0;
    const most = Math.min(limit, chunkEntries);
    const range = entries.getRange({ start: from, end: to, exclusiveStart: true, reverse, limit: most });
    for (const { key, value } of range) {
      read.push([keyText(key), owned(value)]);
      bytes += value.length;
      if (bytes >= chunkBytes) return { read, more: true };
    }
    return { read, more: read.length === most };
  }

  return awaitUsing<Store & AwaitUsing>({
    capabilities: { durability: "disk", maxValueBytes },
    async get(key) {
      usable();
      if (!isKey(key)) return undefined;
      try {
        const value = entries.getBinary(keyBytes(key));
        return value === undefined ? undefined : owned(value);
      } catch (error) {
        throw storeError(error, path);
      }
    },
    async batch(changes) {
      usable();
      checkChanges(changes, maxValueBytes);
      if (changes.length === 0) return;
      let bytes = 0;
      const copied: StoreChange[] = changes.map((change) => {
        if (!("put" in change)) {
          bytes += change.remove.length;
          return { remove: change.remove };
        }
        bytes += change.put.length + change.value.length;
        return { put: change.put, value: copy(change.value) };
      });
      await new Promise<void>((resolve, reject) => {
        groups.add({ changes: copied, bytes, settle: (error) => (error === undefined ? resolve() : reject(error as Error)) });
      });
    },
    async *scan(prefix, { after, limit = Number.POSITIVE_INFINITY, reverse = false }: ScanOptions = {}): AsyncGenerator<StoreEntry> {
      usable();
      checkKeyPrefix(prefix);
      if (after !== undefined) checkKeyPrefix(after);
      let left = limit;
      // One byte beyond the prefix on the side where the scan begins or ends: no key of the grammar holds it.
      const low =
        prefix === "" ? Buffer.of(0) : Buffer.concat([keyBytes(prefix).subarray(0, -1), Buffer.of(prefix.charCodeAt(prefix.length - 1) - 1), pastKeys]);
      const high = Buffer.concat([keyBytes(prefix), pastKeys]);
      let from: Buffer = reverse ? high : low;
      if (after !== undefined && (reverse ? Buffer.compare(keyBytes(after), from) < 0 : Buffer.compare(keyBytes(after), from) > 0)) from = keyBytes(after);
      const to = reverse ? low : high;
      while (left > 0) {
        usable();
        let next: ReturnType<typeof chunk>;
        try {
          next = chunk(from, to, reverse, left);
        } catch (error) {
          throw storeError(error, path);
        }
        yield* next.read;
        left -= next.read.length;
        const last = next.read.at(-1);
        if (!next.more || last === undefined) return;
        from = keyBytes(last[0]);
      }
    },
    close() {
      closing ??= groups
        .idle()
        .then(() => owner.release())
        .catch(() => undefined)
        .then(release)
        .catch(() => undefined);
      return closing;
    },
  });
}

/** A plain array that is the caller's: LMDB gives Buffers, some of them into memory that it uses again. */
const owned = (value: Uint8Array): Uint8Array => new Uint8Array(value);
