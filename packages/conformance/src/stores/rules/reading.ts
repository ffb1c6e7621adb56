import { batch, must, mustBe, put, read, scanned } from "../pieces.js";
import type { StoreRule } from "../rule.js";

const key = (i: number): string => `n/${String(i).padStart(4, "0")}`;

export const reading: readonly StoreRule[] = [
  {
    id: "S4/settled",
    clause: "S4",
    title: "get and scan see what has settled",
    async run(context) {
      const store = await context.open();
      must((await read(context, store, "k")) === undefined, "an empty store has an entry");
      for (let i = 0; i < 50; i++) {
        await batch(context, store, put("k", i));
        must((await read(context, store, "k")) === i, `get after batch ${i} has settled gives an older value`);
        mustBe(await scanned(context, store, "k"), [`k=${i}`], `scan after batch ${i} has settled`);
      }
      await batch(context, store, { remove: "k" });
      must((await read(context, store, "k")) === undefined, "get gives what was removed");
      mustBe(await scanned(context, store, ""), [], "scan after everything was removed");
    },
  },
  {
    id: "S4/all-or-nothing",
    clause: "S4",
    title: "once one change of a batch can be read, all can",
    async run(context) {
      const store = await context.open();
      await batch(context, store, put("pair/a", 0), put("pair/b", 0));
      let writing = true;
      const writes = (async () => {
        for (let i = 1; i <= 200; i++) await batch(context, store, put("pair/a", i), put("pair/b", i));
      })().finally(() => {
        writing = false;
      });
      const reads = (async () => {
        while (writing) {
          for (const [first, second] of [
            ["pair/a", "pair/b"],
            ["pair/b", "pair/a"],
          ] as const) {
            const seen = (await read(context, store, first)) ?? Number.NaN;
            must(((await read(context, store, second)) ?? 0) >= seen, `${first} can be read as batch ${seen} wrote it, and ${second} cannot`);
          }
          await context.turn();
        }
      })();
      await Promise.all([writes, reads]);
    },
  },
  {
    id: "S4/scan-options",
    clause: "S4",
    title: "after, limit and reverse take the part of a scan that they name",
    async run(context) {
      const store = await context.open();
      await batch(context, store, put("m", 0), put("o", 0), ...Array.from({ length: 9 }, (_, i) => put(key(i), i)));
      const all = Array.from({ length: 9 }, (_, i) => `${key(i)}=${i}`);
      const part = async (expected: readonly string[], options: Parameters<typeof store.scan>[1]): Promise<void> =>
        mustBe(await scanned(context, store, "n/", options), expected, JSON.stringify(options));
      await part(all.slice(4), { after: key(3) });
      await part(all.slice(4, 6), { after: key(3), limit: 2 });
      await part(all.slice(4), { after: `${key(3)}-` });
      await part(all.slice(0, 3).toReversed(), { after: key(3), reverse: true });
      await part(all.slice(2, 3), { after: key(3), reverse: true, limit: 1 });
      await part(all.toReversed().slice(0, 2), { reverse: true, limit: 2 });
      await part([], { limit: 0 });
      await part([], { after: key(8) });
      await part([], { after: key(0), reverse: true });
      await part(all, { after: "a" });
      await part([], { after: "z" });
      await part(all.toReversed(), { after: "z", reverse: true });
      await part([], { after: "a", reverse: true });
    },
  },
  {
    id: "S4/scan-while-writing",
    clause: "S4",
    title: "a scan during which entries come, change and go gives those that stay once each, in order",
    async run(context) {
      const store = await context.open();
      const count = 600;
      await batch(context, store, ...Array.from({ length: count }, (_, i) => put(key(i), i, 1_000)));
      const seen: string[] = [];
      const removed = new Set<string>();
      for await (const [at] of store.scan("n/")) {
        seen.push(at);
        const i = seen.length;
        if (i % 20 !== 0) continue;
        const gone = [key(2 * i - 1), key(i - 1)];
        for (const each of gone) removed.add(each);
        await batch(context, store, put(`${key(i)}-`, 1), ...gone.map((remove) => ({ remove })), put(key(count - 1), i, 2_000));
      }
      const stayed = Array.from({ length: count }, (_, i) => key(i)).filter((at) => !removed.has(at));
      const known = new Set(stayed);
      mustBe(
        seen.filter((at) => known.has(at)),
        stayed,
        "entries that were there all the time",
      );
      mustBe(seen, [...new Set(seen)].toSorted(), "the order of what was seen");
    },
  },
  {
    id: "S4/scan-left-early",
    clause: "S4",
    title: "a scan that is left early holds nothing up",
    async run(context) {
      const store = await context.open();
      await batch(context, store, ...Array.from({ length: 300 }, (_, i) => put(key(i), i)));
      for (let i = 0; i < 200; i++) {
        for await (const [at] of store.scan("n/")) {
          must(at === key(0), "a scan does not begin at the first key");
          break;
        }
      }
      await batch(context, store, { remove: key(0) });
      mustBe(await scanned(context, store, "n/", { limit: 1 }), [`${key(1)}=1`], "after scans that were left");
      await context.within(store.close(), "close() after scans that were left");
    },
  },
];
