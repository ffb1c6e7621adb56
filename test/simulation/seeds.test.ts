import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { bundlePrograms } from "../../scripts/bundle.mjs";
import { main, readArguments } from "./main.js";
import { runMany } from "./many.js";

const worker = fileURLToPath(new URL("worker.ts", import.meta.url));

// Longer than 2,000 take: the machine may be busy with other suites. What they take alone is what the requirement bounds.
it("2,000 seeds hold", { timeout: 240_000 }, async ({ task }) => {
  const bundle = await bundlePrograms("simulation", { worker });
  const started = performance.now();
  const { seeds, cpuMs, failures } = await runMany({ worker: bundle("worker"), from: 0, count: 2_000, processes: 2 });
  const seconds = (performance.now() - started) / 1_000;
  Object.assign(task.meta, { measured: `2,000 seeds in ${seconds.toFixed(1)} s, ${(cpuMs / seeds).toFixed(1)} ms of processor time each` });
  expect(failures.map(({ text }) => text)).toEqual([]);
  expect(seeds).toBe(2_000);
});

it("reads what to simulate", () => {
  expect(readArguments(["--seeds", "100", "--from", "7"])).toEqual({ from: 7, count: 100, processes: undefined });
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
