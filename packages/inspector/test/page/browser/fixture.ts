import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { systemRuntime } from "@tightbeam/core/runtime";
import axe from "axe-core";
import type { Page } from "playwright";
import { buildPage } from "../../../../../scripts/build-page.mjs";
import { launchChromium } from "../../../../../test/browser/chromium.js";
import type { Feed } from "../../../src/feed/feed.js";
import { loadPage } from "../../../src/server/page-files.js";
import { type InspectorServerOptions, startServer } from "../../../src/server/server.js";

export const views = ["overview", "messages", "performance", "queues", "dead-letters", "security", "traces"] as const;

/** A chromium and the page as its sources are now, built beside the build. */
export async function createStage() {
  const folder = await mkdtemp(join(tmpdir(), "tightbeam-page-"));
  await buildPage(folder);
  const files = await loadPage(pathToFileURL(`${folder}/`));
  const browser = await launchChromium();
  return {
    serve: (feed: Feed, options: Partial<InspectorServerOptions> = {}) => startServer({ feed, runtime: systemRuntime(), page: files, ...options }),
    /** An open page, with everything it and its policy complain about, and every address it asked. */
    async open(url: string, { width = 1_280, height = 800 } = {}) {
      const page = await browser.context.newPage();
      // Below the limit of a test, so that what did not come is named.
      page.setDefaultTimeout(12_000);
      await page.setViewportSize({ width, height });
      const complaints: string[] = [];
      const asked: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.stack ?? error.message));
      page.on("request", (request) => asked.push(`${request.method()} ${request.url()}`));
      page.on("dialog", (dialog) => {
        complaints.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      await page.addInitScript(() => {
        addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
      });
      await page.goto(url);
      return { page, complaints, asked };
    },
    async close() {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Stage = Awaited<ReturnType<typeof createStage>>;

/** Goes to a view as its link does, and waits for its heading. */
export async function show(page: Page, view: (typeof views)[number]): Promise<void> {
  await page.evaluate((name) => {
    location.hash = `#/${name}`;
  }, view);
  await page.locator("main h1").waitFor();
  await page.waitForFunction((name) => document.querySelector("nav a[aria-current=page]")?.getAttribute("href") === `#/${name}`, view);
}

/** A part of a view, by its heading. */
export const panel = (page: Page, title: string | RegExp) => page.locator(".panel", { has: page.getByRole("heading", { level: 2, name: title }) });

/** What axe-core finds, each as one line. `only`: these of its rules. */
export async function violations(page: Page, only?: readonly string[]): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source);
  return page.evaluate(async (rules) => {
    const { axe: checker } = globalThis as unknown as {
      readonly axe: { run(options: object): Promise<{ violations: { id: string; nodes: { target: unknown[]; failureSummary?: string }[] }[] }> };
    };
    const found = await checker.run({ resultTypes: ["violations"], ...(rules === undefined ? {} : { runOnly: rules }) });
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map(({ target, failureSummary }) => `${id} at ${target.join(" ")}: ${failureSummary}`),
    );
  }, only);
}

/** How far the page can be scrolled sideways, px. */
export const sideways = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
