import { fileURLToPath } from "node:url";
import { type Agent, createAgent, trust } from "@tightbeam/core";
import { generateSecret, identityFromSecret } from "@tightbeam/core/identity";
import { connectNats } from "@tightbeam/nats";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { createChildren } from "../../examples/demo/children.js";
import { goneAfter } from "../../examples/replicas/contract.js";
import { type Load, startLoad } from "../../examples/replicas/load.js";
import { countShares } from "../../examples/replicas/shares.js";
import { judge } from "../../examples/replicas/verdict.js";
import { watchLinks } from "../../examples/replicas/watch.js";
import { createWorkers, type WorkerProcess } from "../../examples/replicas/workers.js";
import { startBroker, withNatsServer } from "../../packages/nats/test/broker.js";
import { bundlePrograms } from "../../scripts/bundle.mjs";

// Four real processes of one agent; one is stopped or killed in the middle of its work.

declare module "vitest" {
  interface TaskMeta {
    /** `npm test` prints it. */
    measured?: string;
  }
}

const rate = 500;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

let workerScript = "";
beforeAll(async () => {
  const bundle = await bundlePrograms("workers", { worker: fileURLToPath(new URL("../../examples/replicas/worker.ts", import.meta.url)) });
  workerScript = bundle("worker");
});

interface Medium {
  readonly name: string;
  /** Resolves with the URL of what carries the frames. */
  start(secret: Uint8Array): Promise<string>;
}

const relay: Medium = {
  name: "a relay",
  async start(secret) {
    const started = await createRelay({ port: 0, trust: trust.everyoneWithSecret(secret) });
    closers.push(() => started.close());
    return started.url;
  },
};

const broker: Medium = {
  name: "NATS",
  async start() {
    const started = await startBroker();
    closers.push(() => started.close());
    return started.url;
  },
};

async function assemble(medium: Medium, patience = goneAfter) {
  const secret = generateSecret();
  const url = await medium.start(secret);
  const children = createChildren();
  const workers = createWorkers(children, workerScript, { url, secret });
  closers.push(() => Promise.all(workers.all.map(({ process: child }) => child.kill())));
  await Promise.all([1, 2, 3, 4].map(() => workers.start()));
  const identity = await identityFromSecret({ id: "caller", secret });
  const transport = url.startsWith("nats:") ? await connectNats({ servers: url }) : await connectWebSocket(url, { identity });
  const caller = await createAgent({ identity, trust: trust.everyoneWithSecret(secret), transport, goneAfter: patience });
  closers.push(() => caller.close());
  const watch = watchLinks(caller);
  await caller.link("worker");
  const load = startLoad(caller, rate);
  for (const { instance } of workers.all) await watch.until(instance, "up", 0);
  await pause(1_000);
  return { caller, workers, watch, load, victim: workers.all[1] as WorkerProcess };
}

type Scene = Awaited<ReturnType<typeof assemble>>;

async function conclude({ load, workers }: Scene) {
  await load.stop();
  // The workers' records come over pipes.
  await pause(300);
  const verdict = judge(load, workers.runs);
  expect(verdict).toMatchObject({ lost: 0, doubled: 0, faults: [] });
  return verdict;
}

const longest = (load: Load, wanted: (one: Load["outcomes"][number]) => boolean): number =>
  Math.round(Math.max(0, ...load.outcomes.filter(wanted).map(({ ms }) => ms)));
const stateOf = (caller: Agent, { instance }: WorkerProcess): string | undefined =>
  caller.links("worker").find(({ peer }) => peer.instance === instance)?.state;

function suite(medium: Medium): void {
  describe(`four processes of one agent over ${medium.name}`, () => {
    it("one is killed: the others go on, and what it had settles as unknown or goes to them", { timeout: 90_000 }, async ({ task }) => {
      const scene = await assemble(medium);
      const { load, victim, watch, workers } = scene;
      const killed = performance.now();
      await victim.process.kill();
      const suspect = await watch.until(victim.instance, "suspect", killed);
      const gone = await watch.until(victim.instance, "ended", killed);
      await pause(1_000);
      const verdict = await conclude(scene);
      const lateOnes = load.outcomes.filter(({ at }) => at > killed + suspect + 50);
      expect(lateOnes.length).toBeGreaterThan(100);
      expect(lateOnes.filter(({ failed }) => failed !== undefined)).toEqual([]);
      // Whoever waited longest of those that never were at the dead one; the machine may be slow, the timer of the dead one is not theirs.
      const undisturbed = longest(load, ({ at }) => at > killed + suspect + 50);
      expect(undisturbed).toBeLessThan(5_000);
      const shares = countShares(load.outcomes, killed + suspect, performance.now());
      for (const { pid, name } of workers.all) expect(shares.get(pid) ?? 0, name).toBeGreaterThanOrEqual(pid === victim.pid ? 0 : 50);
      const moved = [...watch.moved.values()].reduce((sum, each) => sum + each, 0);
      const figures =
        `${verdict.asked} requests: lost 0, doubled 0; suspect after ${Math.round(suspect)} ms, gone after ${Math.round(gone)} ms; ${verdict.unknown} delivery_unknown, ` +
        `${moved} sent again and answered; longest wait ${longest(load, () => true)} ms, of those asked of the living ${undisturbed} ms`;
      console.log(`${medium.name}: ${figures}`);
      task.meta.measured = figures;
    });

    it("one is stopped and goes on before it is gone: it is suspect meanwhile, answers what it had, and is used again", { timeout: 90_000 }, async ({
      task,
    }) => {
      const scene = await assemble(medium, 10_000);
      const { caller, load, victim, watch } = scene;
      const stopped = performance.now();
      process.kill(victim.pid, "SIGSTOP");
      const suspect = await watch.until(victim.instance, "suspect", stopped);
      await pause(200);
      expect(stateOf(caller, victim)).toBe("suspect");
      const resumed = performance.now();
      process.kill(victim.pid, "SIGCONT");
      await watch.until(victim.instance, "up", resumed);
      await pause(1_500);
      const verdict = await conclude(scene);
      expect(verdict).toMatchObject({ unknown: 0, answered: verdict.asked });
      expect(watch.moved.size).toBe(0);
      expect(countShares(load.outcomes, resumed + 100, performance.now()).get(victim.pid) ?? 0).toBeGreaterThan(50);
      task.meta.measured = `${verdict.asked} requests, all answered once; suspect after ${Math.round(suspect)} ms, stopped for ${Math.round(resumed - stopped)} ms; longest wait ${longest(load, () => true)} ms`;
      console.log(`${medium.name}: ${task.meta.measured}`);
    });

    it("one is stopped for longer than that: what it had is not doubled when it goes on, and it gets a new link", { timeout: 90_000 }, async ({ task }) => {
      const scene = await assemble(medium);
      const { load, victim, watch } = scene;
      const stopped = performance.now();
      process.kill(victim.pid, "SIGSTOP");
      const gone = await watch.until(victim.instance, "ended", stopped);
      await pause(500);
      const resumed = performance.now();
      process.kill(victim.pid, "SIGCONT");
      const again = await watch.until(victim.instance, "up", resumed);
      await pause(1_500);
      const verdict = await conclude(scene);
      expect(countShares(load.outcomes, resumed + again, performance.now()).get(victim.pid) ?? 0).toBeGreaterThan(20);
      task.meta.measured = `${verdict.asked} requests: lost 0, doubled 0; gone after ${Math.round(gone)} ms, ${verdict.unknown} delivery_unknown; linked again ${Math.round(again)} ms after it went on`;
      console.log(`${medium.name}: ${task.meta.measured}`);
    });
  });
}

suite(relay);
withNatsServer("replicas over NATS", () => suite(broker));
