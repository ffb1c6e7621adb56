import type { Runtime } from "@tightbeam/core/runtime";
import type { ScanOptions, StoreEntry } from "@tightbeam/core/store";
import { kindOf, storeError } from "./failure.js";
import type { JetStream } from "./jetstream.js";
import type { View } from "./view.js";
import type { Wire } from "./wire.js";

export interface Reader {
  get(key: string): Promise<Uint8Array | undefined>;
  scan(prefix: string, options?: ScanOptions): AsyncGenerator<StoreEntry>;
}

export interface ReaderOptions {
  readonly api: JetStream;
  readonly wire: Wire;
  readonly view: View;
  readonly runtime: Runtime;
  readonly timeoutMs: number;
  /** Throws when the store is closed or has failed. */
  check(): void;
  /** Writes to the stream: rejects when another process has the store. */
  prove(): Promise<unknown>;
}

/** Values that a scan asks for at once: with the largest, 32 MiB. */
const atOnce = 32;

export function createReader({ api, wire, view, runtime, timeoutMs, check, prove }: ReaderOptions): Reader {
  const get = async (key: string): Promise<Uint8Array | undefined> => {
    const end = runtime.clock.monotonic() + timeoutMs;
    for (;;) {
      const where = view.locate(key);
      if (where === undefined) return undefined;
      // A copy: what the client hands out is a part of what it read from the socket.
      if (typeof where !== "number") return new Uint8Array(where);
      try {
        return new Uint8Array(
          await wire.persist(
            () => api.read(where),
            () => runtime.clock.monotonic() < end,
          ),
        );
      } catch (error) {
        check();
        // It was replaced while the answer was under way: look again.
        if (kindOf(error) === "none" && view.locate(key) !== where) continue;
        if (kindOf(error) === "none") await prove();
        throw storeError(error, `The value of a key was not read`);
      }
    }
  };

  return {
    get,
    async *scan(prefix, { after, limit = Number.POSITIVE_INFINITY, reverse = false } = {}) {
      let from = after;
      for (let left = limit; left > 0; ) {
        check();
        const keys = view.keys.page(prefix, from, reverse, Math.min(left, atOnce));
        if (keys.length === 0) return;
        from = keys.at(-1);
        const values = await Promise.all(keys.map(get));
        for (const [at, key] of keys.entries()) {
          const value = values[at];
          // Removed since.
          if (value === undefined) continue;
          left -= 1;
          yield [key, value];
        }
      }
    },
  };
}
