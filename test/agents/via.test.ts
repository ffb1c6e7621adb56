import { type Agent, createAgent } from "@tightbeam/core";
import { connectThrough } from "@tightbeam/core/via";
import { connectMemory, createHub } from "@tightbeam/memory";
import { agentSuite } from "./suite.js";

agentSuite({
  name: "two agents that forward, one behind the other",
  async create(authority) {
    const hub = createHub();
    const under: Agent[] = [];
    const join = async (id: string, permissions: string[] = []): Promise<Agent> => {
      const identity = await authority.enroll(id, { permissions });
      const agent = await createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub) });
      under.push(agent);
      return agent;
    };
    await (await join("far")).forward();
    await (await join("near", ["forward:*"])).forward({ next: "far" });
    let joined = 0;
    return {
      async join(id, options = {}) {
        // By turns at each end of the path.
        const gate = joined++ % 2 === 0 ? "near" : "far";
        const transport = await connectThrough(await join(id), gate);
        return createAgent({ identity: options.identity ?? (await authority.enroll(id)), trust: authority.trust(), transport, ...options });
      },
      cut: async () => hub.cut(),
      restore: async () => hub.restore(),
      async close() {
        await Promise.all(under.map((agent) => agent.close()));
        hub.close();
      },
    };
  },
});
