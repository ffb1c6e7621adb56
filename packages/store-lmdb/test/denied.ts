import { openLmdbStore } from "../src/index.js";

/** Opens a second store as somebody who may not write everywhere, and prints the code: `node denied.js <a store to load everything with> <path>`. */
const [, , first = "", path = ""] = process.argv;
await (await openLmdbStore({ path: first })).close();
if (process.getuid?.() === 0) process.seteuid?.(65_534);
const said = await openLmdbStore({ path }).then(
  () => "open",
  (error: { code: string }) => error.code,
);
process.stdout.write(said);
