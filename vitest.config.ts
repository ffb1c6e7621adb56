import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { findChromium } from "./scripts/chromium.mjs";
import { browserTests } from "./scripts/suites.mjs";

const conditions = ["@tightbeam/source", "node", "import", "module", "default"];
const browserConditions = ["@tightbeam/source", "browser", "import", "module", "default"];
const chromium = findChromium();

const node = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    name: "node",
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/*.browser.test.ts"],
    testTimeout: 30_000,
  },
};

/** Suites named `*.browser.test.ts` run in a real page; without a chromium `npm test` lists them as skipped. */
const page = {
  resolve: { conditions: browserConditions },
  test: {
    name: "chromium",
    include: ["packages/*/test/**/*.browser.test.ts"],
    testTimeout: 30_000,
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
    projects: chromium && browserTests().length > 0 ? [node, page] : [node],
  },
});
