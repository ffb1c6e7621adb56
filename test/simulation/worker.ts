// A process that runs its share of many seeds, and says how far it is and what failed.
import { runTask } from "./task.js";

export interface Share {
  readonly from: number;
  readonly to: number;
  /** Every so many seeds one is this process's. */
  readonly step: number;
}

export type Said =
  | { readonly type: "done"; readonly seeds: number; readonly cpuMs: number }
  | { readonly type: "failed"; readonly seed: number; readonly text: string };

const doneEvery = 20;
const say = (said: Said): Promise<void> => new Promise((resolve) => void process.send?.(said, () => resolve()));

async function work({ from, to, step }: Share): Promise<void> {
  let seed = from;
  const onStray = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    void say({ type: "failed", seed, text: `Seed ${seed}: something was thrown that nobody waited for: ${text}` }).then(() => process.exit(1));
  };
  process.on("unhandledRejection", onStray).on("uncaughtException", onStray);
  let unsaid = 0;
  const sayDone = (): Promise<void> => {
    const { user, system } = process.cpuUsage();
    return say({ type: "done", seeds: unsaid, cpuMs: (user + system) / 1_000 });
  };
  for (; seed < to; seed += step) {
    const text = await runTask({ seed });
    if (text !== undefined) await say({ type: "failed", seed, text });
    if (++unsaid === doneEvery) {
      await sayDone();
      unsaid = 0;
    }
  }
  await sayDone();
}

await work(JSON.parse(process.argv[2] ?? "{}") as Share);
process.disconnect();
