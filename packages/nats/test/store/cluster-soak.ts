// Three servers, each with a copy of a store's bucket; the one that leads is killed and started again, round after round, while batches are written.
// `npm run soak:nats-store [-- rounds]`. At the end everything that settled is there, and each batch whole.
import { createServer } from "node:net";
import { connect } from "@nats-io/transport-node";
import type { Store } from "@tightbeam/core/store";
import { readNumbers } from "../../../../scripts/arguments.mjs";
import { openNatsStore } from "../../src/store/index.js";
import { type JetStreamBroker, startJetStream } from "./server.js";

const { rounds } = readNumbers(
  "Usage: npm run soak:nats-store -- [rounds]\n\nKills the leader of a store's three servers again and again (5 times) while batches are written.",
  { rounds: 5 },
);
const name = "soak";
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

const ports = await Promise.all([freePort(), freePort(), freePort()]);
const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
const servers = new Map<string, JetStreamBroker>();
await Promise.all(
  ports.map(async (port, i) => {
    const own = `server_name: s${i}\ncluster { name: c, listen: "127.0.0.1:${port}", routes: [${routes}] }`;
    servers.set(`s${i}`, await startJetStream(own));
  }),
);
const urls = [...servers.values()].map(({ url }) => url);
const connection = await connect({ servers: urls, maxReconnectAttempts: -1, reconnectTimeWait: 50, timeout: 1_000 });

async function open(): Promise<Store> {
  for (let tries = 0; ; tries++) {
    try {
      return await openNatsStore({ connection, name, replicas: 3, lease: 2_000, timeout: 3_000 });
    } catch (error) {
      if (tries > 30) throw error;
      await wait(500);
    }
  }
}

async function leader(): Promise<string | undefined> {
  const { data } = await connection.request(`$JS.API.STREAM.INFO.KV_${name}`, "{}", { timeout: 3_000 });
  return (JSON.parse(new TextDecoder().decode(data)) as { cluster?: { leader?: string } }).cluster?.leader;
}

let store = await open();
process.stdout.write(`durability: ${store.capabilities.durability}\n`);
let next = 0;
let settled = 0;
let longest = 0;
let writing = true;
const number = (value: number): Uint8Array => new TextEncoder().encode(String(value));
const writers = Array.from({ length: 32 }, async () => {
  while (writing) {
    const mine = next++;
    const start = performance.now();
    await store.batch([
      { put: `a/${mine}`, value: number(mine) },
      ...(mine >= 2_000 ? [{ remove: `a/${mine - 2_000}` }, { remove: `b/${mine - 2_000}` }] : []),
      { put: `b/${mine}`, value: number(mine) },
    ]);
    settled += 1;
    longest = Math.max(longest, performance.now() - start);
  }
});
for (let round = 1; round <= rounds; round++) {
  await wait(1_000);
  const leads = await leader().catch(() => undefined);
  const server = servers.get(leads ?? "s0");
  const before = settled;
  await server?.kill();
  await wait(500);
  await server?.start();
  while (settled < before + 1_000) await wait(50);
  process.stdout.write(`round ${round}: ${leads} killed, ${settled} batches\n`);
}
writing = false;
await Promise.all(writers);
await store.close();
store = await open();
const found = new Map<string, string>();
for await (const [key, value] of store.scan("")) found.set(key, new TextDecoder().decode(value));
let wrong = 0;
for (let mine = 0; mine < next; mine++)
  for (const key of [`a/${mine}`, `b/${mine}`]) if (found.get(key) !== (mine < next - 2_000 ? undefined : String(mine))) wrong += 1;
process.stdout.write(`${next} batches, ${rounds} leaders killed, longest ${Math.round(longest)} ms, ${found.size} entries, ${wrong} wrong\n`);
await store.close();
await connection.close();
for (const server of servers.values()) await server.close();
process.exitCode = wrong === 0 && found.size === 4_000 ? 0 : 1;
