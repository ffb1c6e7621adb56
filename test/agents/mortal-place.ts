import { type Agent, type AgentEvent, type AgentOptions, createAgent, createAuthority } from "@tightbeam/core";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import type { Transport } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { during, promptKey } from "./clock.js";

export const storeKey = new Uint8Array(32).fill(9);

/** Agents of one hub in virtual time, whose processes can die without a word. */
export async function createPlace(seed = 1) {
  const runtime = createVirtualRuntime({ seed });
  const authority = await createAuthority({ runtime, key: await promptKey() });
  const hub = createHub({ runtime });
  const dead = new Set<string>();
  const agents = new Map<string, Agent>();
  return {
    runtime,
    authority,
    /** What these agents send and hear is lost. */
    dead,
    /** `name`: of the process, where one id has several. */
    async join(id: string, { permissions = [], ...options }: Partial<AgentOptions> & { permissions?: readonly string[] } = {}, name = id) {
      const medium = await connectMemory(hub);
      const transport: Transport = {
        capabilities: medium.capabilities,
        state: medium.state,
        closed: medium.closed,
        close: medium.close,
        send: async (to, frame) => (dead.has(name) ? undefined : medium.send(to, frame)),
        subscribe: (at, receive, group) => medium.subscribe(at, (frame) => (dead.has(name) ? undefined : receive(frame)), group),
      };
      const identity = await authority.enroll(id, { key: await promptKey(), permissions });
      const agent = await createAgent({ identity, trust: authority.trust(), transport, runtime, presence: false, goneAfter: 5_000, ...options });
      const events: AgentEvent[] = [];
      agent.onEvent((event) => void events.push(event));
      agents.set(name, agent);
      return { agent, events };
    },
    async close() {
      // Those whose process died end with it.
      for (const [name, agent] of agents) if (!dead.has(name)) await during(runtime, agent.close());
      hub.close();
    },
  };
}
