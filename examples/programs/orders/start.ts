// Starts the warehouse in a process of its own; in memory, where there is but one process, in this one.
import { openLmdbStore } from "@tightbeam/store-lmdb";
import type { Place } from "../place.js";
import { type Books, presence } from "./contract.js";
import { openWarehouse } from "./warehouse.js";
import type { StartWarehouse } from "./warehouse-process.js";

export interface Warehouse {
  readonly name: string;
  /** What its books said when it had opened its store. */
  readonly found: Books;
  books(): Promise<Books>;
  /** Ends it in the middle of what it does. Resolves with how. */
  kill(): Promise<string>;
  close(): Promise<void>;
}

export interface WarehouseOptions {
  readonly path: string;
  readonly storeKey: Uint8Array;
  readonly begun: (number: number) => void;
}

export async function startWarehouse(place: Place, { path, storeKey, begun }: WarehouseOptions): Promise<Warehouse> {
  if (place.start === undefined) {
    const agent = await place.join("warehouse", [], { store: await openLmdbStore({ path }), storeKey, presence });
    const books = await openWarehouse(agent, begun);
    const kill = () => place.vanish(agent).then(() => "ends without a goodbye");
    return { name: "the warehouse", found: books(), books: async () => books(), kill, close: () => agent.close() };
  }
  const { child, seat } = place.start("warehouse", "warehouse", { begun });
  const found = await child.calls.call<Books>("start", { ...seat, path, storeKey } satisfies StartWarehouse);
  return {
    name: `the warehouse (pid ${child.pid})`,
    found,
    books: () => child.calls.call<Books>("books"),
    kill: () => child.kill().then(() => "is killed, SIGKILL"),
    async close() {
      child.release();
      await child.calls.call("close");
      await child.kill();
    },
  };
}
