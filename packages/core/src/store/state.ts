import { decodeUtf8, encodeUtf8, toBase64url } from "../bytes.js";
import { crypto } from "../crypto/index.js";
import { type AwaitUsing, awaitUsing } from "../disposable.js";
import { isTightbeamError, TightbeamError } from "../errors.js";
import { release } from "../release.js";
import type { Runtime } from "../runtime/runtime.js";
import { decodeHeader, encodeHeader, type Header, headerKey, newHeader, nextHeader, type StoreStart } from "./header.js";
import { checkChanges } from "./keys.js";
import { rotateEntries, type Touched } from "./rotation.js";
import { createSealing, type Sealing, type StoreKey, sealedOverhead } from "./sealed.js";
import type { DamagedEntry, ScanOptions, Store, StoreCapabilities, StoreChange, StoreEntry } from "./types.js";

/** What an agent keeps: a store with an identity, in which every value is sealed. Keys and their order are the store's. */
export interface State extends AwaitUsing {
  /** The store's own random id, its durable identity: 22 base64url characters. */
  readonly id: string;
  /** How often it has been opened, this time included. */
  readonly incarnation: number;
  /** The last 16 openings, newest first, this one included. */
  readonly starts: readonly StoreStart[];
  /** The last opening ended with `close`. Undefined: there was none. */
  readonly closedCleanly: boolean | undefined;
  /** The instance that an agent with this store is, across restarts: 22 base64url characters. */
  readonly instance: string;
  readonly capabilities: StoreCapabilities;
  /** Entries that did not open, in the order in which they were met: at most 1,000 of them. */
  readonly damaged: readonly DamagedEntry[];
  /** How many did not open, each counted once as long as `damaged` has room for it. */
  readonly damagedCount: number;
  /** Rejects `store_damaged` for an entry that does not open. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** As `Store.batch`. */
  batch(changes: readonly StoreChange[]): Promise<void>;
  /** As `Store.scan`. An entry that does not open is reported (`damaged`, `onDamaged`), and the scan goes on behind it. */
  scan(prefix: string, options?: ScanOptions): AsyncIterable<StoreEntry>;
  /** Stands for a name (a peer's id, say) in keys, which lie open: 22 base64url characters that nobody without the storeKey can connect with the name. */
  digest(name: string): string;
  /** Seals everything again that was sealed with a previous key; settles with how many entries that were, when all of it is flushed. */
  rotate(): Promise<number>;
  /** Closes the store too. Idempotent, never rejects. */
  close(): Promise<void>;
}

export interface StateOptions {
  readonly store: Store;
  /** Needed unless the store keeps nothing beyond this process. */
  readonly storeKey?: StoreKey | undefined;
  readonly runtime: Runtime;
  /** The agent whose store it is. The first one that is named stays it. */
  readonly owner?: string | undefined;
  /** Called once for each entry that does not open. What it throws is ignored. */
  readonly onDamaged?: ((entry: DamagedEntry) => void) | undefined;
}

const damagedMax = 1_000;
const digestBytes = 16;

/**
 * Opens what an agent keeps, or begins it in an empty store. Counts this opening, flushed before anything else happens.
 * Rejects `invalid_argument` (no storeKey for a store that persists, another owner), `store_too_new`, `store_damaged` (another storeKey, or no header beside
 * other entries), and what the store rejects. The store stays open when this rejects.
 */
export async function openState({ store, storeKey, runtime, owner, onDamaged }: StateOptions): Promise<State> {
  if (storeKey === undefined && store.capabilities.durability !== "memory")
    throw new TightbeamError(
      "invalid_argument",
      "A store that persists needs a storeKey: 32 random bytes (crypto.getRandomValues), kept apart from the store and the same at every start.",
    );
  const sealing = storeKey === undefined ? undefined : createSealing(storeKey, runtime.random);
  const header = await readHeader(store, sealing, runtime, owner);
  const last = await store.get(closedKey);
  const closedCleanly = header.starts.length === 1 ? undefined : last !== undefined && isLastWord(last, sealing, header.starts[1]);
  const goodbye: StoreChange[] = last === undefined ? [] : [{ remove: closedKey }];
  await store.batch([{ put: headerKey, value: encodeHeader(header, sealing) }, ...goodbye]);
  return stateOver(store, sealing, header, closedCleanly, onDamaged);
}

/** Written with the end of an opening, and gone with the next: which opening it was. */
const closedKey = "meta/closed";

function isLastWord(bytes: Uint8Array, sealing: Sealing | undefined, opening: StoreStart | undefined): boolean {
  try {
    return decodeUtf8(sealing === undefined ? bytes : sealing.open(closedKey, bytes)) === opening?.nonce;
  } catch {
    return false;
  }
}

async function readHeader(store: Store, sealing: Sealing | undefined, { random }: Runtime, owner: string | undefined): Promise<Header> {
  const bytes = await store.get(headerKey);
  if (bytes !== undefined) return nextHeader(decodeHeader(bytes, sealing), random, owner);
  for await (const [key] of store.scan("", { limit: 1 }))
    throw new TightbeamError("store_damaged", `The store has entries (${key}) and no header: restore it from a copy, or use an empty store.`);
  return newHeader(random, owner);
}

function stateOver(
  store: Store,
  sealing: Sealing | undefined,
  header: Header,
  closedCleanly: boolean | undefined,
  onDamaged: StateOptions["onDamaged"],
): State {
  const { sha256 } = crypto();
  const maxValueBytes = store.capabilities.maxValueBytes - (sealing === undefined ? 0 : sealedOverhead);
  const damaged = new Map<string, DamagedEntry>();
  let damagedCount = 0;
  let closed = false;
  const touched: Touched = { keys: undefined };

  const report = (key: string, error: unknown): void => {
    if (!isTightbeamError(error)) throw error;
    if (damaged.has(key)) return;
    damagedCount++;
    if (damaged.size < damagedMax) damaged.set(key, { key, error });
    try {
      onDamaged?.({ key, error });
    } catch {
      // A listener's failure is not the store's.
    }
  };

  const check = (changes: readonly StoreChange[]): void => {
    checkChanges(changes, maxValueBytes);
    for (const change of changes) {
      const key = "put" in change ? change.put : change.remove;
      if (key === headerKey || key === closedKey) throw new TightbeamError("invalid_argument", `${key} is the store's own entry.`);
      touched.keys?.add(key);
    }
  };

  return awaitUsing<State>({
    id: header.id,
    incarnation: header.starts[0]?.incarnation ?? 0,
    starts: header.starts,
    instance: header.instance,
    closedCleanly,
    capabilities: { ...store.capabilities, maxValueBytes },
    get damaged() {
      return [...damaged.values()];
    },
    get damagedCount() {
      return damagedCount;
    },
    async get(key) {
      if (key === headerKey) return undefined;
      const value = await store.get(key);
      if (value === undefined || sealing === undefined) return value;
      try {
        return sealing.open(key, value);
      } catch (error) {
        report(key, error);
        throw error;
      }
    },
    async batch(changes) {
      check(changes);
      if (sealing === undefined) return store.batch(changes);
      const sealed = changes.map((change) => ("put" in change ? { put: change.put, value: sealing.seal(change.put, change.value) } : change));
      const written = store.batch(sealed);
      // The store has copied them (S7).
      for (const change of sealed) if ("put" in change) release(change.value);
      return written;
    },
    async *scan(prefix, options) {
      // One more, in case the header is among them.
      const limit = options?.limit;
      let left = limit ?? Number.POSITIVE_INFINITY;
      for await (const entry of store.scan(prefix, limit === undefined ? options : { ...options, limit: limit + 1 })) {
        const [key, value] = entry;
        if (key === headerKey) continue;
        if (left-- <= 0) return;
        if (sealing === undefined) {
          yield entry;
          continue;
        }
        let opened: Uint8Array;
        try {
          opened = sealing.open(key, value);
        } catch (error) {
          report(key, error);
          continue;
        }
        yield [key, opened];
      }
    },
    digest: (name) => toBase64url(sha256.hmac(header.digestKey, encodeUtf8(name)).subarray(0, digestBytes)),
    rotate: async () => (sealing === undefined ? 0 : rotateEntries({ store, sealing, touched, header: () => encodeHeader(header, sealing), report })),
    async close() {
      if (!closed) {
        closed = true;
        const nonce = encodeUtf8(header.starts[0]?.nonce ?? "");
        // Accepted before the close, which flushes it; where it cannot be written the end was not a clean one.
        void store.batch([{ put: closedKey, value: sealing === undefined ? nonce : sealing.seal(closedKey, nonce) }]).catch(() => undefined);
      }
      await store.close();
    },
  });
}
