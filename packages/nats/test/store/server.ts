import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Broker, startBroker } from "../broker.js";

export interface JetStreamBroker extends Broker {
  /** The whole configuration with other options. */
  config(more: string): string;
}

/** A nats-server with JetStream, its files in a folder that outlives its process. `more` stands in the configuration. */
export async function startJetStream(more = ""): Promise<JetStreamBroker> {
  const place = mkdtempSync(join(tmpdir(), "tightbeam-jetstream-"));
  const config = (rest: string): string => `jetstream { store_dir: "${place}" }\n${rest}`;
  const broker = await startBroker(config(more));
  const { close } = broker;
  return Object.assign(broker, {
    config,
    async close() {
      await close();
      rmSync(place, { recursive: true, force: true });
    },
  });
}
