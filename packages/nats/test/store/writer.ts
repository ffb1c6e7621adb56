import { connect } from "@nats-io/transport-node";
import { writeUntilKilled } from "@tightbeam/conformance/stores";
import { openNatsStore } from "../../src/store/index.js";

/** A process that writes until it is killed: `node writer.js <url> <bucket> <lease>`. It says how far it is confirmed, one number a line. */
const [url = "", name = "", lease = ""] = process.argv.slice(2);
const store = await openNatsStore({ connection: await connect({ servers: url }), name, lease: Number(lease) });
process.stdout.write("0\n");
await writeUntilKilled(store, (batch) => void process.stdout.write(`${batch}\n`));
