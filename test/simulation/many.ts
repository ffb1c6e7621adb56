import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { doneEvery, type Said, type Share } from "./share.js";

export interface ManyOptions {
  /** The bundled worker. */
  readonly worker: string;
  readonly from: number;
  readonly count: number;
  /** Default: one per processor. */
  readonly processes?: number;
  readonly onDone?: (so: Progress) => void;
  readonly onFailed?: (failure: Failure) => void;
  /** After so many failures the rest is not run. Default 5. */
  readonly failuresMax?: number;
  /** Seeds of one process: then another one takes its place, whatever it has kept. Default 5,000. */
  readonly share?: number;
  /** A process that says nothing for so many ms is killed. Default 5 minutes. */
  readonly silenceMs?: number;
}

export interface Failure {
  readonly seed: number;
  readonly text: string;
}

export interface Progress {
  readonly seeds: number;
  /** ms of processor time, of all processes. */
  readonly cpuMs: number;
  /** The most memory that one of the processes held, bytes. */
  readonly rss: number;
}

export interface Many extends Progress {
  readonly failures: readonly Failure[];
}

/** Runs seeds in several processes, each of which takes the next share when it has one behind it. Rejects when one cannot be started. */
export async function runMany({ worker, from, count, processes = availableParallelism(), onDone, onFailed, ...limits }: ManyOptions): Promise<Many> {
  const { failuresMax = 5, share = 5_000, silenceMs = 300_000 } = limits;
  const failures: Failure[] = [];
  const running = new Set<ChildProcess>();
  let so: Progress = { seeds: 0, cpuMs: 0, rss: 0 };
  let next = from;
  const to = from + count;
  const size = Math.max(1, Math.min(share, Math.ceil(count / processes)));
  const stopped = (): boolean => failures.length >= failuresMax;

  const fail = (failure: Failure): void => {
    if (stopped()) return;
    failures.push(failure);
    onFailed?.(failure);
    if (stopped()) for (const child of running) child.kill("SIGKILL");
  };

  /** Runs a share; resolves with the seed behind the last that was run. */
  const run = (part: Share): Promise<number> =>
    new Promise((resolve, reject) => {
      const child = fork(worker, [JSON.stringify(part)], { execArgv: [], env: { ...process.env, NODE_OPTIONS: "" } });
      running.add(child);
      let at = part.from;
      let used = 0;
      let silent = false;
      const onSilence = (): void => {
        silent = true;
        child.kill("SIGKILL");
      };
      let alarm = setTimeout(onSilence, silenceMs);
      child.on("message", (said: Said) => {
        clearTimeout(alarm);
        alarm = setTimeout(onSilence, silenceMs);
        at = said.next;
        if (said.type === "failed") return fail(said);
        so = { seeds: so.seeds + said.seeds, cpuMs: so.cpuMs + said.cpuMs - used, rss: Math.max(so.rss, said.rss) };
        used = said.cpuMs;
        onDone?.(so);
      });
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        clearTimeout(alarm);
        running.delete(child);
        if (code === 0 || stopped()) return resolve(part.to);
        // What it had begun it did not survive: that seed is a failure, and the rest of its share goes on in another process.
        const why = silent ? `nothing was heard of it for ${silenceMs} ms` : `its process ended: ${signal ?? code}`;
        if (!failures.some(({ seed }) => seed === at)) fail({ seed: at, text: `Seed ${at}, or one of the ${doneEvery} behind it: ${why}.` });
        resolve(at + 1);
      });
    });

  const work = async (): Promise<void> => {
    while (next < to && !stopped()) {
      const part = { from: next, to: Math.min(to, next + size) };
      next = part.to;
      for (let at = part.from; at < part.to && !stopped(); ) at = await run({ from: at, to: part.to });
    }
  };
  await Promise.all(Array.from({ length: Math.min(processes, count) }, work));
  return { ...so, failures: failures.sort((a, b) => a.seed - b.seed) };
}
