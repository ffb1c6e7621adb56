/**
 * Many agents, each with a connection and a link to one other agent in a process of its own, over a nats-server that is killed once.
 * `dist/crowd.js <agents>`; its last line is the result as JSON.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type Agent, createAgent } from "@tightbeam/core";
import { identityFromSecret, trust } from "@tightbeam/core/identity";
import type { Transport } from "@tightbeam/core/transport";
import { connectNats } from "@tightbeam/nats";
import { startBroker } from "./broker.js";

/** Times in ms, CPU in µs, memory in bytes. */
export interface CrowdFigures {
  readonly agents: number;
  /** Of the nats-server, for each agent: a connection with its subscriptions. */
  readonly brokerBytes: number;
  /** Of the process that holds the agents, for each: connection, agent, link. */
  readonly agentBytes: number;
  /** Handshakes a second, 16 at a time, against one agent; and the CPU that one spends on each. */
  readonly handshakeRate: number;
  readonly answererCpu: number;
  /** From the restart of the nats-server until every connection was back, and until every request asked meanwhile was answered. */
  readonly allUp: number;
  readonly allAnswered: number;
  /** Of the nats-server from its restart until then, for each agent. */
  readonly brokerCpu: number;
  /** Links that were made anew because of it. */
  readonly handshakesAfter: number;
}

const secret = Buffer.from(process.env.BENCH_SECRET ?? randomBytes(32).toString("base64url"), "base64url");
const everyone = trust.everyoneWithSecret(secret);

async function join(id: string, url: string): Promise<{ readonly agent: Agent; readonly transport: Transport }> {
  const transport = await connectNats({ servers: url });
  return { agent: await createAgent({ identity: await identityFromSecret({ id, secret }), trust: everyone, transport }), transport };
}

async function answer(url: string): Promise<void> {
  const { agent } = await join("server", url);
  agent.handle("echo", (input) => input);
  process.on("message", () => process.send?.(cpu()));
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}

const cpu = (): number => process.cpuUsage().user + process.cpuUsage().system;
const next = (child: ChildProcess): Promise<unknown> => new Promise((resolve) => child.once("message", resolve));
const cpuOf = (child: ChildProcess): Promise<number> => {
  const said = next(child);
  child.send("cpu");
  return said as Promise<number>;
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const atOnce = 16;

async function each<T>(items: readonly T[], call: (item: T) => Promise<unknown>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await call(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function measure(count: number): Promise<CrowdFigures> {
  const broker = await startBroker();
  const server = fork(fileURLToPath(import.meta.url), ["answer", broker.url], { env: { ...process.env, BENCH_SECRET: secret.toString("base64url") } });
  await next(server);
  // What is compiled and cached once is no agent's own.
  const early = await join("early", broker.url);
  await early.agent.request("server", "echo", 0);

  const memory = (): number => process.memoryUsage().rss;
  const [brokerBefore, ownBefore] = [broker.rss(), memory()];
  const crowd: Awaited<ReturnType<typeof join>>[] = [];
  await each(
    Array.from({ length: count }, (_, index) => `agent-${index}`),
    async (id) => void crowd.push(await join(id, broker.url)),
  );
  await pause(500);
  const brokerBytes = (broker.rss() - brokerBefore) / count;

  let handshakes = 0;
  for (const { agent } of crowd)
    agent.onEvent(({ type }) => {
      if (type === "established") handshakes += 1;
    });
  const cpuBefore = await cpuOf(server);
  const began = performance.now();
  await each(crowd, ({ agent }) => agent.request("server", "echo", 1));
  const handshakeRate = (handshakes / (performance.now() - began)) * 1_000;
  const answererCpu = ((await cpuOf(server)) - cpuBefore) / handshakes;
  const agentBytes = (memory() - ownBefore) / count;

  handshakes = 0;
  let up = 0;
  let allUp = 0;
  for (const { transport } of crowd) {
    transport.state.subscribe(({ type }) => {
      if (type === "up") up += 1;
      if (up === count) allUp ||= performance.now();
    });
  }
  await broker.kill();
  await pause(300);
  const asked = Promise.all(crowd.map(({ agent }) => agent.request("server", "echo", 2, { timeout: 60_000 })));
  await broker.restart();
  const restarted = performance.now();
  await asked;
  const answered = performance.now();
  const figures = {
    agents: count,
    brokerBytes,
    agentBytes,
    handshakeRate,
    answererCpu,
    allUp: allUp - restarted,
    allAnswered: answered - restarted,
    brokerCpu: broker.cpu() / count,
    handshakesAfter: handshakes,
  };
  server.disconnect();
  return figures;
}

const [first = "200", url = ""] = process.argv.slice(2);
if (first === "answer") await answer(url);
else {
  process.stdout.write(`\n${JSON.stringify(await measure(Number(first)))}\n`);
  process.exit();
}
