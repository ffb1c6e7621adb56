import type { TightbeamError } from "../errors.js";

/**
 * Where an agent keeps what must outlive its process: ordered keys, values of bytes.
 *
 * S1 order: keys are strings of `A-Z a-z 0-9 _ - /`, 1 to 256 characters, ordered by their bytes.
 * S2 batch: all changes of one `batch` or none, whenever the process, the machine or the medium dies.
 * S3 durability: when the promise of `batch` settles, its changes are as safe as `capabilities.durability` says. Batches take effect in the order of their calls.
 * S4 reading: `get` and `scan` see every batch that has settled. Once one change of a batch can be read, all can. A scan is no snapshot: it may see some changes of a batch that takes effect while it runs, and not others.
 * S5 failure: a batch that rejects may or may not be there after the store is opened again. A failed flush is final: the store takes nothing more (`store_failed`).
 * S6 one writer: opening a store that another process has open rejects `store_locked`.
 * S7 bytes: what is given is copied before `batch` returns, what is read belongs to the caller.
 * S8 bounds: values of at most `capabilities.maxValueBytes` (at least 256 KiB; larger ones reject `too_large`, and nothing of their batch is done).
 */
export interface Store {
  readonly capabilities: StoreCapabilities;
  get(key: string): Promise<Uint8Array | undefined>;
  /**
   * Rejects `store_full` (no space: nothing of the batch is there, the store goes on), `store_read_only`, `store_failed` (for good), `too_large`,
   * `invalid_argument` (a key outside the grammar), `closed`.
   */
  batch(changes: readonly StoreChange[]): Promise<void>;
  /** Entries whose key begins with `prefix`, in the order of their keys. */
  scan(prefix: string, options?: ScanOptions): AsyncIterable<StoreEntry>;
  /** Settles when everything accepted is flushed and the store is free for others. Idempotent, never rejects. */
  close(): Promise<void>;
}

export interface StoreCapabilities {
  /** memory: gone with the process. process: survives a kill of the process. disk: survives a power cut. replicated: survives a machine. */
  readonly durability: "memory" | "process" | "disk" | "replicated";
  readonly maxValueBytes: number;
}

export type StoreChange = { readonly put: string; readonly value: Uint8Array } | { readonly remove: string };

export type StoreEntry = readonly [key: string, value: Uint8Array];

export interface ScanOptions {
  /** Only keys after this one (before it, when `reverse`). */
  readonly after?: string;
  /** Default: all. */
  readonly limit?: number;
  /** The last key first. */
  readonly reverse?: boolean;
}

/** An entry that does not open: another key, a flipped bit, another place. It is reported, never skipped in silence. */
export interface DamagedEntry {
  readonly key: string;
  readonly error: TightbeamError;
}
