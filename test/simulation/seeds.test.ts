import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { bundlePrograms } from "../../scripts/bundle.mjs";
import { main, readArguments } from "./main.js";
import { runMany } from "./many.js";

const worker = fileURLToPath(new URL("worker.ts", import.meta.url));

// Longer than 2,000 take: the machine may be busy with other suites. What they take alone is what the requirement bounds.
it("2,000 seeds hold", { timeout: 900_000 }, async ({ task }) => {
  const bundle = await bundlePrograms("simulation", { worker });
  const started = performance.now();
  const { seeds, cpuMs, failures } = await runMany({ worker: bundle("worker"), from: 0, count: 2_000, processes: 2 });
  const seconds = (performance.now() - started) / 1_000;
  Object.assign(task.meta, { measured: `2,000 seeds in ${seconds.toFixed(1)} s, ${(cpuMs / seeds).toFixed(1)} ms of processor time each` });
  expect(failures.map(({ text }) => text)).toEqual([]);
  expect(seeds).toBe(2_000);
});

describe("many seeds", () => {
  const folder = mkdtempSync(join(tmpdir(), "tightbeam-many-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  /** A worker that does this with each seed. */
  const pretending = (name: string, seed: string): string => {
    const file = join(folder, `${name}.mjs`);
    const text = `const { from, to } = JSON.parse(process.argv[2]);
const say = (said) => new Promise((resolve) => process.send(said, resolve));
for (let seed = from; seed < to; seed++) { ${seed}; await say({ type: "done", next: seed + 1, seeds: 1, cpuMs: 1, rss: 1 }); }
process.disconnect();`;
    writeFileSync(file, text);
    return file;
  };

  it("are shared out, each once, and a process makes room for another one after its share", async () => {
    const log = join(folder, "log");
    const note = `(await import("node:fs")).appendFileSync(${JSON.stringify(log)}, process.pid + " " + seed + "\\n")`;
    const { seeds, failures } = await runMany({ worker: pretending("fine", note), from: 7, count: 25, processes: 2, share: 5 });
    const lines = readFileSync(log, "utf8").trim().split("\n");
    expect([seeds, failures]).toEqual([25, []]);
    expect(lines.map((line) => Number(line.split(" ")[1])).sort((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, index) => index + 7));
    expect(new Set(lines.map((line) => line.split(" ")[0])).size).toBe(5);
  });

  it("go on after one that fails, ends its process or is silent, and stop after so many of those", async () => {
    const told: number[] = [];
    const worker = pretending(
      "bad",
      `if (seed === 2) await say({ type: "failed", next: 3, seed: 2, text: "two" }); if (seed === 4) process.kill(process.pid, "SIGKILL"); if (seed === 6) await new Promise(() => setInterval(() => 0, 1e6))`,
    );
    const options = { worker, from: 0, count: 9, processes: 1, silenceMs: 3_000 };
    const { seeds, failures } = await runMany({ ...options, onFailed: ({ seed }) => void told.push(seed) });
    expect(failures.map(({ seed, text }) => [seed, /two|SIGKILL|nothing was heard/.exec(text)?.[0]])).toEqual([
      [2, "two"],
      [4, "SIGKILL"],
      [6, "nothing was heard"],
    ]);
    expect([seeds, told]).toEqual([7, [2, 4, 6]]);
    expect((await runMany({ ...options, failuresMax: 1 })).failures.map(({ seed }) => seed)).toEqual([2]);
  });
});

it("reads what to simulate", () => {
  expect(readArguments(["--seeds", "100", "--from", "7"])).toEqual({ from: 7, count: 100 });
  expect(readArguments(["--seeds", "100", "--processes", "2", "--failures", "9"])).toEqual({ from: 0, count: 100, processes: 2, failuresMax: 9 });
  expect(readArguments(["--seeds", "100", "--processes", "0"])).toBeUndefined();
  expect(readArguments(["--seed", "3"])).toEqual({ seed: 3, faults: undefined });
  expect(readArguments(["--seed", "3", "--faults", "0,4"])).toEqual({ seed: 3, faults: [0, 4] });
  expect(readArguments(["--seed", "3", "--faults", "none"])).toEqual({ seed: 3, faults: [] });
  for (const wrong of [[], ["--seed", "x"], ["--seed", "1", "--seeds", "2"], ["--seed", "1", "--faults", "a"], ["--seed", "99999999999"]])
    expect(readArguments(wrong)).toBeUndefined();
});

it("runs one again with some of its faults, says so, and what it takes when it does not understand", async () => {
  const printed: string[] = [];
  const run = (...args: string[]) => main(args, { worker: "", print: (text) => void printed.push(text) });
  expect(await run("--seed", "1", "--faults", "0")).toBe(0);
  expect(printed.join("")).toMatch(/^Seed 1, with 1 of \d faults:\n {2}#0 .*\nEverything held\.\n$/);
  expect(await run("--sed", "74")).toBe(2);
  expect(await run()).toBe(2);
  expect(printed.at(-1)).toContain("npm run simulate -- --seeds 100000");
});
