import { checkWritten } from "../crash-writer.js";
import { batch, must, mustReject, put, read } from "../pieces.js";
import type { StoreRule } from "../rule.js";

export const crashes: readonly StoreRule[] = [
  {
    id: "S3/reopened",
    clause: "S3",
    title: "what has settled is there when the store is opened again",
    async run(context) {
      const store = await context.open();
      must(["memory", "process", "disk", "replicated"].includes(store.capabilities.durability), "capabilities.durability is none of the four");
      await batch(context, store, put("a", 1), put("b", 2));
      await batch(context, store, { remove: "a" }, put("b", 3));
      await context.within(store.close(), "close()");
      const again = await context.open();
      must((await read(context, again, "a")) === undefined, "what was removed is there again");
      must((await read(context, again, "b")) === 3, "what was written is gone, or older");
    },
  },
  {
    id: "S3/killed",
    clause: "S3",
    title: "a process is killed while it writes: what was confirmed is there, batches are whole, and none is there without those before it",
    async run(context) {
      let last = 0;
      for (const many of [1, 100, 700]) {
        let confirmed = last;
        const writer = await context.startWriter((batch) => {
          confirmed = batch;
        });
        await context.eventually(() => confirmed >= last + many, `${many} confirmed batches`);
        await context.within(writer.kill(), "kill()");
        const store = await context.open();
        last = await context.within(checkWritten(store, confirmed), "reading what was written");
        await context.within(store.close(), "close()");
      }
    },
  },
  {
    id: "S6/killed",
    clause: "S6",
    title: "a process that lives keeps others out; killed, it does so no longer",
    async run(context) {
      let confirmed = 0;
      const writer = await context.startWriter((batch) => {
        confirmed = batch;
      });
      await context.eventually(() => confirmed > 0, "a confirmed batch");
      await mustReject(context, context.open(), "store_locked", "opening what another process has open");
      const before = confirmed;
      await context.eventually(() => confirmed > before, "a batch confirmed after another was kept out");
      await context.within(writer.kill(), "kill()");
      await context.within((await context.open()).close(), "close()");
    },
  },
  {
    id: "S5/failed-flush",
    clause: "S5",
    title: "a flush that failed is final: nothing is taken or confirmed any more, and opened again the store has what was confirmed",
    async run(context) {
      const store = await context.open();
      await batch(context, store, put("a", 1));
      await context.breakFlush();
      await mustReject(context, store.batch([put("a", 2)]), "store_failed", "a batch whose flush fails");
      await mustReject(context, store.batch([put("b", 1)]), "store_failed", "a batch after a flush that failed");
      await context.within(store.close(), "close()");
      const again = await context.open();
      must([1, 2].includes((await read(context, again, "a")) ?? 0), "what was confirmed before a flush failed is gone");
      await batch(context, again, put("a", 3));
      must((await read(context, again, "a")) === 3, "the store does not work when it is opened again");
    },
  },
];
