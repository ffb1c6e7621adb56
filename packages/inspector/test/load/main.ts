/*
 * What the inspector costs: node --expose-gc --import tsx --conditions=@tightbeam/source packages/inspector/test/load/main.ts [--agents=100] [--rate=5000] [--rounds=3] [--seconds=4]
 * Real agents in one process send each other so many messages a second (requests and their replies), by turns without an inspector, with one
 * that nobody looks at, and with one and its page open, which another process reads. Prints JSON: CPU of this process for each message, as the part
 * of one core that it is at the rate asked for.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Agent } from "@tightbeam/core";
import { ensurePage } from "../../../../scripts/build-page.mjs";
import { type Inspector, inspect } from "../../src/inspect.js";
import { createWorld } from "../world.js";

const { values } = parseArgs({
  options: {
    agents: { type: "string", default: "100" },
    rate: { type: "string", default: "5000" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
  },
});
const [count, rate, rounds, seconds] = [values.agents, values.rate, values.rounds, values.seconds].map(Number) as [number, number, number, number];

await ensurePage();
const world = await createWorld();
const agents: Agent[] = [];
for (let number = 0; number < count; number += 1) agents.push(await world.join(`agent-${number}`));
for (const agent of agents) agent.handle("find", (input) => input);
const at = (number: number): Agent => agents[number % count] as Agent;
for (let number = 0; number < count; number += 1) for (const step of [1, 2, 3]) await at(number).request(at(number + step).id, "find", 0);

const payload = { text: "x".repeat(200) };
let sent = 0;
let failed = 0;
let waiting = 0;
/** On a machine that is too slow for the rate it sends what it can. */
const waitingMost = 500;
let owed = 0;
let last = performance.now();
/** A request is two messages, and each is seen at both its ends. */
const timer = setInterval(() => {
  const now = performance.now();
  owed = Math.min(owed + ((now - last) / 1_000) * (rate / 2), waitingMost);
  last = now;
  for (; owed >= 1 && waiting < waitingMost; owed -= 1, sent += 1) {
    waiting += 1;
    at(sent)
      .request(at(sent + 1 + (sent % 3)).id, "find", payload)
      .catch(() => {
        failed += 1;
      })
      .finally(() => {
        waiting -= 1;
      });
  }
}, 5);

type Mode = "off" | "unwatched" | "page";
const figures: Record<Mode, { cpu: number[]; rate: number[] }> = { off: { cpu: [], rate: [] }, unwatched: { cpu: [], rate: [] }, page: { cpu: [], rate: [] } };
const heap: number[] = [];
let told: unknown;

async function measure(mode: Mode): Promise<void> {
  let inspector: Inspector | undefined;
  let reader: ChildProcess | undefined;
  if (mode !== "off") inspector = await inspect(agents);
  if (mode === "page" && inspector !== undefined) {
    reader = fork(fileURLToPath(new URL("reader.mjs", import.meta.url)), [new URL(inspector.url).origin, inspector.token], { execArgv: [] });
    await once(reader, "message");
  }
  await delay(1_500);
  const from = sent;
  const cpu = process.cpuUsage();
  const since = performance.now();
  await delay(seconds * 1_000);
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - since;
  const messages = (sent - from) * 2;
  // Of one core at the rate that was asked for: on a busy machine it may not be reached.
  figures[mode].cpu.push(((user + system) / 1_000_000 / messages) * rate);
  figures[mode].rate.push((messages * 1_000) / ms);
  if (mode === "page") {
    globalThis.gc?.();
    heap.push(process.memoryUsage().heapUsed);
  }
  if (reader !== undefined) {
    const answer = once(reader, "message");
    reader.send("say");
    [told] = await answer;
    reader.kill();
  }
  await inspector?.close();
}

for (let round = 0; round < rounds; round += 1) for (const mode of ["off", "unwatched", "page"] as const) await measure(mode);
clearInterval(timer);
const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
const cost = (mode: Mode): number[] => figures[mode].cpu.map((cpu, round) => Math.round((cpu - (figures.off.cpu[round] as number)) * 1_000) / 1_000);
console.log(
  JSON.stringify(
    {
      agents: count,
      messagesPerSecond: Math.round(median(figures.page.rate)),
      failed,
      cpuOff: median(figures.off.cpu),
      costUnwatched: { median: median(cost("unwatched")), rounds: cost("unwatched") },
      costWithPage: { median: median(cost("page")), rounds: cost("page") },
      heapMiB: heap.map((bytes) => Math.round(bytes / 1_048_576)),
      told,
    },
    undefined,
    2,
  ),
);
process.exit(0);
