// Where the agents of an example meet: a hub in this process, a relay, or a nats-server of its own. The application is the same over all three.
import { type Agent, type AgentOptions, type Authority, createAgent, createAuthority, type Identity, TightbeamError } from "@tightbeam/core";
import type { IssueRequest, JwkSet } from "@tightbeam/core/identity";
import type { Transport } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { connectNats } from "@tightbeam/nats";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import type { StartBroker, StartedBroker } from "../demo/broker.js";
import type { Handlers } from "../demo/calls.js";
import { type Child, createChildren } from "../demo/children.js";

export const transportNames = ["memory", "websocket", "nats"] as const;
export type TransportName = (typeof transportNames)[number];

/** What a process needs to come to this place. */
export interface Seat {
  readonly id: string;
  /** Of the relay or the nats-server. */
  readonly url: string;
  readonly issuer: string;
  readonly jwks: JwkSet;
}

export interface Place {
  /** An agent with a token of this place's authority that allows `permissions`. */
  join(id: string, permissions?: readonly string[], options?: Partial<AgentOptions>): Promise<Agent>;
  /** Ends an agent as a crash would: its medium is gone before it can say goodbye. */
  vanish(agent: Agent): Promise<void>;
  /** A process of its own, which gets tokens as `id` only. Undefined in memory, where one process is all there is. */
  readonly start?: (id: string, program: keyof Sources["programs"], handlers: Handlers) => { readonly child: Child; readonly seat: Seat };
  /** Closes the agents, and what carried their frames. */
  close(): Promise<void>;
}

export interface Sources {
  /** The script that keeps a nats-server. */
  readonly broker: string;
  /** Scripts of agents that are processes of their own. */
  readonly programs: { readonly warehouse: string };
  /** Finds a nats-server, or installs one where that is allowed. */
  readonly natsServer: () => { readonly path: string } | { readonly reason: string; readonly install: string };
}

/** Throws `unavailable`, with what to install, when there is no nats-server. */
export async function openPlace(transport: TransportName, sources: Sources): Promise<Place> {
  const issuer = "https://auth.example";
  const authority = await createAuthority({ issuer });
  const carrier = await startCarrier(transport, authority, sources);
  const agents: Agent[] = [];
  const transports = new Map<Agent, Transport>();
  const children = createChildren();
  const { url } = carrier;
  const start: Place["start"] = (id, program, handlers) => {
    const issue = ({ publicJwk, audience }: IssueRequest) => authority.issue({ id, publicKey: publicJwk, ...(audience === undefined ? {} : { audience }) });
    return { child: children.start(id, sources.programs[program], { ...handlers, issue }), seat: { id, url: url ?? "", issuer, jwks: authority.jwks() } };
  };
  return {
    ...(url === undefined ? {} : { start }),
    async join(id, permissions = [], options = {}) {
      const identity = await authority.enroll(id, { permissions });
      const transport = await carrier.connect(identity);
      const agent = await createAgent({ identity, trust: authority.trust(), transport, ...options });
      agents.push(agent);
      transports.set(agent, transport);
      return agent;
    },
    async vanish(agent) {
      await transports.get(agent)?.close();
      await agent.close();
    },
    async close() {
      for (const agent of agents.reverse()) await agent.close();
      await carrier.close();
    },
  };
}

interface Carrier {
  /** For other processes. */
  readonly url?: string;
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
    return { url: relay.url, connect: (identity) => connectWebSocket(relay.url, { identity }), close: () => relay.close() };
  }
  const found = sources.natsServer();
  if (!("path" in found)) throw new TightbeamError("unavailable", `Over NATS an example needs a nats-server (${found.reason}): ${found.install}.`);
  const keeper = createChildren().start("nats-server", sources.broker);
  const { port } = await keeper.calls.call<StartedBroker>("start", { path: found.path, port: 0 } satisfies StartBroker);
  const url = `nats://127.0.0.1:${port}`;
  return {
    url,
    connect: () => connectNats({ servers: url }),
    async close() {
      keeper.release();
      await keeper.calls.call("kill");
      await keeper.kill();
    },
  };
}
