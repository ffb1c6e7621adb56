import * as keptLimits from "../../kept-limits.js";
import type { StoreChange } from "../../store/types.js";
import type { SenderHost } from "./out-host.js";

/** Handled messages on their way out of the store. Losing one means that it is sent once more, which the receiver's marks answer: they wait for others. */
export interface Removals {
  add(key: string): void;
  flush(): void;
}

/** `record`: goes with each batch, since the highest number may be in none of the entries that are left. */
export function createRemovals({ runtime, writer }: Pick<SenderHost, "runtime" | "writer">, record: () => StoreChange): Removals {
  let keys: string[] = [];
  let cancel: (() => void) | undefined;

  const flush = (): void => {
    cancel?.();
    cancel = undefined;
    if (keys.length === 0) return;
    const removed = keys;
    keys = [];
    writer.add({
      changes: () => [...removed.map((remove) => ({ remove })), record()],
      settled(error) {
        if (error !== undefined && writer.failed === undefined) for (const key of removed) add(key);
      },
    });
  };
  const add = (key: string): void => {
    keys.push(key);
    if (keys.length === keptLimits.durableRemovals) flush();
    else cancel ??= runtime.timers.after(keptLimits.durableRemoveMs, flush, { background: true });
  };
  return { add, flush };
}
