import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { findChromium } from "./scripts/chromium.mjs";
import { browserTests } from "./scripts/suites.mjs";

/** As Node takes them: with `module`, too, packages give files that only bundlers read. */
const conditions = ["@tightbeam/source", "node", "import", "default"];
const browserConditions = ["@tightbeam/source", "browser", "import", "module", "default"];
const chromium = findChromium();

const sources = { resolve: { conditions }, ssr: { resolve: { conditions, externalConditions: conditions } } };
/** They judge the sources, the packed files, the inspector's page, thousands of simulated worlds and the example programs, which are the same on every runtime: the matrix leaves them out. */
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
];

/** They start no programs, which would end with their process: they share one per worker, and load the sources once. */
const shared = ["packages/{conformance,core,inspector,memory,simulation}/test/**/*.test.{ts,tsx}", "test/{abuse,docs,durable}/*.test.ts"];
/** Of those: they replace modules or globals, measure the heap, or start programs. */
const notShared = [
  "packages/conformance/test/docs.test.ts",
  "packages/core/test/identity/without-native.test.ts",
  "packages/core/test/noise/handshake.test.ts",
  "packages/core/test/opentelemetry/{docs,one-trace}.test.ts",
  "packages/core/test/release.test.ts",
  "packages/core/test/resilience/oracle.test.ts",
  "packages/core/test/runtime/system.test.ts",
  "packages/core/test/secure/late-responder.test.ts",
  "packages/inspector/test/feed/load.test.ts",
  "test/abuse/flood.test.ts",
  "test/abuse/sessions.test.ts",
];

/** Hooks bundle programs, start servers and close what a test left open, where a machine is slow as well. */
const timeouts = { testTimeout: 30_000, hookTimeout: 60_000 };

/** `maxConcurrency`: of the tests that say so, as many run beside each other; what they do is wait for frames that come again. */
const waiting = { ...timeouts, maxConcurrency: 12 };
const elsewhere = ["**/node_modules/**", "**/*.browser.test.{ts,tsx}", ...onceOnly];
const node = {
  ...sources,
  test: { name: "node", include: shared, exclude: [...elsewhere, ...notShared], isolate: false, ...waiting },
};
const alone = {
  ...sources,
  test: {
    name: "node-alone",
    include: [...notShared, "packages/!(conformance|core|inspector|memory|simulation)/test/**/*.test.{ts,tsx}", "test/**/*.test.ts"],
    exclude: [...elsewhere, "test/{docs,durable}/*.test.ts", "test/abuse/!(flood|sessions).test.ts"],
    ...waiting,
  },
};
const workspace = { ...sources, test: { name: "workspace", include: onceOnly, ...waiting } };

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
    maxWorkers: 2,
    projects: chromium && browserTests().length > 0 ? [node, alone, workspace, page] : [node, alone, workspace],
  },
});
