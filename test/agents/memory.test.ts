import { injectFaults } from "@tightbeam/conformance";
import { createAgent } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { allSuites } from "./all-suites.js";

allSuites({
  name: "memory",
  async create(authority) {
    const hub = createHub();
    return {
      join: async (id, options = {}) =>
        createAgent({ identity: options.identity ?? (await authority.enroll(id)), trust: authority.trust(), transport: await connectMemory(hub), ...options }),
      cut: async () => hub.cut(),
      restore: async () => hub.restore(),
      close: async () => hub.close(),
    };
  },
});

allSuites({
  name: "memory that drops, doubles, delays and reorders",
  async create(authority) {
    const hub = createHub();
    let seed = 1;
    return {
      join: async (id, options = {}) => {
        const transport = injectFaults(await connectMemory(hub), {
          seed: seed++,
          drop: 0.1,
          duplicate: 0.1,
          reorder: { probability: 0.1, depth: 10 },
          delay: { min: 0, max: 3 },
        });
        return createAgent({ identity: options.identity ?? (await authority.enroll(id)), trust: authority.trust(), transport, ...options });
      },
      cut: async () => hub.cut(),
      restore: async () => hub.restore(),
      close: async () => hub.close(),
    };
  },
});
