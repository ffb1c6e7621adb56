// What carries the frames: a relay in this process, or a nats-server of this example's own.
import { TightbeamError, trust } from "@tightbeam/core";
import { createRelay } from "@tightbeam/websocket/relay";
import type { StartBroker, StartedBroker } from "../demo/broker.js";
import type { Children } from "../demo/children.js";
import type { TransportName } from "./options.js";

export interface Carrier {
  readonly name: string;
  readonly url: string;
  close(): Promise<void>;
}

export interface Sources {
  /** Scripts to fork. */
  readonly worker: string;
  readonly broker: string;
  /** Finds a nats-server, or installs one where that is allowed. */
  readonly natsServer: () => { readonly path: string } | { readonly reason: string; readonly install: string };
}

/** Throws `unavailable`, with what to install, when there is no nats-server. */
export async function startCarrier(transport: TransportName, secret: Uint8Array, children: Children, sources: Sources): Promise<Carrier> {
  if (transport === "websocket") {
    const relay = await createRelay({ port: 0, trust: trust.everyoneWithSecret(secret) });
    return { name: "relay", url: relay.url, close: () => relay.close() };
  }
  const found = sources.natsServer();
  if (!("path" in found)) throw new TightbeamError("unavailable", `Replicas over NATS need a nats-server (${found.reason}): ${found.install}.`);
  const keeper = children.start("nats-server", sources.broker);
  const { port } = await keeper.calls.call<StartedBroker>("start", { path: found.path, port: 0 } satisfies StartBroker);
  return {
    name: "nats-server",
    url: `nats://127.0.0.1:${port}`,
    async close() {
      keeper.release();
      await keeper.calls.call("kill");
      await keeper.kill();
    },
  };
}
