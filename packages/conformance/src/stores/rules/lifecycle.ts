import { batch, mustBe, mustReject, put, scanned } from "../pieces.js";
import type { StoreRule } from "../rule.js";

export const lifecycle: readonly StoreRule[] = [
  {
    id: "S5/refused-batch",
    clause: "S5",
    title: "a batch that was refused harms nothing",
    async run(context) {
      const store = await context.open();
      await batch(context, store, put("a", 1));
      const tooLarge = new Uint8Array(store.capabilities.maxValueBytes + 1);
      const before = store.batch([put("a", 2)]);
      const refused = store.batch([put("a", 3), { put: "b", value: tooLarge }]);
      const after = store.batch([put("c", 4)]);
      await mustReject(context, refused, "too_large", "a batch with a value that is too large");
      await context.within(Promise.all([before, after]), "batches beside one that was refused");
      mustBe(await scanned(context, store, ""), ["a=2", "c=4"], "after a batch was refused");
    },
  },
  {
    id: "S5/closed",
    clause: "S5",
    title: "close() settles when everything accepted is flushed; afterwards everything rejects with closed",
    async run(context) {
      const store = await context.open();
      const accepted = Array.from({ length: 50 }, (_, i) => store.batch([put(`k/${i}`, i)]));
      const closing = Promise.all([store.close(), store.close()]);
      await context.within(Promise.all(accepted), "batches that were accepted before close()");
      await context.within(closing, "close(), twice");
      await context.within(store.close(), "close(), again");
      await mustReject(context, store.batch([put("k", 1)]), "closed", "batch() after close()");
      await mustReject(context, store.get("k"), "closed", "get() after close()");
      await mustReject(context, scanned(context, store, ""), "closed", "scan() after close()");
    },
  },
  {
    id: "S6/one-at-a-time",
    clause: "S6",
    title: "a store that is open cannot be opened, and can be when it was closed",
    async run(context) {
      const store = await context.open();
      await mustReject(context, context.open(), "store_locked", "opening a store that is open");
      await batch(context, store, put("a", 1));
      await context.within(store.close(), "close()");
      const again = await context.open();
      await batch(context, again, put("a", 2));
      mustBe(await scanned(context, again, ""), ["a=2"], "the store opened again");
    },
  },
];
