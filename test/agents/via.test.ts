import { type Agent, createAgent } from "@tightbeam/core";
import { connectThrough } from "@tightbeam/core/via";
import { connectMemory, createHub } from "@tightbeam/memory";
import { allSuites } from "./all-suites.js";

allSuites({
  name: "two agents that forward, one behind the other",
  async open(authority) {
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
      // By turns at each end of the path.
      connect: async ({ id }) => connectThrough(await join(id), joined++ % 2 === 0 ? "near" : "far"),
      cut: hub.cut,
      restore: hub.restore,
      async close() {
        hub.close();
        await Promise.all(under.map((agent) => agent.close()));
      },
    };
  },
});
