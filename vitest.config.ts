import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { findChromium } from "./scripts/chromium.mjs";
import { LongestFirst } from "./scripts/longest-first.js";
import { browserTests } from "./scripts/suites.mjs";

/** As Node takes them: with `module`, too, packages give files that only bundlers read. */
const conditions = ["@tightbeam/source", "node", "import", "default"];
const browserConditions = ["@tightbeam/source", "browser", "import", "module", "default"];
const chromium = findChromium();

const sources = { resolve: { conditions }, ssr: { resolve: { conditions, externalConditions: conditions } } };
/** They judge the sources, the packed files, the inspector's page, the example programs, and what happens in virtual time, which are the same on every runtime: the matrix leaves them out. */
const onceOnly = [
  "test/repository.test.ts",
  "test/scripts.test.ts",
  "test/repository/*.test.ts",
  "test/packing.test.ts",
  "packages/inspector/test/live.test.ts",
  "packages/inspector/test/page/browser/*.test.ts",
  "test/simulation/*.test.ts",
  "test/demo.test.ts",
  "test/examples.test.ts",
  "test/replicas/example.test.ts",
  "test/agents/virtual.test.ts",
  "test/replicas/virtual.test.ts",
  "packages/core/test/link/conversation.test.ts",
  "packages/core/test/identity/day.test.ts",
];

/** Hooks bundle programs, start servers and close what a test left open, where a machine is slow as well. */
const timeouts = { testTimeout: 30_000, hookTimeout: 60_000 };

/** `maxConcurrency`: of the tests that say so, as many run beside each other; what they do is wait for frames that come again. */
const waiting = { ...timeouts, maxConcurrency: 12 };
const node = {
  ...sources,
  test: {
    name: "node",
    include: ["packages/*/test/**/*.test.{ts,tsx}", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/*.browser.test.{ts,tsx}", ...onceOnly],
    ...waiting,
  },
};
const seeds = "test/simulation/seeds.test.ts";
const workspace = { ...sources, test: { name: "workspace", include: onceOnly, exclude: ["**/node_modules/**", seeds], ...waiting } };
/** After all others: thousands of simulated worlds take every processor there is, and their time is told. */
const simulation = { ...sources, test: { name: "simulation", include: [seeds], ...timeouts, sequence: { groupOrder: 1 } } };

/** Suites named `*.browser.test.ts` run in a real page; without a chromium `npm test` lists them as skipped. */
const page = {
  resolve: { conditions: browserConditions },
  test: {
    name: "chromium",
    include: ["packages/*/test/**/*.browser.test.{ts,tsx}"],
    ...timeouts,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath: chromium ?? "", args: ["--no-sandbox"] } }),
      instances: [{ browser: "chromium" as const }],
    },
  },
};

export default defineConfig({
  test: {
    // Of the time of a suite with processes, servers and pages a third is waiting.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: chromium && browserTests().length > 0 ? [node, workspace, simulation, page] : [node, workspace, simulation],
  },
});
