// What happens in which order, and what is shown of it.
import type { Agent } from "@tightbeam/core";
import { figure, milliseconds, type Screen } from "../demo/screen.js";
import { charge, goneAfter, resize } from "./contract.js";
import { startLoad } from "./load.js";
import { countShares, showShares } from "./shares.js";
import { judge, type Verdict } from "./verdict.js";
import { watchLinks } from "./watch.js";
import type { WorkerProcess, Workers } from "./workers.js";

/** Requests a second. */
const rate = 1_000;
/** ms for which shares are counted. */
const window = 2_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function tell(caller: Agent, workers: Workers, screen: Screen): Promise<Verdict> {
  const { heading, line, paint } = screen;
  const watch = watchLinks(caller);
  const dead = new Set<number>();

  heading(`1. ${figure(rate)} requests a second to "worker"`);
  const began = performance.now();
  await caller.link("worker");
  const load = startLoad(caller, rate);
  const met = await Promise.all(workers.all.map(({ instance }) => watch.until(instance, "up", began)));
  line(`  linked with one after ${milliseconds(Math.min(...met))}, with all ${met.length} after ${milliseconds(Math.max(...met))}`);
  const count = async (): Promise<ReadonlyMap<number, number>> => {
    const from = performance.now();
    await pause(window);
    const to = performance.now();
    await pause(100);
    return countShares(load.outcomes, from, to);
  };
  showShares(screen, workers.all, await count(), dead);

  const victim = workers.all[1] as WorkerProcess;
  heading(`2. ${victim.name} is killed (SIGKILL), in the middle of its work`);
  const killed = performance.now();
  dead.add(victim.pid);
  await victim.process.kill();
  const suspect = await watch.until(victim.instance, "suspect", killed);
  line(`  after ${milliseconds(suspect)} it is suspect: new requests go to the others only`);
  const gone = await watch.until(victim.instance, "ended", killed);
  line(`  after ${milliseconds(gone)} it is gone (goneAfter ${milliseconds(goneAfter)}); what it had:`);
  // Those that go elsewhere are answered a moment later.
  await pause(200);
  const stuck = load.outcomes.filter(({ failed }) => failed !== undefined).length;
  line(`    ${figure(stuck).padStart(4)}  charge           ${paint.strong("delivery_unknown")}: it may have run, the caller decides`);
  line(`    ${figure(watch.moved.get(charge.name) ?? 0).padStart(4)}  charge with key  sent again to another worker, and answered`);
  line(`    ${figure(watch.moved.get(resize.name) ?? 0).padStart(4)}  resize           sent again to another worker, and answered`);
  showShares(screen, workers.all, await count(), dead);

  heading("3. Another worker starts");
  const came = performance.now();
  const fresh = await workers.start();
  const ready = performance.now();
  const found = await watch.until(fresh.instance, "up", came);
  line(`  ${fresh.name}, pid ${fresh.pid}; the caller found it ${milliseconds(Math.max(0, came + found - ready))} after it was ready`);
  showShares(screen, workers.all, await count(), dead);

  heading("4. Result");
  await load.stop();
  // The workers' records come over pipes.
  await pause(100);
  const verdict = judge(load, workers.runs);
  const undisturbed = load.outcomes.filter(({ ms, failed }) => failed === undefined && ms < goneAfter / 2).map(({ ms }) => ms);
  const row = (name: string, value: string, right = true): void => line(`  ${name.padEnd(34)} ${right ? value : paint.bad(value)}`);
  row("requests", figure(verdict.asked));
  row("answered", figure(verdict.answered));
  row("delivery_unknown", figure(verdict.unknown));
  row("lost", figure(verdict.lost), verdict.lost === 0);
  row("doubled", figure(verdict.doubled), verdict.doubled === 0);
  row("longest wait", milliseconds(Math.max(...load.outcomes.map(({ ms }) => ms))));
  row("longest wait, not at the dead one", milliseconds(Math.max(...undisturbed)));
  return verdict;
}
