import { type StoreEnv, type StoreSubject, writeUntilKilled } from "@tightbeam/conformance/stores";
import { createMemoryStore } from "../../src/store/index.js";
import { createDisk } from "./disk.js";

const cannot = (what: string): never => {
  throw new Error(what);
};

/** The memory store, and what it cannot be asked for. */
export const memorySubject: StoreSubject = {
  name: "memory",
  create: () => ({
    open: async () => createMemoryStore(),
    startWriter: async () => cannot("no other process sees it"),
    breakFlush: () => cannot("nothing is flushed"),
    close: () => {},
  }),
  skip: [
    { rule: "S3/reopened", reason: "a memory store ends with its close()" },
    { rule: "S3/killed", reason: "a memory store ends with its process" },
    { rule: "S5/failed-flush", reason: "a memory store flushes nothing" },
    { rule: "S6/one-at-a-time", reason: "each memory store is one of its own" },
    { rule: "S6/killed", reason: "no other process sees a memory store" },
  ],
};

/** The disk of these tests, whose processes die in this one. */
export function diskEnv(): StoreEnv {
  const disk = createDisk();
  return {
    async open() {
      disk.fail(undefined);
      return disk.open();
    },
    async startWriter(confirmed) {
      let alive = true;
      void writeUntilKilled(disk.open(), (batch) => alive && confirmed(batch));
      return {
        async kill() {
          if (alive) disk.crash();
          alive = false;
        },
      };
    },
    breakFlush: () => disk.fail("store_failed"),
    close: () => {},
  };
}
