// Takes the pictures of docs/images anew: each view of the inspector's page at two widths, of a network that is played, at a time that stands still.
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemRuntime } from "@tightbeam/core/runtime";
import { chromium } from "playwright";
import { startServer } from "../packages/inspector/src/server/server.js";
import { createFakeFeed } from "../packages/inspector/test/fake-feed.js";
import { readArguments } from "./arguments.mjs";
import { buildPage } from "./build-page.mjs";
import { ensureChromium } from "./chromium.mjs";

readArguments("Usage: npm run inspector:screenshots\n\nTakes the pictures of docs/images anew.");
const folder = fileURLToPath(new URL("../docs/images/", import.meta.url));
const views = ["overview", "messages", "performance", "queues", "dead-letters", "security", "traces"];
const sizes = [
  { width: 1280, height: 800, colorScheme: "light" },
  { width: 390, height: 844, colorScheme: "light" },
];
/** So that both schemes are seen: these views are dark at their width. */
const dark = ["messages-1280", "overview-390", "performance-1280"];
const start = Date.UTC(2026, 2, 14, 9, 30);
const ticks = 240;
const largest = 150_000;

const { path, reason, install } = ensureChromium();
if (path === undefined) throw new Error(`${reason}; ${install}`);
await buildPage();
mkdirSync(folder, { recursive: true });
for (const name of readdirSync(folder)) if (/^inspector-.*\.png$/.test(name)) rmSync(join(folder, name));

const feed = createFakeFeed({ agents: 7, rate: 24, seed: 48, actions: true, reveal: true, start, timer: false });
for (let tick = 0; tick < ticks; tick += 1) feed.tick();
const server = await startServer({ feed, runtime: systemRuntime(), allowActions: true });
const browser = await chromium.launch({ executablePath: path, args: ["--no-sandbox"], env: { ...process.env, TZ: "UTC" } });

/** What is chosen in a view, so that its details are seen. */
const choose = {
  async overview(page) {
    await page.locator("svg.graph g.edge-up").nth(2).dispatchEvent("click");
  },
  async messages(page) {
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator("tr.message", { hasText: "answered" }).last().locator("button.message-name").click();
  },
  async traces(page) {
    await page.locator("tr", { hasText: "succeeded" }).nth(2).locator("a").click();
    await page.locator("table.waterfall").waitFor();
  },
};

try {
  for (const { width, height, colorScheme } of sizes) {
    for (const view of views) {
      const name = `${view}-${width}`;
      const page = await browser.newPage({ viewport: { width, height }, colorScheme: dark.includes(name) ? "dark" : colorScheme, reducedMotion: "reduce" });
      await page.clock.setFixedTime(feed.whole().at + 1_000);
      await page.goto(server.url);
      await page.getByText("live", { exact: true }).waitFor();
      await page.evaluate((hash) => {
        location.hash = hash;
      }, `#/${view}`);
      await page.waitForTimeout(700);
      await choose[view]?.(page);
      await page.waitForTimeout(500);
      await page.evaluate(() => {
        for (const box of document.querySelectorAll(".table-box")) box.scrollTop = 0;
        scrollTo(0, 0);
      });
      // Cards are high: what a phone shows after one more screen is enough to see how they look.
      const box = await page.evaluate(() => document.documentElement.scrollHeight);
      const clip = { x: 0, y: 0, width, height: width < 600 ? Math.min(box, 1_500) : height };
      await page.screenshot({ path: join(folder, `inspector-${name}.png`), fullPage: width < 600, clip });
      await page.close();
    }
  }
} finally {
  await browser.close();
  await server.close();
  feed.stop();
}
for (const name of readdirSync(folder).filter((each) => /^inspector-.*\.png$/.test(each))) {
  const { size } = statSync(join(folder, name));
  console.log(`${String(Math.round(size / 1_000)).padStart(5)} kB  docs/images/${name}`);
  if (size > largest) throw new Error(`${name} is larger than ${largest / 1_000} kB.`);
}
