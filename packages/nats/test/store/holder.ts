import { connect } from "@nats-io/transport-node";
import type { TightbeamError } from "@tightbeam/core/transport";
import { openNatsStore } from "../../src/store/index.js";

// A process of its own that has a store, for tests that stop and kill it.
const [url = "", name = "", lease = ""] = process.argv.slice(2);
const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
const store = await openNatsStore({ connection, name, lease: Number(lease) });
const code = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "done",
    (error: unknown) => (error as TightbeamError).code,
  );
for (let count = 1; ; count++) {
  const value = new TextEncoder().encode(String(count));
  try {
    await store.batch([
      { put: "count/a", value },
      { put: `filling/${count % 50}`, value },
      { put: "count/b", value },
    ]);
  } catch (error) {
    const [read, write] = [await code(store.get("count/a")), await code(store.batch([{ remove: "count/b" }]))];
    process.stdout.write(`over ${(error as TightbeamError).code} ${read} ${write}\n`);
    break;
  }
  process.stdout.write(`${count}\n`);
}
await store.close();
await connection.close();
