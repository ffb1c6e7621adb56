import { spawn } from "node:child_process";
import { CommandError } from "../command-error.js";
import { exitCodes } from "../exit-codes.js";
import type { Invocation } from "../invocation.js";

const linesKept = 6;

/** Runs `npm install` there. Rejects with what npm said last; the folder stays as it is. */
export async function npmInstall({ signal, output, runtime }: Invocation, folder: string): Promise<void> {
  const progress = output.progress("npm install,");
  const began = runtime.clock.monotonic();
  let stopped = false;
  const tick = (): void => {
    if (stopped) return;
    progress.update(Math.round((runtime.clock.monotonic() - began) / 1_000), "s");
    runtime.timers.after(1_000, tick);
  };
  tick();
  try {
    const { code, said } = await npm(folder, signal);
    if (code === 0) return;
    const last = said
      .split("\n")
      .filter((line) => line.trim() !== "")
      .slice(-linesKept)
      .join("\n");
    throw new CommandError(
      "npm_failed",
      exitCodes.failed,
      `npm install failed; the project's files are all there.\n${last}`,
      `Put right what npm says, then: cd ${folder} && npm install`,
    );
  } finally {
    stopped = true;
    progress.end();
  }
}

function npm(folder: string, signal: AbortSignal): Promise<{ readonly code: number | null; readonly said: string }> {
  const windows = process.platform === "win32";
  const child = spawn(windows ? "npm.cmd" : "npm", ["install", "--no-audit", "--no-fund"], {
    cwd: folder,
    signal,
    // npm.cmd is a script, which Windows starts through a shell; nothing in the arguments is anybody's input.
    shell: windows,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const keep = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-16_384);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => (signal.aborted ? reject(cause) : resolve({ code: null, said: `npm could not be started: ${cause.message}` })));
    child.once("close", (code) => resolve({ code, said }));
  });
}
