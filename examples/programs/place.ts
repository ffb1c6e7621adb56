// Where the agents of an example meet: a hub in this process, a relay, or a nats-server of its own. The application is the same over all three.
import { type Agent, type AgentOptions, type Authority, createAgent, createAuthority, type Identity, TightbeamError } from "@tightbeam/core";
import type { Transport } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { connectNats } from "@tightbeam/nats";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import type { StartBroker, StartedBroker } from "../demo/broker.js";
import { createChildren } from "../demo/children.js";

export const transportNames = ["memory", "websocket", "nats"] as const;
export type TransportName = (typeof transportNames)[number];

export interface Place {
  /** An agent with a token of this place's authority that allows `permissions`. */
  join(id: string, permissions?: readonly string[], options?: Partial<AgentOptions>): Promise<Agent>;
  /** Closes the agents, and what carried their frames. */
  close(): Promise<void>;
}

export interface Sources {
  /** The script that keeps a nats-server. */
  readonly broker: string;
  /** Finds a nats-server, or installs one where that is allowed. */
  readonly natsServer: () => { readonly path: string } | { readonly reason: string; readonly install: string };
}

/** Throws `unavailable`, with what to install, when there is no nats-server. */
export async function openPlace(transport: TransportName, sources: Sources): Promise<Place> {
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const carrier = await startCarrier(transport, authority, sources);
  const agents: Agent[] = [];
  return {
    async join(id, permissions = [], options = {}) {
      const identity = await authority.enroll(id, { permissions });
      const agent = await createAgent({ identity, trust: authority.trust(), transport: await carrier.connect(identity), ...options });
      agents.push(agent);
      return agent;
    },
    async close() {
      for (const agent of agents.reverse()) await agent.close();
      await carrier.close();
    },
  };
}

interface Carrier {
  connect(identity: Identity): Promise<Transport>;
  close(): Promise<void>;
}

async function startCarrier(transport: TransportName, authority: Authority, sources: Sources): Promise<Carrier> {
  if (transport === "memory") {
    const hub = createHub();
    return { connect: () => connectMemory(hub), close: async () => hub.close() };
  }
  if (transport === "websocket") {
    const relay = await createRelay({ port: 0, trust: authority.trust() });
    return { connect: (identity) => connectWebSocket(relay.url, { identity }), close: () => relay.close() };
  }
  const found = sources.natsServer();
  if (!("path" in found)) throw new TightbeamError("unavailable", `Over NATS an example needs a nats-server (${found.reason}): ${found.install}.`);
  const keeper = createChildren().start("nats-server", sources.broker);
  const { port } = await keeper.calls.call<StartedBroker>("start", { path: found.path, port: 0 } satisfies StartBroker);
  return {
    connect: () => connectNats({ servers: `nats://127.0.0.1:${port}` }),
    async close() {
      keeper.release();
      await keeper.calls.call("kill");
      await keeper.kill();
    },
  };
}
