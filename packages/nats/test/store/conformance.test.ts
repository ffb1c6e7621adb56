import { testStore } from "@tightbeam/conformance";
import type { StoreEnv } from "@tightbeam/conformance/stores";
import type { Store, TightbeamError } from "@tightbeam/core/store";
import { afterAll, beforeAll } from "vitest";
import { openNatsStore } from "../../src/store/index.js";
import { type Broker, withNatsServer } from "../broker.js";
import { dial } from "./fixture.js";
import { startProcess } from "./processes.js";
import { startJetStream } from "./server.js";

const lease = 300;

let broker: Broker;
let rules = 0;

/** A bucket of its own for each rule. */
async function natsEnv(): Promise<StoreEnv> {
  const name = `rule-${++rules}`;
  const connect = () => dial(broker);
  let connection = await connect();
  let killed = false;
  const open = async (): Promise<Store> => {
    if (connection.isClosed()) connection = await connect();
    return openNatsStore({ connection, name, lease });
  };
  return {
    async open() {
      for (let tries = 0; ; tries++) {
        try {
          return await open();
        } catch (error) {
          // What a process wrote just before it was killed may still arrive at the server.
          if (!killed || tries > 5 || (error as TightbeamError).code !== "store_locked") throw error;
        }
      }
    },
    async startWriter(confirmed) {
      killed = false;
      const writer = await startProcess("writer", [broker.url, name, String(lease)], (line) => confirmed(Number(line)));
      return {
        async kill() {
          await writer.kill();
          killed = true;
        },
      };
    },
    breakFlush: () => connection.close(),
    close: () => connection.close(),
  };
}

withNatsServer("a store in JetStream, by the rules for stores", () => {
  beforeAll(async () => {
    broker = await startJetStream();
  });
  afterAll(() => broker.close());
  // With a client of 2.29 the same takes as long again; what is its own is tested with both.
  testStore({ name: "JetStream", create: natsEnv });
});
