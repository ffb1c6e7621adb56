import { injectFaults } from "@tightbeam/conformance/faults";
import { createAgent } from "@tightbeam/core";
import type { Transport } from "@tightbeam/core/transport";
import { connectNats } from "@tightbeam/nats";
import { startBroker, withNatsServer } from "../../packages/nats/test/broker.js";
import { allSuites } from "./all-suites.js";

withNatsServer("agents over NATS", () => {
  for (const faulty of [false, true]) {
    allSuites({
      name: faulty ? "NATS, with frames dropped, doubled, delayed and reordered" : "a nats-server that is killed and started again",
      async create(authority) {
        const broker = await startBroker();
        const transports: Transport[] = [];
        let seed = 1;
        const wrap = (transport: Transport): Transport =>
          faulty
            ? injectFaults(transport, { seed: seed++, drop: 0.1, duplicate: 0.1, reorder: { probability: 0.1, depth: 10 }, delay: { min: 0, max: 3 } })
            : transport;
        return {
          async join(id, options = {}) {
            const transport = await connectNats({ servers: broker.url, reconnect: { minMs: 5, maxMs: 50 } });
            transports.push(transport);
            const identity = options.identity ?? (await authority.enroll(id));
            return createAgent({ identity, trust: authority.trust(), transport: wrap(transport), ...options });
          },
          cut: () => broker.kill(),
          restore: () => broker.start(),
          async close() {
            await Promise.all(transports.map((transport) => transport.close()));
            await broker.close();
          },
        };
      },
    });
  }
});
