import { connectNats } from "@tightbeam/nats";
import { afterAll, beforeAll } from "vitest";
import { type Broker, startBroker, withNatsServer } from "../../packages/nats/test/broker.js";
import { allSuites } from "./all-suites.js";
import { createWire } from "./wire.js";

withNatsServer("agents over NATS", () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker.close());

  let places = 0;
  /**
   * Places share a broker, each under its own prefix. The client waits for all of `connectTimeout` when a broker is killed between its INFO and its first PONG,
   * and one that is killed again and again can do that each time.
   */
  const connectTo = (servers: string) => {
    const prefix = `place-${places++}`;
    return () => connectNats({ servers, prefix, connectTimeout: 3_000, reconnect: { minMs: 5, maxMs: 50 } });
  };

  allSuites({
    name: "a nats-server that is killed and started again",
    shared: true,
    async open() {
      let up = true;
      const restore = async (): Promise<void> => {
        await broker.start();
        up = true;
      };
      return {
        connect: connectTo(broker.url),
        cut() {
          up = false;
          return broker.kill();
        },
        restore,
        // For the next one, when a test ended in between.
        close: () => (up ? undefined : restore()),
      };
    },
  });

  allSuites({
    name: "NATS, with frames lost, doubled, delayed and reordered and agents cut off",
    faulty: true,
    async open() {
      const wire = await createWire(broker.port);
      return { connect: connectTo(`127.0.0.1:${wire.port}`), cut: wire.cut, restore: wire.restore, close: wire.cut };
    },
  });
});
