// An agent whose state is in a JetStream bucket: on whichever machine it starts, it goes on where the last one stopped. Says what it was given.
import { connect } from "@nats-io/transport-node";
import { createAgent } from "@tightbeam/core";
import { identityFromSecret, trust } from "@tightbeam/core/identity";
import type { Store, TightbeamError } from "@tightbeam/core/store";
import { connectNats } from "../../src/index.js";
import { openNatsStore } from "../../src/store/index.js";

const [url = "", lease = ""] = process.argv.slice(2);
const secret = Buffer.from(process.env.TAKEOVER_SECRET ?? "", "base64url");
const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });

async function standBy(): Promise<Store> {
  for (;;) {
    try {
      return await openNatsStore({ connection, name: "alice", lease: Number(lease) });
    } catch (error) {
      if ((error as TightbeamError).code !== "store_locked") throw error;
    }
  }
}

process.stdout.write("started\n");
const agent = await createAgent({
  identity: await identityFromSecret({ id: "alice", secret }),
  trust: trust.everyoneWithSecret(secret),
  transport: await connectNats({ servers: url }),
  store: await standBy(),
  storeKey: new Uint8Array(32).fill(9),
});
process.stdout.write("open\n");
agent.handle("count", (number: unknown) => void process.stdout.write(`${String(number)}\n`));
