import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { inTime } from "./overdue.js";

const packageFolder = fileURLToPath(new URL("..", import.meta.url));
const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The command line as one program out of the sources: it starts in a tenth of the time that tsx takes, and never runs an old build. */
async function bundle(): Promise<string> {
  const scratch = join(root, ".tmp");
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, "cli-"));
  copyFileSync(join(packageFolder, "package.json"), join(folder, "package.json"));
  cpSync(join(packageFolder, "template"), join(folder, "template"), { recursive: true });
  await build({
    entryPoints: [join(packageFolder, "src/bin.ts")],
    outdir: join(folder, "dist"),
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@tightbeam/source"],
    logLevel: "error",
    // What is CommonJS asks for modules of Node with `require`.
    banner: { js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);' },
    plugins: [
      {
        // Its binary lies beside it.
        name: "lmdb stays where it is",
        setup: ({ onResolve }) =>
          onResolve({ filter: /^lmdb$/ }, () => ({
            path: import.meta.resolve("lmdb", new URL("../../store-lmdb/src/index.ts", import.meta.url).href),
            external: true,
          })),
      },
    ],
  });
  return folder;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** What came so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves with the first match in stdout (or stderr); rejects when the process ends without one, and when that takes too long. */
  expect(pattern: RegExp, where?: "stdout" | "stderr"): Promise<RegExpExecArray>;
  stop(signal?: NodeJS.Signals): Promise<Ended>;
  /** Rejects with what all that run have said when it is overdue, counted from the test that reads this. */
  readonly ended: Promise<Ended>;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Written to stdin, which then ends. "open": it stays open. Default: it is empty. */
  readonly input?: string | Uint8Array | "open";
  /** ms after which what is awaited of it is overdue. Default: shortly before the test times out. */
  readonly patience?: number;
}

/** Starts `tightbeam` as processes. Close it when the suite is over: it ends what still runs. */
export async function createTerminal() {
  const folder = await bundle();
  const place = mkdtempSync(join(tmpdir(), "tightbeam-cli-"));
  /** What runs, with what it has said. */
  const running = new Map<ChildProcess, () => string>();

  function start(args: readonly string[], { cwd = place, env = {}, input = "", patience }: StartOptions = {}): Running {
    const child = spawn(process.execPath, [join(folder, "dist/bin.js"), ...args], {
      cwd,
      // Nothing of the machine's own profiles and settings.
      env: { PATH: process.env.PATH ?? "", HOME: place, ...env },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => undefined);
    if (input !== "open") child.stdin.end(input);
    const text = { stdout: () => Buffer.concat(out).toString(), stderr: () => Buffer.concat(err).toString() };
    const told = () =>
      `\`tightbeam ${args.join(" ")}\` (${child.exitCode === null ? "" : `has exited with ${child.exitCode}; `}stdout ${tail(text.stdout())}, stderr ${tail(text.stderr())})`;
    running.set(child, told);
    const ended = new Promise<Ended>((resolve) => {
      child.once("close", (code, signal) => {
        running.delete(child);
        resolve({ code, signal, stdout: text.stdout(), stderr: text.stderr() });
      });
    });
    const awaited = <T>(work: Promise<T>, what: string): Promise<T> =>
      inTime(
        work,
        () => {
          const others = [...running].filter(([other]) => other !== child).map(([, tell]) => `\n  beside it: ${tell()}`);
          return `Overdue: ${what} of ${told()}${others.join("")}`;
        },
        patience,
      );
    return {
      child,
      ...text,
      get ended() {
        return awaited(ended, "the end");
      },
      expect: (pattern, where = "stdout") =>
        awaited(
          new Promise((resolve, reject) => {
            const look = () => {
              const found = pattern.exec(text[where]());
              if (found !== null) resolve(found);
            };
            child[where]?.on("data", look);
            look();
            void ended.then(({ code, stdout, stderr }) => reject(new Error(`ended with ${code} before ${pattern} came: ${stdout}${stderr}`)));
          }),
          `${pattern}`,
        ),
      stop(signal = "SIGTERM") {
        child.kill(signal);
        return awaited(ended, `the end after ${signal}`);
      },
    };
  }

  return {
    /** A folder of its own, where processes start. */
    place,
    bin: join(folder, "dist/bin.js"),
    start,
    run: (args: readonly string[], options?: StartOptions): Promise<Ended> => start(args, options).ended,
    close() {
      for (const child of running.keys()) child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
      rmSync(place, { recursive: true, force: true });
    },
  };
}

const tail = (text: string): string => JSON.stringify(text.slice(-400));

export type Terminal = Awaited<ReturnType<typeof createTerminal>>;
