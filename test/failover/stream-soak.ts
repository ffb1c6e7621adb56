// One stream, both ways, through a relay that is killed (SIGKILL) and started again, time after time.
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { StreamOutcome, StreamReport } from "./stream-child.js";

export interface SoakOptions {
  /** The bundled stream-child. */
  readonly script: string;
  readonly chunks: number;
  readonly kills: number;
  readonly onKill?: (number: number, chunks: number) => void;
}

export interface Soaked extends StreamOutcome {
  readonly kills: number;
  /** MB that the heap grew from the first quarter of the way to the last: medians. */
  readonly growth: number;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Rejects with what went wrong in one of the processes. Leaves none of them. */
export async function soakStream({ script, chunks, kills, onKill }: SoakOptions): Promise<Soaked> {
  const env = { ...process.env, NODE_OPTIONS: "", SOAK_SECRET: randomBytes(32).toString("base64url") };
  const children = new Set<ChildProcess>();
  const start = (...args: string[]): ChildProcess => {
    const child = fork(script, args, { execArgv: [], env });
    children.add(child);
    child.once("exit", () => children.delete(child));
    return child;
  };
  const startRelay = async (port: number): Promise<{ relay: ChildProcess; at: number }> => {
    const relay = start("relay", String(port));
    const [report] = (await once(relay, "message")) as [StreamReport];
    if (report.type !== "ready") throw new Error(`The relay did not start: ${JSON.stringify(report)}`);
    return { relay, at: report.port };
  };
  try {
    let { relay, at } = await startRelay(0);
    const agents = start("agents", `ws://127.0.0.1:${at}/`, String(chunks));
    let killed = 0;
    const outcome = await new Promise<StreamOutcome>((resolve, reject) => {
      let striking = false;
      const strike = async (came: number): Promise<void> => {
        striking = true;
        killed++;
        onKill?.(killed, came);
        relay.kill("SIGKILL");
        await once(relay, "exit");
        ({ relay, at } = await startRelay(at));
        striking = false;
      };
      agents.once("exit", (code, signal) => reject(new Error(`The agents' process ended: ${signal ?? code}.`)));
      agents.on("message", (report: StreamReport) => {
        if (report.type === "over") resolve(report.outcome);
        else if (report.type === "failed") reject(new Error(report.error));
        else if (report.type === "progress" && !striking && killed < kills && report.chunks >= (chunks * (killed + 1)) / (kills + 1))
          strike(report.chunks).catch(reject);
      });
    });
    const quarter = Math.max(1, Math.floor(outcome.heap.length / 4));
    return { ...outcome, kills: killed, growth: median(outcome.heap.slice(-quarter)) - median(outcome.heap.slice(0, quarter)) };
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

/** What there is to say about it, in one line. */
export function describeSoak({ up, down, ms, heap, kills, growth, losses, resent }: Soaked): string {
  const count = (value: number): string => Math.round(value).toLocaleString("en");
  const heaps = `heap ${Math.min(...heap).toFixed(1)} to ${Math.max(...heap).toFixed(1)} MB, grown by ${growth.toFixed(1)} MB`;
  return `${count(up.chunks)} chunks up and ${count(down.chunks)} down, ${kills} kills, ${losses} cuts seen: ${up.missed + down.missed} lost, ${up.again + down.again} doubled or out of order; ${count((down.chunks / ms) * 1_000)} a second each way, ${count(resent)} cells sent again; ${heaps}`;
}
