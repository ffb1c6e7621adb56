import type { Timers } from "../runtime/runtime.js";

/** A map of at most `max` entries, each for `ms`: the oldest makes room for a new one. */
export interface ExpiringMap<K, V> {
  readonly size: number;
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  clear(): void;
}

export function createExpiringMap<K, V>(timers: Timers, max: number, ms: number): ExpiringMap<K, V> {
  const entries = new Map<K, { readonly value: V; readonly cancel: () => void }>();
  const drop = (key: K): void => {
    entries.get(key)?.cancel();
    entries.delete(key);
  };
  return {
    get size() {
      return entries.size;
    },
    get: (key) => entries.get(key)?.value,
    set(key, value) {
      drop(key);
      for (const oldest of entries.keys()) {
        if (entries.size < max) break;
        drop(oldest);
      }
      entries.set(key, { value, cancel: timers.after(ms, () => drop(key), { background: true }) });
    },
    clear() {
      for (const { cancel } of entries.values()) cancel();
      entries.clear();
    },
  };
}
