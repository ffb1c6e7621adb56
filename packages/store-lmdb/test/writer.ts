import { writeUntilKilled } from "@tightbeam/conformance/stores";
import { openLmdbStore } from "../src/index.js";

/** A process that writes until it is killed: `node writer.js <path>`. It says how far it is confirmed, one number a line. */
const store = await openLmdbStore({ path: process.argv[2] as string });
process.stdout.write("0\n");
await writeUntilKilled(store, (batch) => void process.stdout.write(`${batch}\n`));
