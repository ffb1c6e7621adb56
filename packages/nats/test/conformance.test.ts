import { connect as connectNew } from "@nats-io/transport-node";
import { testTransport } from "@tightbeam/conformance";
import type { Transport } from "@tightbeam/core/transport";
import { connect as connectOld } from "nats";
import { connectNats } from "../src/index.js";
import { startBroker, withNatsServer } from "./broker.js";

const clientOptions = { maxReconnectAttempts: -1, reconnectTimeWait: 20, reconnectJitter: 0 };

const ways: Readonly<Record<string, (url: string) => Promise<Transport>>> = {
  "nats, by its own client": (url) => connectNats({ servers: url, reconnect: { minMs: 10, maxMs: 50 } }),
  "nats, over a connection of @nats-io/transport-node": async (url) =>
    connectNats({ connection: await connectNew({ servers: url, ...clientOptions }), closeConnection: true }),
  "nats, over a connection of nats 2.29": async (url) =>
    connectNats({ connection: await connectOld({ servers: url, ...clientOptions }), closeConnection: true }),
};

withNatsServer("nats: the transport contract", () => {
  for (const [name, connect] of Object.entries(ways)) {
    testTransport({
      name,
      async create() {
        const broker = await startBroker();
        return {
          connect: () => connect(broker.url),
          cut: () => broker.kill(),
          restore: () => broker.start(),
          close: () => broker.close(),
        };
      },
    });
  }
});
