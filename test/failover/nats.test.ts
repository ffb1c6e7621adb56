import { afterEach, describe, expect, it } from "vitest";
import { type Broker, startBroker, withNatsServer } from "../../packages/nats/test/broker.js";
import type { Errand, Sequence } from "./child.js";
import { startTroupe, type Troupe } from "./troupe.js";

// Real processes, real kills: what a user's agents go through when servers die under them.

declare module "vitest" {
  interface TaskMeta {
    /** `npm test` prints it. */
    measured?: string;
  }
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const closeLater = <T extends { close(): unknown }>(thing: T): T => {
  closers.push(() => thing.close());
  return thing;
};

const errand: Errand = { total: 100_000, rate: 5_000, openMax: 4_096, tickEvery: 5 };
const patience = 240_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const numberOf = (value: number): string => Math.round(value).toLocaleString("en");

/** How many numbers are missing, came twice, or came after a later one of the same agent and priority. */
function judge(sequences: readonly Sequence[], total: number): { readonly lost: number; readonly doubled: number; readonly disordered: number } {
  const times = new Uint16Array(total);
  let disordered = 0;
  for (const { numbers } of sequences) {
    let highest = -1;
    for (const number of numbers) {
      times[number] = (times[number] ?? 0) + 1;
      if (number < highest) disordered += 1;
      highest = Math.max(highest, number);
    }
  }
  const count = (wanted: (each: number) => boolean): number => times.filter(wanted).length;
  return { lost: count((each) => each === 0), doubled: count((each) => each > 1), disordered };
}

/** Runs the errand and strikes each time another share of the replies is in. Returns what there is to say about it. */
async function survive(troupe: Troupe, strikes: readonly (() => Promise<void>)[]): Promise<string> {
  const running = troupe.run(errand);
  running.catch(() => undefined);
  for (const [index, strike] of strikes.entries()) {
    while ((await troupe.answered()) < (errand.total * (index + 1)) / (strikes.length + 1)) await Promise.race([pause(10), running]);
    await strike();
  }
  const { told, heard } = await running;
  expect(told.failures).toEqual([]);
  const right = { lost: 0, doubled: 0, disordered: 0 };
  expect(judge(heard.requests, errand.total), "requests, as their handler saw them").toEqual(right);
  expect(judge(told.replies, errand.total), "replies").toEqual(right);
  const links = new Set(heard.requests.map(({ agent }) => agent)).size;
  expect(heard.requests).toHaveLength(4 * links);
  expect(heard.ticks, "notifications without a gap").toEqual(Array.from({ length: told.ticks }, (_, tick) => tick));
  expect(told.walked, "the stream went on all the while").toBeGreaterThan(100);
  const whole = Array.from({ length: told.walked }, (_, step) => step);
  expect(heard.steps, "one stream, up, without a gap").toEqual(whole);
  expect(told.steps, "and back").toEqual(whole);
  expect(heard.losses).toBeGreaterThanOrEqual(strikes.length);
  const { latency, longestPause, ms } = told;
  const figures =
    `${numberOf(errand.total)} requests in ${(ms / 1_000).toFixed(1)} s over ${links} links in 4 priorities, ${numberOf(told.ticks)} notifications, ${numberOf(told.walked)} chunks each way of one stream: ` +
    `lost 0, doubled 0, out of order 0; longest pause ${numberOf(longestPause)} ms; p50 ${latency.p50.toFixed(1)} ms, p99 ${numberOf(latency.p99)} ms; ` +
    `connections lost: ${heard.losses} by the one who answers, ${told.losses.join(" and ")} by those who ask`;
  console.log(figures);
  return figures;
}

it("the count sees what is missing, doubled and late", () => {
  const of = (...numbers: number[]): Sequence => ({ agent: "bob", priority: "normal", numbers });
  expect(judge([of(0, 2, 4), of(1, 3)], 5)).toEqual({ lost: 0, doubled: 0, disordered: 0 });
  expect(judge([of(0, 4, 2), of(1, 1)], 5)).toEqual({ lost: 1, doubled: 1, disordered: 1 });
});

withNatsServer("nats: agents whose servers are killed", () => {
  describe("100,000 requests at a steady rate", () => {
    it("survive five kills of the only server", { timeout: patience }, async ({ task }) => {
      const server = closeLater(await startBroker());
      const { url } = server;
      const troupe = closeLater(
        await startTroupe({ id: "alice", server: url }, [
          { id: "bob", server: url },
          { id: "carol", server: url },
        ]),
      );
      const strike = async (): Promise<void> => {
        await server.kill();
        await pause(100);
        await server.start();
      };
      task.meta.measured = await survive(troupe, Array(5).fill(strike));
    });

    it("survive the kill of each node of a cluster that the answering agent is connected to", { timeout: patience }, async ({ task }) => {
      const nodes = await startCluster();
      const [a, , c] = nodes;
      const troupe = closeLater(
        await startTroupe({ id: "alice", server: a.url }, [
          { id: "bob", server: a.url },
          { id: "carol", server: c.url },
        ]),
      );
      const strike = async (): Promise<void> => {
        const node = await nodeOf("alice", nodes);
        await node.kill();
        await pause(100);
        await node.start(nodeConfig(nodes.filter((each) => each !== node)));
      };
      task.meta.measured = await survive(troupe, Array(3).fill(strike));
    });
  });
});

const nodeConfig = (others: readonly Broker[]): string =>
  `http: "127.0.0.1:-1"\ncluster: { name: c, listen: "127.0.0.1:-1", routes: [${others.map(({ route }) => `"nats://${route}"`).join(", ")}] }`;

async function startCluster(): Promise<[Broker, Broker, Broker]> {
  const a = closeLater(await startBroker(nodeConfig([])));
  const b = closeLater(await startBroker(nodeConfig([a])));
  const c = closeLater(await startBroker(nodeConfig([a, b])));
  return [a, b, c];
}

/** The node that an agent's transport is connected to, as the nodes themselves say. */
async function nodeOf(agent: string, nodes: readonly Broker[]): Promise<Broker> {
  for (let tries = 0; tries < 500; tries += 1) {
    for (const node of nodes) {
      const response = await fetch(`${node.monitoring}/connz`);
      const { connections } = (await response.json()) as { readonly connections: readonly { readonly name?: string }[] };
      if (connections.some(({ name }) => name === agent)) return node;
    }
    await pause(20);
  }
  throw new Error(`${agent} is connected to none of the nodes.`);
}
