import { closeSync, openSync } from "node:fs";
import { openLmdbStore } from "../src/index.js";

/** Opens the store with every number of files from none to so many that it may still open, and says what came of each: `node crowded.js <path> <most>`. */
const [, , path = "", most = "0"] = process.argv;
const held: number[] = [];
const fill = (): void => {
  try {
    for (;;) held.push(openSync("/dev/null", "r"));
  } catch {
    // No more of them.
  }
};
const free = (count: number): void => {
  for (const each of held.splice(0, count)) closeSync(each);
};

// What is loaded when it is first used is loaded.
await (await openLmdbStore({ path })).close();
const outcomes: string[] = [];
for (let left = 0; left <= Number(most); left++) {
  fill();
  free(left);
  const store = await openLmdbStore({ path }).catch((error: { code: string; retryable: boolean }) => error);
  free(held.length);
  if ("batch" in store) await store.batch([{ put: `k/${left}`, value: new Uint8Array(10) }]);
  if ("batch" in store) await store.close();
  outcomes.push("batch" in store ? "open" : `${store.code} ${store.retryable}`);
}
process.stdout.write(`${JSON.stringify(outcomes)}\n`);
