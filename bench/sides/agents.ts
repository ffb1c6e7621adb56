/** Two agents: the server embeds its relay (direct), or both meet at a relay or a nats-server in a process of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Agent, createAgent, method, stream } from "@tightbeam/core";
import { type Identity, identityFromSecret, trust } from "@tightbeam/core/identity";
import { createPerformanceMonitor, createTracer, createTraceStore } from "@tightbeam/core/observability";
import { breaker, policy, retry, timeout } from "@tightbeam/core/resilience";
import type { Transport } from "@tightbeam/core/transport";
import { connectThrough } from "@tightbeam/core/via";
import { connectNats } from "@tightbeam/nats";
import { openLmdbStore } from "@tightbeam/store-lmdb";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import { z } from "zod";
import { type Client, closedLoop, type Load, type Sample, type Side, sampleObject, sendsPerTurn } from "./side.js";

const echo = method("echo");
const take = method("take");
const taken = method("taken");
const pour = stream("pour");
const shape = z.object({
  id: z.string(),
  topic: z.string(),
  attempt: z.number(),
  score: z.number(),
  urgent: z.boolean(),
  tags: z.array(z.string()),
  text: z.string(),
});
const typed = method("typed", { input: shape, output: shape });

const guarded = Object.freeze({ policy: policy(retry(), breaker(), timeout(10_000)) });

const secret = Buffer.from(process.env.BENCH_SECRET ?? "", "base64url");
const everyone = trust.everyoneWithSecret(secret);
/** Before the URL of a relay in the process of an agent that forwards. */
const gatePrefix = "gate+";
async function connect(url: string, own: Identity): Promise<Transport> {
  if (url.startsWith("nats:")) return connectNats({ servers: url });
  if (!url.startsWith(gatePrefix)) return connectWebSocket(url, { identity: own });
  const carrier = await createAgent({
    identity: own,
    trust: everyone,
    transport: await connectWebSocket(url.slice(gatePrefix.length), { identity: own }),
  });
  return connectThrough(carrier, "gate");
}
/** Before the URL of a server that keeps durable messages: its client keeps them, too. */
const keptPrefix = "durable+";
const storeKey = new Uint8Array(32).fill(7);
/** On the disk of this machine, gone with the process. */
async function kept() {
  const folder = mkdtempSync(join(tmpdir(), "tightbeam-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return { store: await openLmdbStore({ path: join(folder, "store") }), storeKey };
}
/** Before the URL of a server that is watched: its client is, too. */
const watchings = ["monitored", "listened", "traced", "kept"] as const;
type Watching = (typeof watchings)[number];

/** Of the traces that a store keeps. */
const sample = 0.1;

const tracerOf = (watching: Watching | undefined) =>
  watching === "traced" ? { tracer: createTracer() } : watching === "kept" ? { tracer: createTracer({ sample }) } : {};

async function watch(agent: Agent, watching: Watching | undefined): Promise<void> {
  if (watching === "kept") (await createTraceStore({ sample })).watch(agent);
  if (watching === "monitored") createPerformanceMonitor().watch(agent);
  if (watching === "listened") agent.telemetry.on(() => undefined);
}
const identity = (id: string) => identityFromSecret({ id, secret });

function answer(agent: Agent): void {
  let count = 0;
  agent.handle(echo, (input) => input);
  agent.handle(typed, (input) => input);
  agent.handle(take, () => {
    count += 1;
  });
  agent.handle(pour, async function* (bytes) {
    const chunk = new Uint8Array(bytes as number).fill(7);
    for (;;) yield chunk;
  });
  agent.handle(taken, () => {
    const came = count;
    count = 0;
    return came;
  });
}

/** One after the other, as a program would that has much to tell. The clock is read as often as the raw side reads it. */
async function runOneWay(agent: Agent, { bytes, ms }: Load): Promise<number> {
  const payload = new Uint8Array(bytes).fill(7);
  const began = performance.now();
  let sent = 0;
  while (performance.now() - began < ms) {
    for (let index = 0; index < sendsPerTurn; index++, sent++) await agent.notify("server", take, payload);
  }
  const received = await agent.request("server", taken, undefined);
  const rate = (sent / (performance.now() - began)) * 1_000;
  if (received !== sent) throw new Error(`${received} of ${sent} notifications came`);
  return rate;
}

/** As many at once as are in flight, each until it is flushed here; the rate is that of messages handled and marked there. Not durable: each until it is accepted. */
async function runDurable(agent: Agent, load: Load, durable: boolean): Promise<number> {
  const payload = new Uint8Array(load.bytes).fill(7);
  const options = Object.freeze(durable ? { durable } : {});
  const began = performance.now();
  let sent = 0;
  await closedLoop(load, async () => {
    sent++;
    await agent.notify("server", take, payload, options);
  });
  if (durable) await agent.durable.idle();
  const rate = (sent / (performance.now() - began)) * 1_000;
  const received = await agent.request("server", taken, undefined);
  if (received !== sent) throw new Error(`${received} of ${sent} durable messages came`);
  return rate;
}

async function runStream(agent: Agent, { bytes, ms }: Load): Promise<number> {
  const began = performance.now();
  let came = 0;
  for await (const chunk of agent.stream("server", pour, bytes)) {
    if ((chunk as Uint8Array).length !== bytes) throw new Error("a chunk of another length");
    if (++came % sendsPerTurn === 0 && performance.now() - began >= ms) break;
  }
  return (came / (performance.now() - began)) * 1_000;
}

async function clientOf(url: string): Promise<Client> {
  const own = await identity("client");
  const keeps = url.startsWith(keptPrefix);
  const watching = watchings.find((each) => url.startsWith(`${each}+`));
  const transport = await connect(url.slice(keeps ? keptPrefix.length : watching === undefined ? 0 : watching.length + 1), own);
  const agent = await createAgent({ identity: own, trust: everyone, transport, ...tracerOf(watching), ...(keeps ? await kept() : {}) });
  await watch(agent, watching);
  return (load) => {
    if (load.kind === "durable") return runDurable(agent, load, keeps);
    if (load.kind === "oneWay") return runOneWay(agent, load);
    if (load.kind === "stream") return runStream(agent, load);
    if (load.kind === "json") {
      const value = sampleObject(load.bytes);
      return closedLoop(load, async () => {
        if ((await agent.request("server", typed, value)).id !== value.id) throw new Error("another answer");
      });
    }
    if (load.kind === "untyped") {
      const value = sampleObject(load.bytes);
      return closedLoop(load, async () => {
        if (((await agent.request("server", echo, value)) as Sample).id !== value.id) throw new Error("another answer");
      });
    }
    const payload = new Uint8Array(load.bytes).fill(7);
    if (load.kind === "policy")
      return closedLoop(load, async () => {
        const reply = (await agent.request("server", echo, payload, guarded)) as Uint8Array;
        if (reply.length !== load.bytes) throw new Error("an echo of another length");
      });
    return closedLoop(load, async () => {
      const reply = (await agent.request("server", echo, payload)) as Uint8Array;
      if (reply.length !== load.bytes) throw new Error("an echo of another length");
    });
  };
}

export const side: Side = {
  servers: {
    async direct() {
      const relay = await createRelay({ port: 0, trust: everyone });
      const own = await identity("server");
      answer(await createAgent({ identity: own, trust: everyone, transport: await relay.connect({ identity: own }) }));
      return relay.url;
    },
    ...Object.fromEntries(
      watchings.map((watching) => [
        watching,
        async () => {
          const relay = await createRelay({ port: 0, trust: everyone });
          const own = await identity("server");
          const agent = await createAgent({ identity: own, trust: everyone, transport: await relay.connect({ identity: own }), ...tracerOf(watching) });
          await watch(agent, watching);
          answer(agent);
          return `${watching}+${relay.url}`;
        },
      ]),
    ),
    async durable() {
      const relay = await createRelay({ port: 0, trust: everyone });
      const own = await identity("server");
      answer(await createAgent({ identity: own, trust: everyone, transport: await relay.connect({ identity: own }), ...(await kept()) }));
      return keptPrefix + relay.url;
    },
    relay: async () => (await createRelay({ port: 0, trust: everyone })).url,
    async gate() {
      const relay = await createRelay({ port: 0, trust: everyone });
      const own = await identity("gate");
      await (await createAgent({ identity: own, trust: everyone, transport: await relay.connect({ identity: own }) })).forward();
      return gatePrefix + relay.url;
    },
    async agent(url) {
      const own = await identity("server");
      answer(await createAgent({ identity: own, trust: everyone, transport: await connect(url, own) }));
      return url;
    },
  },
  connect: clientOf,
};
