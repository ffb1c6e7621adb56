import { type AwaitUsing, awaitUsing } from "../disposable.js";
import { TightbeamError } from "../errors.js";
import { checkChanges, checkKeyPrefix } from "./keys.js";
import type { ScanOptions, Store, StoreChange, StoreEntry } from "./types.js";

const maxValueBytes = 16 * 1024 * 1024;

/** A store in this process: for tests, and for agents that need its functions and not its durability. */
export function createMemoryStore(): Store & AwaitUsing {
  const values = new Map<string, Uint8Array>();
  /** In order; undefined when a key came or went since. */
  let sorted: string[] | undefined;
  let closed = false;

  const open = (): void => {
    if (closed) throw new TightbeamError("closed", "The store is closed.");
  };
  const apply = (change: StoreChange): void => {
    if ("put" in change) {
      if (!values.has(change.put)) sorted = undefined;
      values.set(change.put, change.value.slice());
    } else if (values.delete(change.remove)) sorted = undefined;
  };
  const keys = (): readonly string[] => {
    sorted ??= [...values.keys()].sort();
    return sorted;
  };

  return awaitUsing<Store & AwaitUsing>({
    capabilities: { durability: "memory", maxValueBytes },
    async get(key) {
      open();
      return values.get(key)?.slice();
    },
    async batch(changes) {
      open();
      checkChanges(changes, maxValueBytes);
      for (const change of changes) apply(change);
    },
    async *scan(prefix, { after, limit = Number.POSITIVE_INFINITY, reverse = false }: ScanOptions = {}): AsyncGenerator<StoreEntry> {
      open();
      checkKeyPrefix(prefix);
      const all = keys().filter((key) => key.startsWith(prefix) && (after === undefined || (reverse ? key < after : key > after)));
      let left = limit;
      for (const key of reverse ? all.reverse() : all) {
        const value = values.get(key);
        if (value === undefined) continue;
        if (left-- <= 0) return;
        yield [key, value.slice()];
      }
    },
    async close() {
      closed = true;
    },
  });
}
