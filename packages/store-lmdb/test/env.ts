import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { StoreEnv } from "@tightbeam/conformance/stores";
import { bundlePrograms } from "../../../scripts/bundle.mjs";
import { openLmdbStore } from "../src/index.js";

/** Its processes start in a fifth of the time when their program is one file. */
let programs: Promise<(name: string) => string> | undefined;
export const program = async (name: string): Promise<string> => {
  programs ??= bundlePrograms("store", {
    writer: fileURLToPath(new URL("writer.ts", import.meta.url)),
    filler: fileURLToPath(new URL("filler.ts", import.meta.url)),
    denied: fileURLToPath(new URL("denied.ts", import.meta.url)),
    crowded: fileURLToPath(new URL("crowded.ts", import.meta.url)),
  });
  return (await programs)(name);
};

export function lmdbEnv(): StoreEnv {
  const path = mkdtempSync(join(tmpdir(), "tightbeam-store-"));
  return {
    open: () => openLmdbStore({ path }),
    startWriter: async (confirmed) => startProcess(await program("writer"), [path], (line) => confirmed(Number(line))),
    breakFlush: () => breakFlush(path),
    close: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Starts a program and resolves with its first line; `kill` sends SIGKILL. */
export async function startProcess(program: string, args: readonly string[], onLine: (line: string) => void): Promise<{ kill(): Promise<void> }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (data: Buffer) => {
    said += data.toString();
  });
  const gone = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  const lines = createInterface(child.stdout);
  await new Promise<void>((resolve, reject) => {
    lines.once("line", () => resolve());
    void gone.then(() => reject(new Error(`the other process ended before it began: ${said.slice(0, 2_000)}`)));
  });
  lines.on("line", onLine);
  return {
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/** What LMDB writes goes nowhere from now on, and its flushes fail: the system flushes no `/dev/null`. */
export function breakFlush(path: string): void {
  const data = readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => targetOf(fd) === join(path, "data.mdb"));
  const fd = Math.min(...data);
  closeSync(fd);
  const replaced = openSync("/dev/null", "r+");
  if (replaced !== fd) throw new Error(`/dev/null was opened as ${replaced}, not as ${fd}`);
}

function targetOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}
