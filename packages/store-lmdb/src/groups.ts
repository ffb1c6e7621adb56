import type { StoreChange } from "@tightbeam/core/store";

/** A batch that waits for its group, its values copied. */
export interface Batch {
  readonly changes: readonly StoreChange[];
  readonly bytes: number;
  readonly settle: (error?: unknown) => void;
}

export interface Groups {
  add(batch: Batch): void;
  /** Settles when nothing waits or is being written. */
  idle(): Promise<void>;
}

/** A group is closed at this size, so that what came later does not wait for all of it, and LMDB's list of changed pages stays short. */
const groupBytes = 4 * 1024 * 1024;

/**
 * Group commit: what arrives while a group is being written makes up the next one, so one flush serves all who wait for it, in the order of
 * their calls. `write` must do all of a group or nothing.
 */
export function createGroups(write: (group: readonly Batch[]) => Promise<void>): Groups {
  let waiting: Batch[] = [];
  let writing = false;
  let idle: (() => void)[] = [];

  const next = (): Batch[] => {
    let count = 0;
    for (let bytes = 0; count < waiting.length && (count === 0 || bytes + (waiting[count] as Batch).bytes <= groupBytes); count++)
      bytes += (waiting[count] as Batch).bytes;
    if (count === waiting.length) {
      const all = waiting;
      waiting = [];
      return all;
    }
    return waiting.splice(0, count);
  };

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const group = next();
      let failure: unknown;
      let failed = false;
      try {
        await write(group);
      } catch (error) {
        failure = error;
        failed = true;
      }
      for (const { settle } of group) {
        if (failed) settle(failure);
        else settle();
      }
    }
    writing = false;
    const done = idle;
    idle = [];
    for (const each of done) each();
  }

  return {
    add(batch) {
      waiting.push(batch);
      if (writing) return;
      writing = true;
      // What else this turn's promises bring belongs to the first group too.
      queueMicrotask(() => void run());
    },
    idle: () => (writing ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
  };
}
