import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { findNatsServer } from "../scripts/nats-server.mjs";

/** A nats-server of the benchmark's own, with its defaults. */
export interface Broker {
  readonly url: string;
  /** µs in user and system mode, in ticks of 10 ms (proc_pid_stat(5), fields 14 and 15). Linux only; elsewhere 0. */
  cpu(): number;
  /** Bytes of memory that it has (proc_pid_status(5), VmRSS). Linux only; elsewhere 0. */
  rss(): number;
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Runs it again on the same port. */
  restart(): Promise<void>;
}

const all = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of all) child.kill("SIGKILL");
});

async function run(port: number): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const path = findNatsServer();
  if (path === undefined) throw new Error("There is no nats-server here.");
  const child = spawn(path, ["--addr", "127.0.0.1", "--port", String(port || -1)], { stdio: ["ignore", "ignore", "pipe"] });
  all.add(child);
  return new Promise((resolve, reject) => {
    let log = "";
    child.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      const listening = /client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      if (listening !== undefined && log.includes("Server is ready")) resolve({ child, port: Number(listening) });
    });
    child.once("exit", () => {
      all.delete(child);
      reject(new Error(`nats-server ended:\n${log}`));
    });
  });
}

export async function startBroker(): Promise<Broker> {
  let { child, port } = await run(0);
  const read = (file: string): string => {
    try {
      return readFileSync(`/proc/${child.pid}/${file}`, "utf8");
    } catch {
      return "";
    }
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    cpu() {
      const fields = read("stat").split(") ").at(-1)?.split(" ") ?? [];
      return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10_000;
    },
    rss: () => Number(/VmRSS:\s+(\d+) kB/.exec(read("status"))?.[1] ?? 0) * 1_024,
    kill() {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill("SIGKILL");
      return gone;
    },
    async restart() {
      ({ child, port } = await run(port));
    },
  };
}
