import { batch, must, mustBe, mustReject, put, scanned } from "../pieces.js";
import type { StoreRule } from "../rule.js";

const leastMaxBytes = 256 * 1024;

export const bounds: readonly StoreRule[] = [
  {
    id: "S8/largest-value",
    clause: "S8",
    title: "a value of maxValueBytes, at least 256 KiB, comes back as it was",
    async run(context) {
      const store = await context.open();
      const { maxValueBytes } = store.capabilities;
      must(maxValueBytes >= leastMaxBytes, `maxValueBytes is ${maxValueBytes}, less than 256 KiB`);
      const value = new Uint8Array(maxValueBytes);
      for (let i = 0; i < value.length; i += 4_093) value[i] = i;
      await batch(context, store, { put: "large", value });
      const back = await context.within(store.get("large"), "get()");
      must(back?.length === maxValueBytes, `a value of maxValueBytes came back with ${back?.length} bytes`);
      for (let i = 0; i < value.length; i += 4_093) must(back[i] === (i & 0xff), "a value of maxValueBytes came back changed");
    },
  },
  {
    id: "S8/too-large",
    clause: "S8",
    title: "a larger value is refused, and nothing of its batch is done",
    async run(context) {
      const store = await context.open();
      const value = new Uint8Array(store.capabilities.maxValueBytes + 1);
      await mustReject(context, store.batch([put("a", 1), { put: "b", value }, put("c", 1)]), "too_large", "a value of maxValueBytes + 1");
      mustBe(await scanned(context, store, ""), [], "after a value that was too large");
    },
  },
];
