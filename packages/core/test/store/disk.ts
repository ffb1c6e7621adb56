import { TightbeamError } from "../../src/errors.js";
import { checkChanges, checkKeyPrefix } from "../../src/store/keys.js";
import type { Store, StoreCapabilities, StoreChange, StoreEntry } from "../../src/store/types.js";

/** A store whose process can die: what it flushed stays, what it did not is gone. */
export interface Disk {
  /** As a process that starts. Throws `store_locked` while another has it open. */
  open(): Store;
  /** Only with `manual`: what has been accepted is on the disk, and its batches settle. */
  flush(): void;
  /** The process is gone: nothing it called settles, then or later, and what it did not flush is lost. */
  crash(): void;
  /** Lets another process open it beside the one that has: a lock that does not hold. */
  release(): void;
  /** Makes flushes fail with this code from now on; undefined: no longer. `store_failed` is final for the store that is open. */
  fail(code: "store_full" | "store_failed" | "store_read_only" | undefined): void;
  /** What is on the disk: change it, and it is damaged. */
  readonly entries: Map<string, Uint8Array>;
  /** Flushes so far, each for all batches that were waiting. */
  readonly flushes: number;
}

export interface DiskOptions {
  readonly durability?: StoreCapabilities["durability"];
  readonly maxValueBytes?: number;
  /** Flushes only when told. Default: once the batches of this turn's promises are there, all of them together. */
  readonly manual?: boolean;
}

interface Waiting {
  readonly changes: readonly StoreChange[];
  readonly settle: (error?: TightbeamError) => void;
}

export function createDisk({ durability = "disk", maxValueBytes = 16 * 1024 * 1024, manual = false }: DiskOptions = {}): Disk {
  const entries = new Map<string, Uint8Array>();
  let opened = 0;
  /** The processes up to this one are gone. */
  let crashed = 0;
  let locked = false;
  let failing: "store_full" | "store_failed" | "store_read_only" | undefined;
  let waiting: Waiting[] = [];
  let flushes = 0;
  let failed = false;

  const apply = (target: Map<string, Uint8Array>, changes: readonly StoreChange[]): void => {
    for (const change of changes) {
      if ("put" in change) target.set(change.put, change.value);
      else target.delete(change.remove);
    }
  };

  const flush = (): void => {
    const due = waiting;
    waiting = [];
    if (due.length > 0) flushes++;
    for (const { changes, settle } of due) {
      if (failing === "store_failed") failed = true;
      if (failed || failing !== undefined) settle(new TightbeamError(failed ? "store_failed" : (failing ?? "store_failed"), "as the test wants it"));
      else {
        apply(entries, changes);
        settle();
      }
    }
  };

  function open(): Store {
    if (locked) throw new TightbeamError("store_locked", "another process has it");
    locked = true;
    failed = false;
    const mine = ++opened;
    let closed = false;
    const never = new Promise<never>(() => {});
    const dead = (): boolean => mine <= crashed;
    const usable = (): void => {
      if (closed) throw new TightbeamError("closed", "The store is closed.");
    };
    const visible = (): Map<string, Uint8Array> => {
      const all = new Map(entries);
      for (const { changes } of waiting) apply(all, changes);
      return all;
    };
    return {
      capabilities: { durability, maxValueBytes },
      async get(key) {
        if (dead()) return never;
        usable();
        return visible().get(key)?.slice();
      },
      async batch(changes) {
        if (dead()) return never;
        usable();
        checkChanges(changes, maxValueBytes);
        if (failed) throw new TightbeamError("store_failed", "as the test wants it");
        const copied = changes.map((change) => ("put" in change ? { put: change.put, value: change.value.slice() } : change));
        return new Promise<void>((resolve, reject) => {
          waiting.push({ changes: copied, settle: (error) => (error === undefined ? resolve() : reject(error)) });
          if (!manual && waiting.length === 1)
            setImmediate(() => {
              if (!dead()) flush();
            });
        });
      },
      async *scan(prefix, { after, limit = Number.POSITIVE_INFINITY, reverse = false } = {}): AsyncGenerator<StoreEntry> {
        if (dead()) return never;
        usable();
        checkKeyPrefix(prefix);
        const all = [...visible()].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
        let left = limit;
        for (const [key, value] of reverse ? all.reverse() : all) {
          if (after !== undefined && (reverse ? key >= after : key <= after)) continue;
          if (left-- <= 0) return;
          yield [key, value.slice()];
        }
      },
      async close() {
        if (closed) return;
        if (dead()) return never;
        flush();
        closed = true;
        locked = false;
      },
    };
  }

  return {
    open,
    flush,
    crash() {
      crashed = opened;
      waiting = [];
      locked = false;
    },
    release() {
      locked = false;
    },
    fail(code) {
      failing = code;
    },
    entries,
    get flushes() {
      return flushes;
    },
  };
}
