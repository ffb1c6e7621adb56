/*
 * Our WebSocket transport against raw `ws`, without sessions or links above either: what the medium alone costs.
 *   node --import tsx --conditions=@tightbeam/source bench/transport.ts [rounds] [ms per measurement]
 * Every line is one process echoing to another, interleaved in one run; medians over the rounds. WS_NO_BUFFER_UTIL=1 turns masking in C off on all sides.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { generateSecret, identityFromSecret, trust } from "@tightbeam/core/identity";
import { inboxAddress, type Transport } from "@tightbeam/core/transport";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import { WebSocket, WebSocketServer } from "ws";

/** One echo service as its client sees it: calls `onEcho` for everything that comes back. */
interface Echo {
  send(bytes: Uint8Array): void;
  onEcho: () => void;
}

const clientInstance = "C".repeat(22);
const serverInstance = "S".repeat(22);
const clientAt = inboxAddress("client", clientInstance);
const serverAt = inboxAddress("server", serverInstance);
const inChild = process.send !== undefined;
const [role = "", ...args] = inChild ? process.argv.slice(2) : ["measure", ...process.argv.slice(2)];
const say = (message: unknown) => process.send?.(message);
if (inChild) process.on("message", () => say(cpu()));
/** CPU of this process since its start, in µs: unlike rates it hardly changes when the machine is busy with something else. */
const cpu = (): number => process.cpuUsage().user + process.cpuUsage().system;

const roles: Record<string, () => Promise<void>> = {
  async rawEcho() {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      socket.on("message", (data) => socket.send(data));
    });
    server.on("listening", () => say((server.address() as { port: number }).port));
  },
  /** A process that does nothing but pass messages on to the echo server and back. */
  async rawForward() {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
    server.on("connection", (near) => {
      const far = new WebSocket(`ws://127.0.0.1:${args[0]}`, { perMessageDeflate: false });
      const early: Buffer[] = [];
      near.on("error", () => {});
      far.on("error", () => {});
      near.on("message", (data: Buffer) => (far.readyState === WebSocket.OPEN ? far.send(data) : early.push(data)));
      far.on("open", () => {
        for (const data of early) far.send(data);
      });
      far.on("message", (data) => near.send(data));
    });
    server.on("listening", () => say((server.address() as { port: number }).port));
  },
  async relay() {
    const relay = await createRelay({ port: 0, trust: trust.everyoneWithSecret(secret()) });
    say(relay.port);
  },
  async echoThroughRelay() {
    const identity = await identityFromSecret({ id: "server", secret: secret() });
    await echoOn(await connectWebSocket(`ws://127.0.0.1:${args[0]}`, { identity, instance: serverInstance }));
    say(0);
  },
  async echoEmbedded() {
    const relay = await createRelay({ port: 0, trust: trust.everyoneWithSecret(secret()) });
    const identity = await identityFromSecret({ id: "server", secret: secret() });
    await echoOn(await relay.connect({ identity, instance: serverInstance }));
    say(relay.port);
  },
  measure,
};

const secret = (): Uint8Array => Buffer.from(process.env.BENCH_SECRET ?? "", "base64url");
const echoOn = (transport: Transport) => transport.subscribe(serverAt, (frame) => void transport.send(clientAt, frame));

async function measure(): Promise<void> {
  const rounds = Number(args[0] ?? 5);
  const ms = Number(args[1] ?? 600);
  process.env.BENCH_SECRET = Buffer.from(generateSecret()).toString("base64url");
  const children: ChildProcess[] = [];
  const start = (name: string, ...more: unknown[]): Promise<number> => {
    const child = fork(fileURLToPath(import.meta.url), [name, ...more.map(String)]);
    children.push(child);
    return new Promise((resolve) => child.once("message", (port) => resolve(port as number)));
  };
  const cpuOfAll = async (): Promise<number> => {
    const shares = children.map((child) => new Promise<number>((resolve) => child.once("message", (used) => resolve(used as number)) && child.send("cpu")));
    return (await Promise.all(shares)).reduce((sum, used) => sum + used, cpu());
  };
  const rawPort = await start("rawEcho");
  const forwardPort = await start("rawForward", rawPort);
  const directPort = await start("echoEmbedded");
  const relayPort = await start("relay");
  await start("echoThroughRelay", relayPort);
  const ways: Record<string, Echo> = {
    "raw ws": await rawClient(rawPort),
    "transport, direct": await transportClient(directPort),
    "raw ws through a forwarder": await rawClient(forwardPort),
    "transport, through a relay": await transportClient(relayPort),
  };
  const against: Record<string, string> = { "transport, direct": "raw ws", "transport, through a relay": "raw ws through a forwarder" };

  const cases = [
    { bytes: 256, inFlight: 64 },
    { bytes: 256, inFlight: 1 },
    { bytes: 16_384, inFlight: 64 },
    { bytes: 16_384, inFlight: 1 },
    { bytes: 131_072, inFlight: 8 },
  ];
  for (const echo of Object.values(ways)) await run(echo, 256, 64, ms / 2);
  process.stdout.write(`node ${process.version}, ${rounds} rounds of ${ms} ms, bufferutil ${process.env.WS_NO_BUFFER_UTIL ? "off" : "on"}\n`);
  for (const { bytes, inFlight } of cases) {
    const rates = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]));
    const costs = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, echo] of Object.entries(ways)) {
        const before = await cpuOfAll();
        const began = performance.now();
        const rate = await run(echo, bytes, inFlight, ms);
        const echoes = (rate * (performance.now() - began)) / 1_000;
        rates.get(name)?.push(rate);
        costs.get(name)?.push(((await cpuOfAll()) - before) / echoes);
      }
    }
    process.stdout.write(`\n${bytes} B, ${inFlight} in flight\n`);
    for (const name of Object.keys(ways)) {
      const rate = median(rates.get(name) ?? []);
      const cost = median(costs.get(name) ?? []);
      const base = against[name];
      const ratio =
        base === undefined
          ? ""
          : `${(rate / median(rates.get(base) ?? [])).toFixed(2)} in rate, ${(median(costs.get(base) ?? []) / cost).toFixed(2)} in CPU of ${base}`;
      process.stdout.write(`  ${name.padEnd(28)} ${Math.round(rate).toString().padStart(8)} /s ${cost.toFixed(1).padStart(8)} us CPU  ${ratio}\n`);
    }
  }
  for (const child of children) child.kill();
  process.exit();
}

function run(echo: Echo, bytes: number, inFlight: number, ms: number): Promise<number> {
  return new Promise((resolve) => {
    let count = 0;
    let open = inFlight;
    let stopped = false;
    const began = performance.now();
    const body = new Uint8Array(bytes).fill(7);
    echo.onEcho = () => {
      count += 1;
      if (!stopped) echo.send(body);
      else if (--open === 0) resolve((count / (performance.now() - began)) * 1_000);
    };
    for (let i = 0; i < inFlight; i++) echo.send(body);
    setTimeout(() => {
      stopped = true;
    }, ms);
  });
}

async function rawClient(port: number): Promise<Echo> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  const echo: Echo = { send: (bytes) => socket.send(bytes), onEcho: () => {} };
  socket.on("message", () => echo.onEcho());
  await new Promise((resolve) => socket.once("open", resolve));
  return echo;
}

async function transportClient(port: number): Promise<Echo> {
  const identity = await identityFromSecret({ id: "client", secret: secret() });
  const transport = await connectWebSocket(`ws://127.0.0.1:${port}`, { identity, instance: clientInstance });
  const echo: Echo = { send: (bytes) => void transport.send(serverAt, bytes), onEcho: () => {} };
  await transport.subscribe(clientAt, () => echo.onEcho());
  return echo;
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

await roles[role]?.();
