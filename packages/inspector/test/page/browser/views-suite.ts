import { afterEach, expect, test } from "vitest";
import { createFakeFeed, type FakeFeed, type FakeOptions } from "../../fake-feed.js";
import { panel, type Stage, show, sideways, views, violations } from "./fixture.js";

/** What the page shows, and what is done on it. */
export function viewsSuite(on: () => Stage): void {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** A page that shows a network that is played. */
  async function played(options: FakeOptions = {}, size: { readonly width?: number; readonly height?: number } = {}) {
    const feed: FakeFeed = createFakeFeed({ agents: 5, rate: 20, seed: 7, ...options });
    closers.push(feed.stop);
    const server = await on().serve(feed, { allowActions: options.actions === true });
    closers.push(server.close);
    const opened = await on().open(server.url, size);
    closers.push(() => opened.page.close());
    await opened.page.getByText("live", { exact: true }).waitFor();
    return { ...opened, feed, server };
  }

  for (const width of [1_280, 390]) {
    test(`every view at ${width} px, light and dark: nothing for axe-core to say, no complaint, no scrolling sideways`, async () => {
      const { page, complaints } = await played({ actions: true, reveal: true }, { width });
      for (const view of views) {
        // Without motion: colours on their way from one to the other are neither.
        await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
        await show(page, view);
        if (view === "overview") await panel(page, "Links").locator("button.link").first().click();
        if (view === "messages") await page.locator("button.message-name").last().click();
        if (view === "traces") await panel(page, "Recent traces").locator("tbody a").first().click();
        if (view === "traces") await page.locator("table.waterfall").waitFor();
        expect([view, await violations(page)]).toEqual([view, []]);
        expect([view, await sideways(page)]).toEqual([view, 0]);
        // Colours are the same at every width.
        if (width < 1_280) continue;
        await page.emulateMedia({ colorScheme: "dark" });
        expect([view, await violations(page, ["color-contrast"])]).toEqual([view, []]);
      }
      expect(complaints).toEqual([]);
    }, 120_000);
  }

  test("names as long as they may be: on a phone nothing is cut off but with a sign, and nothing lies over another", async () => {
    const { page } = await played({ agents: 7, long: true, actions: true }, { width: 390 });
    for (const view of views) {
      await show(page, view);
      if (view === "overview") await panel(page, "Links").locator("button.link").first().click();
      if (view === "traces") await panel(page, "Recent traces").locator("tbody a").first().click();
      if (view === "traces") await page.locator("table.waterfall").waitFor();
      const beyond = await page.evaluate(() =>
        [...document.querySelectorAll("main *")]
          .filter((each) => each.closest(".sequence, .unseen, svg, thead") === null && each.getBoundingClientRect().right > innerWidth + 1)
          .map((each) => `${each.tagName}.${each.className}`),
      );
      expect([view, beyond]).toEqual([view, []]);
    }
    const [name = 0, row = 0] = await page.evaluate(() =>
      ["table.waterfall tbody th", "table.waterfall tbody tr"].map((selector, index) => {
        const box = document.querySelector(selector)?.getBoundingClientRect();
        return (index === 0 ? box?.width : box?.height) ?? 0;
      }),
    );
    expect(name).toBeGreaterThan(100);
    expect(row).toBeLessThan(400);
  });

  test("100 agents and 5,000 messages a second: few elements, each view comes, and what is not listed is counted", async () => {
    const { page, complaints } = await played({ agents: 100, rate: 5_000 });
    for (const view of views) {
      await show(page, view);
      await page.waitForTimeout(250);
      expect([view, await page.evaluate(() => document.querySelectorAll("*").length)]).toEqual([view, expect.toSatisfy((count: number) => count < 6_000)]);
      expect([view, await sideways(page)]).toEqual([view, 0]);
    }
    await page.getByText(/^[\d,]+ not listed$/).waitFor();
    expect(complaints).toEqual([]);
  });

  test("a message that is sent now is there within a second", async () => {
    const { page, feed } = await played();
    await show(page, "messages");
    const sent = performance.now();
    feed.send("only.this.once");
    await page.locator("tr.message", { hasText: "only.this.once" }).first().waitFor({ timeout: 5_000 });
    const ms = performance.now() - sent;
    expect(ms).toBeLessThan(1_000);
  });

  test("a dead letter is replayed with a click and a confirmation, and is gone from the list", async () => {
    const { page, feed, complaints } = await played({ actions: true, timer: false });
    await show(page, "dead-letters");
    const rows = panel(page, /^Letters at/).locator("tbody tr");
    await rows.first().waitFor();
    const before = await rows.count();
    await rows
      .first()
      .getByRole("button", { name: /^Replay/ })
      .click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(await rows.count()).toBe(before);
    await rows
      .first()
      .getByRole("button", { name: /^Replay/ })
      .click();
    expect(await violations(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Replay" }).click();
    await dialog.waitFor({ state: "detached" });
    await expect.poll(() => rows.count()).toBe(before - 1);
    expect(await page.getByRole("status").textContent()).toBe("1 letter replayed.");
    expect(feed.whole().agents.reduce((sum, { deadLetters }) => sum + (deadLetters?.count ?? 0), 0)).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
  });

  test("all letters that are shown are discarded after a confirmation", async () => {
    const { page } = await played({ actions: true, timer: false });
    await show(page, "dead-letters");
    await panel(page, /^Letters at/)
      .locator("tbody tr")
      .first()
      .waitFor();
    await page.getByRole("button", { name: "Discard all shown" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
    await page.getByText("No dead letters").waitFor();
  });

  test("a page that may only look has its actions switched off, and says how to switch them on", async () => {
    const { page, asked } = await played({ actions: false, timer: false });
    await show(page, "dead-letters");
    await panel(page, /^Letters at/)
      .locator("tbody tr")
      .first()
      .waitFor();
    const buttons = panel(page, /^Letters at/).getByRole("button", { name: /^(Replay|Discard)/ });
    expect(await buttons.evaluateAll((all) => all.every((one) => (one as HTMLButtonElement).disabled))).toBe(true);
    expect(await page.getByText("--allow-actions").count()).toBe(1);
    expect(await page.getByText("read-only").count()).toBe(1);
    expect(asked.filter((each) => each.startsWith("POST"))).toEqual([]);
  });

  test("a payload is asked for with a click only, and only where its owner reveals it (TM-244)", async () => {
    const hidden = await played({ reveal: false });
    await show(hidden.page, "messages");
    await hidden.page.locator("button.message-name").last().click();
    await hidden.page.getByText("The payload is hidden").waitFor();
    expect(await hidden.page.getByRole("button", { name: "Reveal payload" }).count()).toBe(0);
    const shown = await played({ reveal: true });
    await show(shown.page, "messages");
    await shown.page.locator("button.message-name").last().click();
    const reveal = shown.page.getByRole("button", { name: "Reveal payload" });
    await reveal.waitFor();
    expect(shown.asked.some((each) => each.includes("/api/payload"))).toBe(false);
    await reveal.click();
    await shown.page.getByText("the quick brown fox").waitFor();
    await shown.page.getByRole("button", { name: "Hide" }).click();
    expect(await shown.page.getByText("the quick brown fox").count()).toBe(0);
  });

  test("paused, no message is added, and what is there goes on; resumed, it follows the newest", async () => {
    const { page, feed } = await played({ timer: false });
    await show(page, "messages");
    await page.getByRole("button", { name: "Pause" }).click();
    const last = await page.locator("button.message-name").last().getAttribute("data-message");
    feed.send("later.on");
    feed.tick();
    feed.tick();
    await page.getByText("newer ones wait until you resume").waitFor();
    expect(await page.locator("button.message-name").last().getAttribute("data-message")).toBe(last);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.locator("tr.message", { hasText: "later.on" }).first().waitFor();
    await page.getByLabel("Method, topic or agent").fill("later.on");
    await expect.poll(() => page.locator("tr.message").count()).toBeLessThanOrEqual(10);
    await page.getByLabel("Method, topic or agent").fill("nothing is called this");
    await page.getByText("No message fits").waitFor();
  });

  test("the colours follow the machine until they are chosen, and stay chosen", async () => {
    const { page, complaints } = await played();
    await show(page, "performance");
    await page.locator(".plot canvas").first().waitFor();
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await page.emulateMedia({ colorScheme: "light" });
    const light = await ground();
    await page.emulateMedia({ colorScheme: "dark" });
    await expect.poll(ground).not.toBe(light);
    await page.getByText("Light", { exact: true }).click();
    expect(await ground()).toBe(light);
    await page.reload();
    await page.getByText("live", { exact: true }).waitFor();
    expect(await ground()).toBe(light);
    await page.getByText("Auto", { exact: true }).click();
    await expect.poll(ground).not.toBe(light);
    expect(complaints).toEqual([]);
  });
}
