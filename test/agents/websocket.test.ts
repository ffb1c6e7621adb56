import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { injectFaults } from "@tightbeam/conformance/faults";
import { createAgent, type Identity } from "@tightbeam/core";
import type { Transport } from "@tightbeam/core/transport";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import { createMortalRelay } from "../../packages/websocket/test/fixture.js";
import { allSuites } from "./all-suites.js";

const reconnect = { minMs: 5, maxMs: 50 };

for (const faulty of [false, true]) {
  allSuites({
    name: faulty ? "a WebSocket relay, with frames dropped, doubled, delayed and reordered" : "a WebSocket relay that is killed and started again",
    async create(authority) {
      const relay = await createMortalRelay(authority);
      let seed = 1;
      const wrap = (transport: Transport): Transport =>
        faulty
          ? injectFaults(transport, { seed: seed++, drop: 0.1, duplicate: 0.1, reorder: { probability: 0.1, depth: 10 }, delay: { min: 0, max: 3 } })
          : transport;
      return {
        async join(id, options = {}) {
          const identity = options.identity ?? (await authority.enroll(id));
          const transport = wrap(await connectWebSocket(relay.url, { identity, reconnect }));
          return createAgent({ identity, trust: authority.trust(), transport, ...options });
        },
        cut: relay.kill,
        restore: relay.start,
        close: relay.kill,
      };
    },
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A wire that can be cut: forwards bytes to a port, resets every connection when told. */
async function createWire(port: number) {
  const sockets = new Set<Socket>();
  let server: Server;
  let own = 0;
  const start = async (): Promise<void> => {
    server = createServer((near) => {
      const far = connectTcp(port, "127.0.0.1");
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on("error", () => undefined);
        socket.once("close", () => {
          sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => server.listen(own, "127.0.0.1", resolve));
    own = (server.address() as AddressInfo).port;
  };
  await start();
  return {
    get port() {
      return own;
    },
    start,
    async cut() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.resetAndDestroy();
      await closed;
    },
  };
}

allSuites({
  name: "WebSocket, directly: the first agent embeds the relay",
  async create(authority) {
    const port = await freePort();
    const wire = await createWire(port);
    const relay = await createRelay({ port, trust: authority.trust(), origins: [`ws://127.0.0.1:${port}`, `ws://127.0.0.1:${wire.port}`] });
    let hosted = false;
    return {
      async join(id, options = {}) {
        const identity: Identity = options.identity ?? (await authority.enroll(id));
        const transport = hosted ? await connectWebSocket(`ws://127.0.0.1:${wire.port}/`, { identity, reconnect }) : await relay.connect({ identity });
        hosted = true;
        return createAgent({ identity, trust: authority.trust(), transport, ...options });
      },
      cut: wire.cut,
      restore: wire.start,
      async close() {
        await relay.close();
        await wire.cut();
      },
    };
  },
});
