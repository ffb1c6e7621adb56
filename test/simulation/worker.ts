// A process that runs its share of many seeds, and says how far it is and what failed.
import { doneEvery, type Said, type Share } from "./share.js";
import { runTask } from "./task.js";

const say = (said: Said): Promise<void> => new Promise((resolve) => void process.send?.(said, () => resolve()));

async function work({ from, to }: Share): Promise<void> {
  let seed = from;
  const onStray = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const told = `Seed ${seed}: something was thrown that nobody waited for: ${text}`;
    void say({ type: "failed", next: seed, seed, text: told }).then(() => process.exit(1));
  };
  process.on("unhandledRejection", onStray).on("uncaughtException", onStray);
  let unsaid = 0;
  const sayDone = (): Promise<void> => {
    const { user, system } = process.cpuUsage();
    const seeds = unsaid;
    unsaid = 0;
    return say({ type: "done", next: seed, seeds, cpuMs: (user + system) / 1_000, rss: process.memoryUsage.rss() });
  };
  while (seed < to) {
    const text = await runTask({ seed });
    seed += 1;
    unsaid += 1;
    if (text !== undefined) await say({ type: "failed", next: seed, seed: seed - 1, text });
    if (unsaid === doneEvery) await sayDone();
  }
  await sayDone();
}

await work(JSON.parse(process.argv[2] ?? "{}") as Share);
process.disconnect();
