import { createServer } from "node:net";
import type { Authority } from "@tightbeam/core";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import { createMortalRelay } from "../../packages/websocket/test/fixture.js";
import { allSuites } from "./all-suites.js";
import type { Medium } from "./place.js";
import { createWire } from "./wire.js";

const reconnect = { minMs: 5, maxMs: 50 };

async function open(authority: Authority): Promise<Medium> {
  const relay = await createMortalRelay(authority);
  return {
    connect: (identity) => connectWebSocket(relay.url, { identity, reconnect }),
    cut: relay.kill,
    restore: relay.start,
    close: relay.kill,
  };
}

allSuites({ name: "a WebSocket relay that is killed and started again", open });
allSuites({ name: "a WebSocket relay, with frames lost, doubled, delayed and reordered and agents cut off", open, faulty: true });

/** Below those that the system gives to whoever connects or asks for any: a free one of these could be theirs a moment later. */
let nextPort = 16_000 + Math.floor(Math.random() * 12_000);

async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort++;
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

allSuites({
  name: "WebSocket, directly: the first agent embeds the relay",
  async open(authority) {
    const port = await freePort();
    const wire = await createWire(port);
    const relay = await createRelay({ port, trust: authority.trust(), origins: [`ws://127.0.0.1:${port}`, `ws://127.0.0.1:${wire.port}`] });
    let hosted = false;
    return {
      connect(identity) {
        if (hosted) return connectWebSocket(`ws://127.0.0.1:${wire.port}/`, { identity, reconnect });
        hosted = true;
        return relay.connect({ identity });
      },
      cut: wire.cut,
      restore: wire.restore,
      async close() {
        await relay.close();
        await wire.cut();
      },
    };
  },
});
