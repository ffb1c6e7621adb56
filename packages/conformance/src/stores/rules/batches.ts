import { batch, must, mustBe, numbered, numberIn, put, read, scanned } from "../pieces.js";
import type { StoreRule } from "../rule.js";

export const batches: readonly StoreRule[] = [
  {
    id: "S2/in-order",
    clause: "S2",
    title: "within a batch the last change of a key counts",
    async run(context) {
      const store = await context.open();
      await batch(context, store, put("a", 1), put("a", 2), put("b", 1), { remove: "b" }, { remove: "c" }, put("c", 3), { remove: "never-there" });
      mustBe(await scanned(context, store, ""), ["a=2", "c=3"], "after a batch that changes keys twice");
      await batch(context, store);
      mustBe(await scanned(context, store, ""), ["a=2", "c=3"], "after an empty batch");
    },
  },
  {
    id: "S2/large",
    clause: "S2",
    title: "a batch of 1,000 changes is done as a whole",
    async run(context) {
      const store = await context.open();
      await batch(context, store, ...Array.from({ length: 1_000 }, (_, i) => put(`k/${i}`, i, 300)));
      must((await scanned(context, store, "k/")).length === 1_000, "entries of a large batch are missing");
      await batch(context, store, ...Array.from({ length: 999 }, (_, i) => ({ remove: `k/${i}` })));
      mustBe(await scanned(context, store, "k/"), ["k/999=999"], "after removing all but one");
    },
  },
  {
    id: "S2/bytes",
    clause: "S2",
    title: "values of every kind come back as they were",
    async run(context) {
      const store = await context.open();
      const sizes = [0, 1, 7, 8, 63, 64, 511, 2_000, 4_095, 4_096, 4_097, 16_384, 16_385, 100_000];
      await batch(context, store, ...sizes.map((size) => ({ put: `s/${size}`, value: Uint8Array.from({ length: size }, (_, i) => i * 31) })));
      for (const size of sizes) {
        const value = await context.within(store.get(`s/${size}`), "get()");
        must(value?.length === size && value.every((byte, i) => byte === ((i * 31) & 0xff)), `a value of ${size} bytes came back changed`);
      }
    },
  },
  {
    id: "S3/order-of-calls",
    clause: "S3",
    title: "batches take effect in the order of their calls, also when nobody waits in between",
    async run(context) {
      const store = await context.open();
      const all: Promise<void>[] = [];
      for (let i = 1; i <= 300; i++) all.push(store.batch([put("last", i), i % 2 === 0 ? put("sometimes", i) : { remove: "sometimes" }]));
      await context.within(Promise.all(all), "300 batches");
      must((await read(context, store, "last")) === 300, "the batch that was called last is not the last");
      must((await read(context, store, "sometimes")) === 300, "the batch that was called last is not the last");
    },
  },
  {
    id: "S7/input-is-copied",
    clause: "S7",
    title: "what is given is copied before batch() returns, and a view is kept as a view",
    async run(context) {
      const store = await context.open();
      const buffer = new Uint8Array(64).fill(9);
      const view = buffer.subarray(10, 14);
      view.set(numbered(5));
      const changes = [{ put: "view", value: view }, put("other", 6)];
      const done = store.batch(changes);
      buffer.fill(0);
      changes.length = 0;
      await context.within(done, "batch()");
      mustBe(await scanned(context, store, ""), ["other=6", "view=5"], "what was given was changed after the call");
      must((await context.within(store.get("view"), "get()"))?.length === 4, "a view was kept with the rest of its buffer");
    },
  },
  {
    id: "S7/output-is-owned",
    clause: "S7",
    title: "what is read belongs to the reader",
    async run(context) {
      const store = await context.open();
      await batch(context, store, put("a", 1, 64), put("b", 2, 64));
      const a = await context.within(store.get("a"), "get()");
      const b = await context.within(store.get("b"), "get()");
      must(numberIn(a) === 1 && numberIn(b) === 2, "what was read first changed with what was read next");
      a?.fill(0xff);
      for await (const [, value] of store.scan("")) value.fill(0xff);
      mustBe(await scanned(context, store, ""), ["a=1", "b=2"], "a reader changed what it had read");
      await batch(context, store, { remove: "a" }, put("b", 3, 64));
      must(numberIn(b) === 2, "what was read changed with the store");
    },
  },
];
