import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { median } from "./measure.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
const execute = promisify(execFile);

async function lastLine(args: readonly string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, args, { cwd: here });
  return stdout.trimEnd().split("\n").at(-1) ?? "";
}

export interface LinkFigures {
  readonly suite: number;
  /** Handshakes per second, one at a time and 16 at a time. */
  readonly alone: number;
  readonly together: number;
  /** Bytes per link, on one side of it. */
  readonly idleBytes: number | undefined;
}

export const measureLinks = async (suite: "hybrid" | "classical", count: number, idle: boolean): Promise<LinkFigures> =>
  JSON.parse(await lastLine(["--expose-gc", "--import", "tsx", "links.ts", suite, String(count), idle ? "1" : "0"])) as LinkFigures;

/** ms of CPU to import core, in fresh processes. */
export async function measureImport(times: number): Promise<number> {
  const program = "const a = process.cpuUsage(); await import('@tightbeam/core'); const b = process.cpuUsage(a); console.log((b.user + b.system) / 1000);";
  const all: number[] = [];
  for (let time = 0; time < times; time++) all.push(Number(await lastLine(["--input-type=module", "-e", program])));
  return median(all);
}

/** Bytes of core as an application's bundler would ship it. Entry and exclusions are those of .size-limit.json. */
export async function measureSize(): Promise<number> {
  const [{ path, ignore }] = JSON.parse(readFileSync(`${root}.size-limit.json`, "utf8")) as [{ path: string; ignore: string[] }];
  const { outputFiles } = await build({ entryPoints: [root + path], bundle: true, minify: true, format: "esm", external: ignore, write: false, outdir: "out" });
  return gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length;
}
