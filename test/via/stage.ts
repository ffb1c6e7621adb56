import { type Agent, type AgentOptions, type Authority, createAgent, createAuthority, type Forwarding, type ForwardOptions } from "@tightbeam/core";
import type { Transport } from "@tightbeam/core/transport";
import { connectThrough } from "@tightbeam/core/via";
import { connectMemory, createHub, type Hub } from "@tightbeam/memory";

export interface Stage {
  readonly authority: Authority;
  readonly hub: Hub;
  /** An agent on the hub. */
  agent(id: string, options?: Omit<StageOptions, "wrapThrough">): Promise<Agent>;
  /** An agent on the hub that forwards. */
  gate(id: string, options?: ForwardOptions, more?: Omit<StageOptions, "wrapThrough">): Promise<{ agent: Agent; forwarding: Forwarding }>;
  /** An agent of the same id on a transport through `peer`, and the agent under it. */
  through(id: string, peer: string, more?: StageOptions): Promise<{ outer: Agent; agent: Agent; transport: Transport }>;
  close(): Promise<void>;
}

export interface StageOptions extends Partial<AgentOptions> {
  readonly permissions?: readonly string[];
  /** Around the transport under everything. */
  readonly wrap?: (transport: Transport) => Transport;
  /** Around the transport through the intermediate. */
  readonly wrapThrough?: (transport: Transport) => Transport;
}

export async function createStage(): Promise<Stage> {
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const hub = createHub();
  const agents: Agent[] = [];
  const same = (transport: Transport): Transport => transport;

  const agent: Stage["agent"] = async (id, { permissions = [], wrap = same, ...options } = {}) => {
    const identity = await authority.enroll(id, { permissions: [...permissions] });
    const made = await createAgent({ identity, trust: authority.trust(), transport: wrap(await connectMemory(hub)), ...options });
    agents.push(made);
    return made;
  };
  return {
    authority,
    hub,
    agent,
    async gate(id, options = {}, more = {}) {
      const made = await agent(id, more);
      return { agent: made, forwarding: await made.forward(options) };
    },
    async through(id, peer, { wrapThrough = same, ...more } = {}) {
      const outer = await agent(id, more);
      const transport = wrapThrough(await connectThrough(outer, peer));
      const inner = await createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport });
      agents.unshift(inner);
      return { outer, agent: inner, transport };
    },
    async close() {
      for (const one of agents.splice(0)) await one.close();
      hub.close();
    },
  };
}

/** Until `condition` holds; the test's own timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
