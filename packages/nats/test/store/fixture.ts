import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import type { Store } from "@tightbeam/core/store";
import { connect as connectOld } from "nats";
import { type JetStreamConnection, type NatsStoreOptions, openNatsStore } from "../../src/store/index.js";
import { type Broker, startBroker } from "../broker.js";
import { closeLater } from "../fixture.js";

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

/** The same, closed at the end of the test. */
export const jetStreamBroker = async (more = ""): Promise<JetStreamBroker> => closeLater(await startJetStream(more));

export const generations = ["3", "2.29"] as const;
export type Generation = (typeof generations)[number];

/** A connection of either generation of clients, which comes back soon. */
export async function dial(to: Broker, options: object = {}, generation: Generation = "3"): Promise<JetStreamConnection> {
  const all = { servers: to.url, maxReconnectAttempts: -1, reconnectTimeWait: 20, reconnectJitter: 0, timeout: 1_000, ...options };
  return generation === "3" ? connect(all) : connectOld(all);
}

/** The same, closed at the end of the test. */
export const client = async (to: Broker, options: object = {}, generation: Generation = "3"): Promise<JetStreamConnection> =>
  closeLater(await dial(to, options, generation));

export async function openStore(connection: JetStreamConnection, options: Partial<NatsStoreOptions> = {}): Promise<Store> {
  return closeLater(await openNatsStore({ connection, name: "test", timeout: 2_000, ...options }));
}

export async function contents(store: Store, prefix = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const [key, value] of store.scan(prefix)) found[key] = new TextDecoder().decode(value);
  return found;
}
