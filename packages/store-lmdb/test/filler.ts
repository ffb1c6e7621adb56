import { openLmdbStore } from "../src/index.js";

/** Writes until it is refused, and says how many entries were accepted and the code: `node filler.js <path>`. */
const store = await openLmdbStore({ path: process.argv[2] as string });
let written = 0;
let code: string | undefined;
while (code === undefined && written < 1_000) {
  await store.batch([{ put: `k/${written}`, value: new Uint8Array(10_000) }]).then(
    () => written++,
    (error: { code: string }) => {
      code = error.code;
    },
  );
}
await store.close();
process.stdout.write(`${written} ${code}\n`);
