// The processes of a failover: one that answers, one that asks, and what both say about it in the end.
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Calls, createCalls } from "../../examples/demo/calls.js";
import type { Errand, Heard, Seat, Told } from "./child.js";

export interface Troupe {
  /** Has the askers ask. Resolves when every request has settled. */
  run(errand: Errand): Promise<{ readonly told: Told; readonly heard: Heard }>;
  /** Replies that came in so far. */
  answered(): Promise<number>;
  close(): void;
}

const entry = fileURLToPath(new URL("child.ts", import.meta.url));

/** Bundled, so that a process starts at once and runs what users run instead of what a test runner makes of it. */
async function bundle(folder: string): Promise<string> {
  const outfile = join(folder, "child.mjs");
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@tightbeam/source"],
    banner: { js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);' },
    logLevel: "silent",
  });
  return outfile;
}

export async function startTroupe(answerer: Seat, askers: readonly Seat[]): Promise<Troupe> {
  const place = mkdtempSync(join(tmpdir(), "tightbeam-failover-"));
  const script = await bundle(place);
  const env = { ...process.env, NODE_OPTIONS: "", FAILOVER_SECRET: randomBytes(32).toString("base64url") };
  const children: ChildProcess[] = [];
  const close = (): void => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(place, { recursive: true, force: true });
  };
  const start = (): Calls => {
    const child = fork(script, [], { serialization: "advanced", execArgv: [], env });
    children.push(child);
    const calls = createCalls(child);
    child.once("exit", (code, signal) => calls.end(new Error(`The process ended: ${signal ?? code}.`)));
    return calls;
  };
  try {
    const answering = start();
    const asking = start();
    await answering.call("answer", answerer);
    await asking.call("ask", askers, answerer.id);
    return {
      async run(errand) {
        const told = await asking.call<Told>("run", errand, answerer.id);
        return { told, heard: await answering.call<Heard>("heard") };
      },
      answered: () => asking.call<number>("answered"),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
