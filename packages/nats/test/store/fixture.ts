import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import type { Store } from "@tightbeam/core/store";
import { connect as connectOld } from "nats";
import { type JetStreamConnection, type NatsStoreOptions, openNatsStore } from "../../src/store/index.js";
import { type Broker, startBroker } from "../broker.js";
import { closeLater } from "../fixture.js";

/** A nats-server with JetStream, its files in a folder that outlives its process. `more` stands in the configuration. */
export async function jetStreamBroker(more = ""): Promise<Broker & { config(more: string): string }> {
  const place = mkdtempSync(join(tmpdir(), "tightbeam-jetstream-"));
  closeLater({ close: () => rmSync(place, { recursive: true, force: true }) });
  const config = (rest: string): string => `jetstream { store_dir: "${place}" }\n${rest}`;
  return Object.assign(closeLater(await startBroker(config(more))), { config });
}

export const generations = ["3", "2.29"] as const;
export type Generation = (typeof generations)[number];

/** A connection of either generation of clients, which comes back soon. */
export async function client(to: Broker, options: object = {}, generation: Generation = "3"): Promise<JetStreamConnection> {
  const all = { servers: to.url, maxReconnectAttempts: -1, reconnectTimeWait: 20, reconnectJitter: 0, timeout: 1_000, ...options };
  const connection: JetStreamConnection = generation === "3" ? await connect(all) : await connectOld(all);
  return closeLater(connection);
}

export async function openStore(connection: JetStreamConnection, options: Partial<NatsStoreOptions> = {}): Promise<Store> {
  return closeLater(await openNatsStore({ connection, name: "test", timeout: 2_000, ...options }));
}

export async function contents(store: Store, prefix = ""): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const [key, value] of store.scan(prefix)) found[key] = new TextDecoder().decode(value);
  return found;
}
