import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import type { Said, Share } from "./worker.js";

export interface ManyOptions {
  /** The bundled worker. */
  readonly worker: string;
  readonly from: number;
  readonly count: number;
  /** Default: one per processor. */
  readonly processes?: number;
  readonly onDone?: (seeds: number) => void;
}

export interface Many {
  readonly seeds: number;
  /** ms of processor time, of all processes. */
  readonly cpuMs: number;
  readonly failures: readonly { readonly seed: number; readonly text: string }[];
}

/** After so many failures the rest is not run. */
const failuresMax = 5;

/** Runs seeds in several processes. Rejects when one of these dies without having said why. */
export async function runMany({ worker, from, count, processes = availableParallelism(), onDone }: ManyOptions): Promise<Many> {
  const failures: { seed: number; text: string }[] = [];
  let seeds = 0;
  let cpuMs = 0;
  const controller = new AbortController();
  const start = (share: Share): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(worker, [JSON.stringify(share)], { execArgv: [], env: { ...process.env, NODE_OPTIONS: "" } });
      let used = 0;
      const stop = (): void => void child.kill("SIGKILL");
      controller.signal.addEventListener("abort", stop);
      child.on("message", (said: Said) => {
        if (said.type === "done") {
          seeds += said.seeds;
          cpuMs += said.cpuMs - used;
          used = said.cpuMs;
          onDone?.(seeds);
          return;
        }
        failures.push({ seed: said.seed, text: said.text });
        if (failures.length >= failuresMax) controller.abort();
      });
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        controller.signal.removeEventListener("abort", stop);
        if (code === 0 || failures.length > 0) resolve();
        else reject(new Error(`A process of the simulation ended: ${signal ?? code}.`));
      });
    });
  await Promise.all(
    Array.from({ length: Math.min(processes, count) }, (_, index) => start({ from: from + index, to: from + count, step: Math.min(processes, count) })),
  );
  return { seeds, cpuMs, failures: failures.sort((a, b) => a.seed - b.seed) };
}
