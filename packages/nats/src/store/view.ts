import { createOrderedKeys, type OrderedKeys } from "./ordered.js";
import type { Change } from "./record.js";

/**
 * Where each key's value is: in memory, when it stands in the log and not yet under its own subject, or in the message of that number.
 * `fresh` takes what settles; `frozen` is what a checkpoint is carrying over.
 */
export interface View {
  /** Every key there is. */
  readonly keys: OrderedKeys;
  /** The value, or the number of its message. */
  locate(key: string): Uint8Array | number | undefined;
  apply(changes: readonly Change[]): void;
  /** The number of the message under the key's own subject, also when the log says otherwise by now. */
  stored(key: string): number | undefined;
  setStored(key: string, sequence: number | undefined): void;
  /** Everything fresh becomes what is to be carried over; what still is from the last time stays among it. */
  freeze(): ReadonlyMap<string, Uint8Array | undefined>;
  /** A key was carried over. */
  thaw(key: string): void;
}

export function createView(): View {
  const keys = createOrderedKeys();
  const messages = new Map<string, number>();
  let fresh = new Map<string, Uint8Array | undefined>();
  let frozen = new Map<string, Uint8Array | undefined>();

  return {
    keys,
    locate(key) {
      if (fresh.has(key)) return fresh.get(key);
      return frozen.has(key) ? frozen.get(key) : messages.get(key);
    },
    apply(changes) {
      for (const [key, value] of changes) {
        fresh.set(key, value);
        if (value === undefined) keys.delete(key);
        else keys.add(key);
      }
    },
    stored: (key) => messages.get(key),
    setStored(key, sequence) {
      if (sequence === undefined) messages.delete(key);
      else messages.set(key, sequence);
    },
    freeze() {
      if (frozen.size === 0) [frozen, fresh] = [fresh, frozen];
      else {
        for (const [key, value] of fresh) frozen.set(key, value);
        fresh = new Map();
      }
      return frozen;
    },
    thaw: (key) => void frozen.delete(key),
  };
}
