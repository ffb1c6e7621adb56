import { headerKey } from "./header.js";
import type { Sealing } from "./sealed.js";
import type { Store, StoreChange } from "./types.js";

/** Keys that batches have changed since a rotation last looked; undefined while there is none. */
export interface Touched {
  keys: Set<string> | undefined;
}

interface Rotation {
  readonly store: Store;
  readonly sealing: Sealing;
  readonly touched: Touched;
  /** The header, sealed anew. */
  readonly header: () => Uint8Array;
  readonly report: (key: string, error: unknown) => void;
}

/** Entries read at once. */
const chunk = 64;

/**
 * Seals again what a previous key sealed, while batches go on. What a batch changed since the entries were read is left alone: it is newer, and
 * sealed with the current key. Each chunk is written together with the header, and batches take effect in the order of their calls: what was
 * called before that write can be read when it has settled, so only later changes have to be remembered.
 */
export async function rotateEntries({ store, sealing, touched, header, report }: Rotation): Promise<number> {
  let rotated = 0;
  const write = async (changes: readonly StoreChange[]): Promise<void> => {
    touched.keys = new Set();
    await store.batch([...changes, { put: headerKey, value: header() }]);
  };
  try {
    await write([]);
    let after: string | undefined;
    for (;;) {
      const read: [string, Uint8Array][] = [];
      for await (const [key, value] of store.scan("", { limit: chunk, ...(after !== undefined && { after }) })) read.push([key, value]);
      after = read.at(-1)?.[0];
      const changes: StoreChange[] = [];
      for (const [key, value] of read) {
        if (key === headerKey || sealing.isCurrent(value) || touched.keys?.has(key) === true) continue;
        try {
          changes.push({ put: key, value: sealing.seal(key, sealing.open(key, value)) });
        } catch (error) {
          report(key, error);
        }
      }
      if (changes.length > 0 || (touched.keys?.size ?? 0) > chunk) await write(changes);
      rotated += changes.length;
      if (read.length < chunk) return rotated;
    }
  } finally {
    touched.keys = undefined;
  }
}
