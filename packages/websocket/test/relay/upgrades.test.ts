import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { connectWebSocket } from "../../src/index.js";
import { createFixture } from "../fixture.js";

const fixture = await createFixture();
const servers: Server[] = [];
afterEach(async () => {
  await fixture.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function site() {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server, origin, relayAt: (path: string) => fixture.relay({ server, origins: [origin], path }) };
}

/** The ws README's recipe for several WebSocket servers on one HTTP server. */
function chatAt(server: Server, path: string): WebSocketServer {
  const chat = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    if (request.url === path) chat.handleUpgrade(request, socket, head, (ws) => ws.send("hello"));
  });
  return chat;
}

const firstWord = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.once("error", reject);
    socket.once("message", (data) => {
      resolve(String(data));
      socket.terminate();
    });
  });

const logIn = async (url: string): Promise<string> => {
  const { state } = fixture.closeLater(await connectWebSocket(url, { identity: await fixture.enroll("bob") }));
  return state.current;
};

it("a relay on a server of somebody's leaves other paths to whoever else listens there, before it and after", async () => {
  const { server, origin, relayAt } = await site();
  chatAt(server, "/before");
  const relay = await relayAt("/relay");
  chatAt(server, "/after");
  expect(await firstWord(`${origin}/before`)).toBe("hello");
  expect(await firstWord(`${origin}/after`)).toBe("hello");
  expect(await logIn(relay.url)).toBe("up");
  expect(relay.stats().turnedAway).toBe(0);
});

it("two relays share a server by their paths, and the first answers what is for neither until it closes", async () => {
  const { origin, relayAt } = await site();
  const first = await relayAt("/first");
  const second = await relayAt("/second");
  expect(await Promise.all([logIn(first.url), logIn(second.url)])).toEqual(["up", "up"]);
  await expect(firstWord(`${origin}/third`)).rejects.toThrow("404");
  expect([first.stats().turnedAway, second.stats().turnedAway]).toEqual([1, 0]);
  await first.close();
  await expect(firstWord(`${origin}/first`)).rejects.toThrow("404");
  expect(second.stats().turnedAway).toBe(1);
  await expect(relayAt("/second")).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("'/second'") });
  expect(await logIn((await relayAt("/first")).url)).toBe("up");
});

it("an alone relay answers 404, and a socket that is left to others and breaks ends nothing", async () => {
  const { server, origin, relayAt } = await site();
  const relay = await relayAt("/relay");
  await expect(firstWord(`${origin}/other`)).rejects.toThrow("404");
  server.on("upgrade", () => undefined);
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  socket.write("GET /other HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 20));
  socket.resetAndDestroy();
  expect(await logIn(relay.url)).toBe("up");
});
