import { batch, must, mustBe, mustReject, put, read, scanned } from "../pieces.js";
import type { StoreRule } from "../rule.js";

/** In the order of their bytes. */
const ordered = ["-", "-a", "/", "//", "0", "00", "1", "A", "Z", "_", "a", "a-", "a/", "a/0", "a/z", "a0", "aa", "b", "z"];

export const keys: readonly StoreRule[] = [
  {
    id: "S1/order",
    clause: "S1",
    title: "keys are in the order of their bytes, forwards and backwards",
    async run(context) {
      const store = await context.open();
      const mixed = ordered.map((key, i) => [key, (i * 7) % ordered.length] as const).toSorted((a, b) => a[1] - b[1]);
      for (const [key] of mixed) await batch(context, store, put(key, 1));
      const expected = ordered.map((key) => `${key}=1`);
      mustBe(await scanned(context, store, ""), expected, "everything");
      mustBe(await scanned(context, store, "", { reverse: true }), expected.toReversed(), "everything, backwards");
    },
  },
  {
    id: "S1/prefix",
    clause: "S1",
    title: "a scan gives exactly the keys that begin with the prefix",
    async run(context) {
      const store = await context.open();
      await batch(context, store, ...ordered.map((key, i) => put(key, i)));
      for (const prefix of [...ordered, "a/0/", "zz", "B"]) {
        const expected = ordered.flatMap((key, i) => (key.startsWith(prefix) ? [`${key}=${i}`] : []));
        mustBe(await scanned(context, store, prefix), expected, `prefix "${prefix}"`);
        mustBe(await scanned(context, store, prefix, { reverse: true }), expected.toReversed(), `prefix "${prefix}", backwards`);
      }
    },
  },
  {
    id: "S1/grammar",
    clause: "S1",
    title: "keys of 1 and of 256 characters are taken, anything else than A-Z a-z 0-9 _ - / is refused, and nothing of its batch is done",
    async run(context) {
      const store = await context.open();
      const longest = "k".repeat(256);
      await batch(context, store, put("x", 1), put(longest, 2));
      must((await read(context, store, longest)) === 2, "a key of 256 characters was lost");
      for (const bad of ["", `${longest}k`, "a b", "a.b", "a\0", "é", "š", "a\n", "../x", 7 as unknown as string]) {
        await mustReject(context, store.batch([put("beside", 1), put(bad, 1)]), "invalid_argument", `the key ${JSON.stringify(bad)}`);
        await mustReject(context, store.batch([put("beside", 1), { remove: bad }]), "invalid_argument", `removing the key ${JSON.stringify(bad)}`);
        must((await read(context, store, bad)) === undefined, `the key ${JSON.stringify(bad)} has a value`);
      }
      mustBe(await scanned(context, store, ""), [`${longest}=2`, "x=1"], "what is there");
    },
  },
];
