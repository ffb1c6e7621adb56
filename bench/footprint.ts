import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { measureSize } from "../scripts/size.mjs";
import { median } from "./measure.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const execute = promisify(execFile);

export async function lastLine(args: readonly string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, args, { cwd: here });
  return stdout.trimEnd().split("\n").at(-1) ?? "";
}

export interface LinkFigures {
  readonly suite: number;
  /** Whose ML-KEM. */
  readonly kem: string;
  /** Handshakes per second, one at a time and 16 at a time. */
  readonly alone: number;
  readonly together: number;
  /** Bytes per link, on one side of it. */
  readonly idleBytes: number | undefined;
}

export const measureLinks = async (suite: "hybrid" | "script" | "classical", count: number, idle: boolean): Promise<LinkFigures> =>
  JSON.parse(await lastLine(["--expose-gc", "dist/links.js", suite, String(count), idle ? "1" : "0"])) as LinkFigures;

/** ms of CPU to import core, in fresh processes. */
export async function measureImport(times: number): Promise<number> {
  const program = "const a = process.cpuUsage(); await import('@tightbeam/core'); const b = process.cpuUsage(a); console.log((b.user + b.system) / 1000);";
  const all: number[] = [];
  for (let time = 0; time < times; time++) all.push(Number(await lastLine(["--input-type=module", "-e", program])));
  return median(all);
}

/** Bytes of core as an application's bundler would ship it: what counts is written down in scripts/size.mjs. */
export const measureCoreSize = async (): Promise<number> => (await measureSize()).bytes;
