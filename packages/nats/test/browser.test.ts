import { type AddressInfo, createServer } from "node:net";
import { wsconnect } from "@nats-io/transport-node";
import { createAgent, createAuthority } from "@tightbeam/core";
import { beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { connectNats } from "../src/index.js";
import { withNatsServer } from "./broker.js";
import { broker, closeLater, inbox, mustWork, until } from "./fixture.js";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// In a file of its own: wsconnect installs itself for the whole process.
withNatsServer("nats: over WebSocket, as in browsers", () => {
  describe("a connection of wsconnect that is passed in", () => {
    beforeAll(() => {
      // Node 20 has none of its own.
      globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;
    });

    it("carries agents, each over a WebSocket of its own, through a kill of the server", async () => {
      const port = await freePort();
      const server = await broker(`websocket { listen: "127.0.0.1:${port}", no_tls: true }`);
      const authority = await createAuthority({ issuer: "https://auth.example" });
      const join = async (id: string) => {
        const connection = await wsconnect({ servers: `ws://127.0.0.1:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 20, reconnectJitter: 0 });
        const transport = closeLater(await connectNats({ connection, closeConnection: true }));
        return createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport });
      };
      const alice = await join("alice");
      const bob = await join("bob");
      alice.handle("echo", (input) => input);
      expect(await bob.request("alice", "echo", "before")).toBe("before");
      await server.kill();
      const asked = bob.request("alice", "echo", "meanwhile");
      await server.start();
      expect(await asked).toBe("meanwhile");
      expect(bob.links("alice")).toHaveLength(1);
    });

    it("carries frames, and comes back with its subscriptions", async () => {
      const port = await freePort();
      const server = await broker(`websocket { listen: "127.0.0.1:${port}", no_tls: true }`);
      const connection = await wsconnect({ servers: `ws://127.0.0.1:${port}`, maxReconnectAttempts: -1, reconnectTimeWait: 20, reconnectJitter: 0 });
      const transport = closeLater(await connectNats({ connection, closeConnection: true }));
      await mustWork(transport, inbox("a"));
      await server.kill();
      await until(() => transport.state.current === "down", "the loss");
      await expect(transport.send(inbox("a"), new Uint8Array(1))).rejects.toMatchObject({ code: "unavailable" });
      await server.start();
      await until(() => transport.state.current === "up", "its repair");
      await mustWork(transport, inbox("a"));
    });
  });
});
