import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { compile, sharedOptions } from "./compile.js";
import type { Load } from "./sides/side.js";

interface Answer {
  readonly ready?: string;
  readonly rate?: number;
  readonly error?: string;
  readonly cpu: number;
}

export interface Run {
  /** Operations per second. */
  readonly rate: number;
  /** µs of CPU per operation, of all processes of the system together. */
  readonly cost: number;
  /** The same for each process: the client, then the others in the order in which they were named. */
  readonly costs: readonly number[];
}

/** One way for two programs to talk, with its processes running. */
export interface System {
  readonly name: string;
  run(load: Load): Promise<Run>;
}

const started: ChildProcess[] = [];
const folder = compile();

function next(child: ChildProcess): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      child.off("message", onMessage);
      child.off("exit", onExit);
      settle();
    };
    const onMessage = (message: unknown) => {
      const answer = message as Answer;
      done(() => (answer.error === undefined ? resolve(answer) : reject(new Error(answer.error))));
    };
    const onExit = (code: number | null) => done(() => reject(new Error(`${child.spawnargs.slice(2).join(" ")} ended (${code}).`)));
    child.on("message", onMessage);
    child.once("exit", onExit);
  });
}

function ask(child: ChildProcess, message: Load | "cpu"): Promise<Answer> {
  const answer = next(child);
  child.send(message);
  return answer;
}

export interface Process {
  readonly child: ChildProcess;
  /** What a server says about how to reach it. */
  readonly at: string;
}

/** Who works beside whom. The middle one has a core of its own where there are three. */
export type Place = "client" | "server" | "middle";
const cores: Record<Place, number> = { client: 0, server: 1, middle: availableParallelism() > 2 ? 2 : 0 };

/** Left to itself the scheduler puts some pairs on one core and some on two, differently in every run: raw `ws` one at a time then makes 34,000 or 15,000 a second. */
export const pinned = process.argv.includes("--pin");
if (pinned && spawnSync("taskset", ["--version"]).status !== 0) throw new Error("--pin needs taskset (Linux, util-linux).");

export async function startProcess(place: Place, ...args: string[]): Promise<Process> {
  const options = sharedOptions();
  const how = pinned ? { execPath: "taskset", execArgv: ["-c", String(cores[place]), process.execPath, ...options] } : { execArgv: options };
  const child = fork(join(await folder, "child.js"), args, how);
  started.push(child);
  return { child, at: (await next(child)).ready ?? "" };
}

/** A system is its client and whatever works for it. */
export function system(name: string, client: Process, ...servers: Process[]): System {
  const all = [client, ...servers].map(({ child }) => child);
  const cpuOfEach = async (): Promise<number[]> => (await Promise.all(all.map((child) => ask(child, "cpu")))).map(({ cpu }) => cpu);
  return {
    name,
    async run(load) {
      const before = await cpuOfEach();
      const began = performance.now();
      const { rate = 0 } = await ask(client.child, load);
      const operations = (rate * (performance.now() - began)) / 1_000;
      const costs = (await cpuOfEach()).map((used, index) => (used - (before[index] ?? 0)) / operations);
      return { rate, cost: costs.reduce((sum, each) => sum + each, 0), costs };
    },
  };
}

/** They end by themselves: killed processes write no profile. */
export function stopAll(): void {
  for (const child of started) child.disconnect();
}
