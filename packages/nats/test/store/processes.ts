import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { bundlePrograms } from "../../../../scripts/bundle.mjs";

const sources = {
  holder: fileURLToPath(new URL("holder.ts", import.meta.url)),
  writer: fileURLToPath(new URL("writer.ts", import.meta.url)),
  receiver: fileURLToPath(new URL("receiver.ts", import.meta.url)),
};
let programs: Promise<(name: string) => string> | undefined;
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface OtherProcess {
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** As SIGKILL does it. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** A process of its own that runs a program of this folder; resolves with its first line. */
export async function startProcess(
  name: keyof typeof sources,
  args: readonly string[],
  onLine: (line: string) => void,
  env: Readonly<Record<string, string>> = {},
): Promise<OtherProcess> {
  programs ??= bundlePrograms("nats-store", sources);
  const child = spawn(process.execPath, [(await programs)(name), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "", ...env },
  });
  running.add(child);
  let said = "";
  child.stderr.on("data", (data: Buffer) => {
    said += data.toString();
  });
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => {
      running.delete(child);
      resolve();
    });
  });
  const lines = createInterface(child.stdout);
  await new Promise<void>((resolve, reject) => {
    lines.once("line", () => resolve());
    void gone.then(() => reject(new Error(`the other process ended before it began: ${said.slice(0, 2_000)}`)));
  });
  lines.on("line", onLine);
  return {
    signal: (which) => void child.kill(which),
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}
