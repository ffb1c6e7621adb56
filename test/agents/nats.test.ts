import { connectNats } from "@tightbeam/nats";
import { afterAll, beforeAll } from "vitest";
import { type Broker, startBroker, withNatsServer } from "../../packages/nats/test/broker.js";
import { allSuites } from "./all-suites.js";
import type { Medium } from "./place.js";

withNatsServer("agents over NATS", () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker.close());

  let places = 0;
  /** Places share a broker, one after the other, each under its own prefix. */
  const open = async (): Promise<Medium> => {
    const prefix = `place-${places++}`;
    let up = true;
    return {
      connect: () => connectNats({ servers: broker.url, prefix, reconnect: { minMs: 5, maxMs: 50 } }),
      cut() {
        up = false;
        return broker.kill();
      },
      async restore() {
        await broker.start();
        up = true;
      },
      // For the next one, when a test ended in between.
      close: () => (up ? undefined : broker.start()),
    };
  };
  allSuites({ name: "a nats-server that is killed and started again", open });
  allSuites({ name: "NATS, with frames lost, doubled, delayed and reordered and agents cut off", open, faulty: true });
});
