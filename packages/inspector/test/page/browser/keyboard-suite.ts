import type { Page } from "playwright";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { InspectorServer } from "../../../src/server/server.js";
import { createFakeFeed } from "../../fake-feed.js";
import { panel, type Stage, show, views } from "./fixture.js";

/** The page as somebody uses it who has no pointer. */
export function keyboardSuite(on: () => Stage): void {
  const feed = createFakeFeed({ agents: 5, rate: 20, seed: 7, actions: true, timer: false });
  let server: InspectorServer;
  const pages: Page[] = [];
  beforeAll(async () => {
    server = await on().serve(feed, { allowActions: true });
  });
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.close();
  });
  afterAll(() => server?.close());
  async function open(size: { readonly width?: number; readonly height?: number } = {}) {
    const { page } = await on().open(server.url, size);
    pages.push(page);
    await page.getByText("live", { exact: true }).waitFor();
    return page;
  }

  const focused = (page: Page) =>
    page.evaluate(() => {
      const element = document.activeElement as HTMLElement;
      return {
        text: (element.getAttribute("aria-label") ?? element.textContent ?? "").trim(),
        tag: element.tagName.toLowerCase(),
        ring: getComputedStyle(element).outlineStyle !== "none" || element.closest("svg, label, main, body:focus") !== null || element === document.body,
      };
    });

  test("every view is reached by Tab and Enter, its heading changes, and the focus moves into it", async () => {
    const page = await open();
    const headings = new Set<string>();
    for (const [index] of views.entries()) {
      // The whole way from the top, as somebody would go who does not know the page.
      await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      await page.evaluate(() => document.body.focus());
      let current = await focused(page);
      for (let step = 0; step < 30; step += 1) {
        await page.keyboard.press("Tab");
        current = await focused(page);
        expect(current.ring).toBe(true);
        const at = await page.evaluate(() => [...document.querySelectorAll("nav a")].indexOf(document.activeElement as Element));
        if (at === index) break;
      }
      await page.keyboard.press("Enter");
      await page.waitForFunction((place) => [...document.querySelectorAll("nav a")][place]?.getAttribute("aria-current") === "page", index);
      headings.add((await page.locator("h1").textContent()) ?? "");
      if (index > 0) await expect.poll(async () => (await focused(page)).tag).toBe("main");
    }
    expect(headings.size).toBe(views.length);
  });

  test("the first stop skips to the view", async () => {
    const page = await open();
    await page.keyboard.press("Tab");
    expect((await focused(page)).text).toBe("Skip to the view");
    await page.keyboard.press("Enter");
    expect((await focused(page)).tag).toBe("main");
  });

  test("the graph is one stop; arrows go through agents and links, and the details follow", async () => {
    const page = await open();
    const items = page.locator("svg.graph g[role=button]");
    await items.first().waitFor();
    expect(await page.locator("svg.graph g[role=button][tabindex='0']").count()).toBe(1);
    await page.locator("svg.graph g[role=button][tabindex='0']").focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("End");
    expect((await focused(page)).text).toMatch(/^Link .+: (up|suspect)/);
    await page.locator(".details h3").first().waitFor();
    for (const name of ["Transport", "Suite", "Round trip", "Keys", "Queue", "In flight", "Credit", "Breakers"])
      expect(await page.locator(".details dt", { hasText: name }).first().isVisible()).toBe(true);
    await page.keyboard.press("ArrowRight");
    expect((await focused(page)).text).toMatch(/^Agent /);
    expect(await page.locator("svg.graph g[aria-pressed=true]").count()).toBe(1);
  });

  test("messages: one stop in the table, arrows go from row to row, far beyond what is drawn", async () => {
    const page = await open();
    await show(page, "messages");
    await page.locator("tr.message").first().waitFor();
    expect(await page.locator("button.message-name[tabindex='0']").count()).toBe(1);
    await page.locator("button.message-name[tabindex='0']").focus();
    await page.keyboard.press("Home");
    await expect.poll(() => page.locator("tr.message.chosen").getAttribute("aria-rowindex")).toBe("2");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await expect.poll(() => page.locator("tr.message.chosen").getAttribute("aria-rowindex")).toBe("4");
    expect((await focused(page)).tag).toBe("button");
    await page.locator("section[aria-label='Sequence of messages']").press("Tab");
  });

  test("a dialog takes the focus, keeps it, and gives it back with Escape", async () => {
    const page = await open();
    await show(page, "dead-letters");
    const replay = panel(page, /^Letters at/)
      .locator("tbody button:enabled", { hasText: "Replay" })
      .first();
    await replay.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    for (let step = 0; step < 6; step += 1) {
      expect(await page.evaluate(() => document.activeElement?.closest("dialog") !== null || document.activeElement === document.body)).toBe(true);
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect((await focused(page)).text).toMatch(/^Replay/);
  });

  test("at 390 px the views stand behind a button that says whether they are open", async () => {
    const page = await open({ width: 390, height: 844 });
    const menu = page.getByRole("button", { name: "Overview" });
    expect(await page.getByRole("link", { name: "Queues" }).isVisible()).toBe(false);
    await menu.focus();
    await page.keyboard.press("Enter");
    expect(await menu.getAttribute("aria-expanded")).toBe("true");
    await page.getByRole("link", { name: "Queues" }).click();
    await page.getByRole("heading", { name: "Queues, windows and credit" }).waitFor();
    expect(await page.getByRole("link", { name: "Queues" }).isVisible()).toBe(false);
  });
}
