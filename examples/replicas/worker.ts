// One process of the agent "worker". It does not know how many there are: the relay or the broker gives each new link to one of them.
import { createAgent, trust } from "@tightbeam/core";
import { identityFromSecret } from "@tightbeam/core/identity";
import { connectNats } from "@tightbeam/nats";
import { connectWebSocket } from "@tightbeam/websocket";
import { createCalls } from "../demo/calls.js";
import { charge, resize } from "./contract.js";

export interface StartWorker {
  /** `ws://` of a relay, or `nats://` of a server. */
  readonly url: string;
  /** Shared by all agents of this example. */
  readonly secret: Uint8Array;
}

const calls = createCalls(process, {
  async start({ url, secret }: StartWorker): Promise<string> {
    const identity = await identityFromSecret({ id: "worker", secret });
    const transport = url.startsWith("nats:") ? await connectNats({ servers: url }) : await connectWebSocket(url, { identity });
    const worker = await createAgent({ identity, trust: trust.everyoneWithSecret(secret), transport });
    for (const method of [charge, resize]) {
      worker.handle(method, async ({ n }) => {
        // The record outlives this process: what the parent was told before the kill stands.
        void calls.call("ran", method.name, n);
        await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 10));
        return { n, pid: process.pid };
      });
    }
    return worker.instance;
  },
});

process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit(0));
