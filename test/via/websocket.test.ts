import { testTransport } from "@tightbeam/conformance";
import { type Agent, createAgent, createAuthority } from "@tightbeam/core";
import { connectThrough } from "@tightbeam/core/via";
import { connectWebSocket } from "@tightbeam/websocket";
import { createMortalRelay } from "../../packages/websocket/test/fixture.js";

testTransport({
  name: "through an agent, over a WebSocket relay",
  async create() {
    const authority = await createAuthority();
    const relay = await createMortalRelay(authority);
    const agents: Agent[] = [];
    const join = async (id: string): Promise<Agent> => {
      const identity = await authority.enroll(id);
      const transport = await connectWebSocket(relay.url, { identity, reconnect: { minMs: 5, maxMs: 50 } });
      const agent = await createAgent({ identity, trust: authority.trust(), transport });
      agents.push(agent);
      return agent;
    };
    await (await join("gate")).forward();
    return {
      connect: async (id) => connectThrough(await join(id), "gate"),
      cut: relay.kill,
      restore: relay.start,
      async close() {
        await Promise.all(agents.map((agent) => agent.close()));
        await relay.kill();
      },
    };
  },
});
