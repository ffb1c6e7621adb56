import { connect } from "@nats-io/transport-node";
import type { Store } from "@tightbeam/core/store";
import { connect as connectOld } from "nats";
import { type JetStreamConnection, type NatsStoreOptions, openNatsStore } from "../../src/store/index.js";
import type { Broker } from "../broker.js";
import { closeLater } from "../fixture.js";
import { type JetStreamBroker, startJetStream } from "./server.js";

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
