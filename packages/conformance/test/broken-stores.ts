import type { StoreEnv } from "@tightbeam/conformance/stores";
import { writeUntilKilled } from "@tightbeam/conformance/stores";
import { type ScanOptions, type Store, type StoreChange, type StoreEntry, TightbeamError } from "@tightbeam/core/store";
import { createDisk, type Disk } from "../../core/test/store/disk.js";

/** A store that breaks the contract in one way, and the rules that must notice. */
export interface BrokenStore {
  readonly flaw: string;
  readonly catches: readonly string[];
  create(): StoreEnv;
}

type Wrap = (inner: Store, disk: Disk) => Partial<Store>;

/** The disk of core's tests with some members of its stores replaced. */
function broken(flaw: string, catches: readonly string[], wrap: Wrap, openOn: (disk: Disk) => Store = (disk) => disk.open()): BrokenStore {
  return {
    flaw,
    catches,
    create() {
      const disk = createDisk();
      const open = (): Store => {
        const inner = openOn(disk);
        const { capabilities, get, batch, scan, close } = inner;
        return { capabilities, get, batch, scan, close, ...wrap(inner, disk) };
      };
      return {
        async open() {
          disk.fail(undefined);
          return open();
        },
        async startWriter(confirmed) {
          let alive = true;
          void writeUntilKilled(open(), (batch) => alive && confirmed(batch)).catch(() => undefined);
          return {
            async kill() {
              if (alive) disk.crash();
              alive = false;
            },
          };
        },
        breakFlush: () => disk.fail("store_failed"),
        close: () => {},
      };
    },
  };
}

async function* entries(inner: Store, prefix: string, options?: ScanOptions): AsyncGenerator<StoreEntry> {
  yield* inner.scan(prefix, options);
}
async function all(inner: Store, prefix: string): Promise<StoreEntry[]> {
  const found: StoreEntry[] = [];
  for await (const entry of inner.scan(prefix)) found.push(entry);
  return found;
}
const keyOf = (change: StoreChange): string => ("put" in change ? change.put : change.remove);

export const brokenStores: readonly BrokenStore[] = [
  broken("sorts keys without regard to case", ["S1/order"], (inner) => ({
    async *scan(prefix, options = {}) {
      const found = await all(inner, prefix);
      const { after, limit = Number.POSITIVE_INFINITY, reverse = false } = options;
      if (after !== undefined || prefix !== "") return yield* entries(inner, prefix, options);
      const sorted = found.toSorted(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
      yield* (reverse ? sorted.toReversed() : sorted).slice(0, limit);
    },
  })),
  broken("takes a prefix for a folder", ["S1/prefix"], (inner) => ({
    async *scan(prefix, options) {
      for await (const entry of inner.scan(prefix, options))
        if (prefix === "" || prefix.endsWith("/") || entry[0] === prefix || entry[0].startsWith(`${prefix}/`)) yield entry;
    },
  })),
  broken("takes any key", ["S1/grammar"], (inner) => ({
    batch: (changes) => inner.batch(changes.filter((change) => /^[\w/-]{1,256}$/.test(keyOf(change)))),
  })),
  broken("does what comes before a bad key", ["S1/grammar"], (inner) => ({
    async batch(changes) {
      for (const change of changes) {
        if (!/^[\w/-]{1,256}$/.test(keyOf(change))) return inner.batch([change]);
        if (changes.length === 2) await inner.batch([change]);
      }
      return inner.batch(changes);
    },
  })),
  broken("does removals first", ["S2/in-order"], (inner) => ({
    batch: (changes) => inner.batch([...changes].sort((a, b) => Number("put" in a) - Number("put" in b))),
  })),
  broken("does only a part of large batches", ["S2/large"], (inner) => ({ batch: (changes) => inner.batch(changes.slice(0, 500)) })),
  broken("loses the end of odd values", ["S2/bytes"], (inner) => ({
    batch: (changes) =>
      inner.batch(changes.map((change) => ("put" in change && change.value.length === 511 ? { ...change, value: change.value.subarray(1) } : change))),
  })),
  broken("confirms before it flushes", ["S3/killed", "S5/failed-flush"], (inner) => ({
    async batch(changes) {
      const done = inner.batch(changes);
      done.catch(() => undefined);
      await Promise.race([done, new Promise<void>((resolve) => queueMicrotask(resolve))]);
    },
  })),
  broken("writes a batch in two halves", ["S3/killed"], (inner) => {
    let batches = 0;
    return {
      async batch(changes) {
        await inner.batch(changes.slice(0, 2));
        // Each another time: whenever it is killed, some of those under way are halves.
        await new Promise((resolve) => setTimeout(resolve, (batches++ * 7) % 20));
        await inner.batch(changes.slice(2));
      },
    };
  }),
  broken("keeps nothing", ["S3/reopened"], (inner, disk) => ({
    async close() {
      await inner.close();
      disk.entries.clear();
    },
  })),
  broken("writes what was called last first", ["S3/order-of-calls"], (inner) => {
    let waiting: (() => void)[] = [];
    return {
      batch: (changes) =>
        new Promise((resolve, reject) => {
          if (waiting.length === 0)
            queueMicrotask(() => {
              const due = waiting.toReversed();
              waiting = [];
              for (const each of due) each();
            });
          waiting.push(() => void inner.batch(changes).then(resolve, reject));
        }),
    };
  }),
  broken("reads from before the last batch", ["S4/settled"], (inner) => {
    let old: Uint8Array | undefined;
    return {
      async get(key) {
        const value = await inner.get(key);
        const before = old;
        old = value;
        return before;
      },
    };
  }),
  broken("shows a batch key by key", ["S4/all-or-nothing"], (inner) => ({
    async batch(changes) {
      if (!changes.some((change) => keyOf(change) === "pair/a")) return inner.batch(changes);
      for (const change of changes) await inner.batch([change]);
    },
  })),
  broken("knows no after", ["S4/scan-options"], (inner) => ({
    scan: (prefix, { after: _after, ...options } = {}) => inner.scan(prefix, options),
  })),
  broken("goes by position in a scan", ["S4/scan-while-writing"], (inner) => ({
    async *scan(prefix, options) {
      if (options !== undefined) return yield* entries(inner, prefix, options);
      for (let i = 0; ; i++) {
        const entry = (await all(inner, prefix))[i];
        if (entry === undefined) return;
        yield entry;
      }
    },
  })),
  broken("waits in close() for scans that were left", ["S4/scan-left-early"], (inner) => {
    let open = 0;
    return {
      async *scan(prefix, options) {
        open++;
        yield* entries(inner, prefix, options);
        open--;
      },
      close: () => (open > 0 ? new Promise<never>(() => {}) : inner.close()),
    };
  }),
  broken("goes on after a flush that failed", ["S5/failed-flush"], (inner) => {
    let failed = false;
    return {
      async batch(changes) {
        if (failed) return;
        await inner.batch(changes).catch((error: unknown) => {
          failed = true;
          throw error;
        });
      },
    };
  }),
  broken("ends with the first batch that it refuses", ["S5/refused-batch"], (inner) => {
    let ended = false;
    return {
      async batch(changes) {
        if (ended) throw new TightbeamError("store_failed", "ended");
        ended = changes.some((change) => "put" in change && change.value.length > inner.capabilities.maxValueBytes);
        return inner.batch(changes);
      },
    };
  }),
  broken("drops at close() what is not flushed", ["S5/closed"], (inner) => {
    const pending = new Set<(error: Error) => void>();
    return {
      batch: (changes) =>
        new Promise((resolve, reject) => {
          pending.add(reject);
          inner.batch(changes).then(resolve, reject);
        }),
      async close() {
        for (const reject of pending) reject(new TightbeamError("closed", "dropped"));
        await inner.close();
      },
    };
  }),
  broken("reads on when it is closed", ["S5/closed"], (inner) => {
    let closed = false;
    return {
      get: async (key) => (closed ? undefined : inner.get(key)),
      async close() {
        closed = true;
        await inner.close();
      },
    };
  }),
  broken(
    "lets others in while it is open",
    ["S6/one-at-a-time", "S6/killed"],
    () => ({}),
    (disk) => {
      try {
        return disk.open();
      } catch {
        disk.release();
        return disk.open();
      }
    },
  ),
  broken("keeps the caller's array", ["S7/input-is-copied"], (inner) => ({
    batch: (changes) => new Promise((resolve, reject) => setImmediate(() => inner.batch(changes).then(resolve, reject))),
  })),
  broken("gives what it keeps", ["S7/output-is-owned"], (inner, disk) => ({
    async get(key) {
      await inner.get(key);
      return disk.entries.get(key);
    },
  })),
  broken("takes less than 256 KiB", ["S8/largest-value"], (inner) => ({ capabilities: { ...inner.capabilities, maxValueBytes: 100_000 } })),
  broken("cuts what is too large", ["S8/too-large"], (inner) => ({
    batch: (changes) =>
      inner.batch(changes.map((change) => ("put" in change ? { ...change, value: change.value.subarray(0, inner.capabilities.maxValueBytes) } : change))),
  })),
];
