// Keeps a nats-server: a process between it and the demo, so that the server ends when the demo does, however that ends.
import { type ChildProcess, spawn } from "node:child_process";
import { createCalls } from "./calls.js";

export interface StartBroker {
  readonly path: string;
  /** 0 for any free one. */
  readonly port: number;
}

export interface StartedBroker {
  readonly pid: number;
  readonly port: number;
}

let server: ChildProcess | undefined;
let gone: Promise<void> = Promise.resolve();
let expected = false;

createCalls(process, {
  start: ({ path, port }: StartBroker) =>
    new Promise<StartedBroker>((resolve, reject) => {
      const started = spawn(path, ["--addr", "127.0.0.1", "--port", String(port || -1)], { stdio: ["ignore", "ignore", "pipe"] });
      server = started;
      expected = false;
      let log = "";
      started.stderr.on("data", (chunk: Buffer) => {
        log += chunk.toString();
        const listening = /client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
        if (listening !== undefined && log.includes("Server is ready")) resolve({ pid: started.pid ?? 0, port: Number(listening) });
      });
      started.once("error", reject);
      gone = new Promise((ended) => {
        started.once("close", (code, signal) => {
          ended();
          if (expected) return;
          process.stderr.write(`nats-server (pid ${started.pid}): ${signal ?? `exit code ${code}`}\n${log.slice(-1_000)}`);
          process.exit(1);
        });
      });
    }),
  kill(): Promise<void> {
    expected = true;
    server?.kill("SIGKILL");
    return gone;
  },
});

process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => process.exit(0));
process.on("disconnect", () => process.exit(0));
process.on("exit", () => server?.kill("SIGKILL"));
