import { testTransport } from "@tightbeam/conformance";
import { type Agent, createAgent, createAuthority } from "@tightbeam/core";
import { connectThrough } from "@tightbeam/core/via";
import { connectMemory, createHub } from "@tightbeam/memory";

testTransport({
  name: "through an agent, over memory",
  settleMs: 10,
  async create() {
    const authority = await createAuthority();
    const hub = createHub();
    const agents: Agent[] = [];
    const join = async (id: string): Promise<Agent> => {
      const agent = await createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub) });
      agents.push(agent);
      return agent;
    };
    await (await join("gate")).forward();
    return {
      connect: async (id) => connectThrough(await join(id), "gate"),
      cut: hub.cut,
      restore: hub.restore,
      async close() {
        await Promise.all(agents.map((agent) => agent.close()));
        hub.close();
      },
    };
  },
});
