import { afterEach, expect, test } from "vitest";
import type { Feed } from "../../../src/feed/feed.js";
import type { FeedBatch } from "../../../src/feed/types.js";
import { createFakeFeed } from "../../fake-feed.js";
import { raw } from "../../server/request.js";
import { panel, type Stage, show, sideways, views } from "./fixture.js";

/** Whom the page trusts, and who trusts it. */
export function trustSuite(on: () => Stage): void {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  async function served(feed: Feed = createFakeFeed({ timer: false }), port = 0) {
    const server = await on().serve(feed, { port });
    closers.push(server.close);
    return server;
  }
  async function open(url: string) {
    const opened = await on().open(url);
    closers.push(() => opened.page.close());
    return opened;
  }

  test("the token leaves the address at once, is never in a request's address, and lasts for a reload of this tab (TM-242)", async () => {
    const { url, token } = await served();
    const { page, asked } = await open(url);
    await page.getByText("live", { exact: true }).waitFor();
    expect(page.url()).not.toContain(token);
    expect(await page.evaluate(() => history.length)).toBeLessThanOrEqual(10);
    await page.reload();
    await page.getByText("live", { exact: true }).waitFor();
    for (const view of views) await show(page, view);
    expect(asked.filter((each) => each.includes(token) && !each.includes("#"))).toEqual([]);
    expect(new Set(asked.map((each) => new URL(each.split(" ")[1] ?? "").origin))).toEqual(new Set([new URL(url).origin]));
    const other = await open(new URL(url).origin);
    await other.page.getByText("This page has no valid token").waitFor();
  });

  test.each([
    ["no token", ""],
    ["a wrong one", `#token=${"0".repeat(64)}`],
    ["what is no token", "#token=abc"],
  ])("%s: a page that says what to do, and no data", async (_name, fragment) => {
    const { url } = await served();
    const { page } = await open(`${new URL(url).origin}/${fragment}`);
    await page.getByText("This page has no valid token").waitFor();
    await page.getByText("Open it as it is, with everything behind the #").waitFor();
    expect(await page.locator("svg.graph, table").count()).toBe(0);
  });

  test("another Host is refused with words that say what to do; so is a page of another Origin", async () => {
    const { url, token } = await served();
    const { port } = new URL(url);
    const foreign = await raw(Number(port), `GET / HTTP/1.1\r\nHost: evil.example:${port}\r\nConnection: close\r\n\r\n`);
    expect([foreign.status, foreign.body]).toEqual([421, expect.stringContaining("open the address that it printed")]);
    const refused = await fetch(`http://127.0.0.1:${port}/api/traces`, { headers: { "x-tightbeam-inspector": token, origin: "http://evil.example" } });
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { message: expect.stringContaining("Only the inspector's own page") } }]);
    const { page } = await open(url);
    const elsewhere = await on().serve(createFakeFeed({ timer: false }));
    closers.push(elsewhere.close);
    await page.goto(elsewhere.url);
    await page.getByText("live", { exact: true }).waitFor();
    const outcome = await page.evaluate(
      ([to, secret]) =>
        fetch(`${to}/api/traces`, { headers: { "x-tightbeam-inspector": secret ?? "" } }).then(
          ({ status }) => status,
          ({ message }: Error) => message,
        ),
      [new URL(url).origin, token] as const,
    );
    expect(outcome).toBe("Failed to fetch");
  });

  test("an inspector that ends is said, that comes back under another token too, and what to do", async () => {
    const first = await served();
    const { port } = new URL(first.url);
    const { page } = await open(first.url);
    await page.getByText("live", { exact: true }).waitFor();
    await first.close();
    await page.getByText("The connection was lost at").waitFor();
    await page.getByText("What you see is from before.").waitFor();
    const second = await served(createFakeFeed({ timer: false }), Number(port));
    await page.getByText("This page has no valid token").waitFor({ timeout: 20_000 });
    await page.goto(second.url);
    await page.getByText("live", { exact: true }).waitFor();
  });

  test("names, ids, causes and payloads are text, whatever is in them: no markup, no script, no address, no style (TM-240)", async () => {
    const hostile = `"><img src=x onerror=alert(1)><script>alert(2)</script><style>*{display:none}</style><a href="javascript:alert(3)">x</a>\u202Egpj.exe`;
    const feed = createFakeFeed({ agents: 5, seed: 7, timer: false, actions: true, reveal: true });
    const dirty = <T>(value: T): T =>
      JSON.parse(
        JSON.stringify(value)
          .replaceAll("planner", JSON.stringify(hostile).slice(1, -1))
          .replaceAll(/search|summarize|index\.add|the quick brown fox|The handler failed|forbidden/g, JSON.stringify(hostile).slice(1, -1)),
      ) as T;
    const clean = (key: string): string => key.replaceAll(hostile, "planner");
    const played: Feed = {
      whole: (): FeedBatch => dirty(feed.whole()),
      subscribe: (listener) => feed.subscribe((batch) => listener(dirty(batch))),
      ask: async (name, fields) =>
        dirty(
          await feed.ask(
            name,
            JSON.parse(JSON.stringify(fields), (_key, value: unknown) => (typeof value === "string" ? clean(value) : value)) as typeof fields,
          ),
        ),
    };
    const { url } = await served(played);
    const { page, complaints, asked } = await open(url);
    await page.getByText("live", { exact: true }).waitFor();
    for (const view of views) {
      await show(page, view);
      if (view === "overview") await panel(page, "Links").locator("button.link").first().click();
      if (view === "messages") {
        await page.locator("tr.message button", { hasText: "<script>" }).last().click();
        await page.getByRole("button", { name: "Reveal payload" }).click();
        await page.locator("pre").waitFor();
      }
      if (view === "dead-letters") {
        await panel(page, /^Letters at/)
          .locator("tbody button.link")
          .first()
          .click();
        await page.getByRole("dialog").getByText("<script>").first().waitFor();
        await page.keyboard.press("Escape");
      }
      if (view === "traces") {
        await panel(page, "Recent traces").locator("tbody a", { hasText: "<script>" }).first().click();
        await page.locator("table.waterfall").waitFor();
      }
      const found = await page.evaluate(() => ({
        made: document.querySelectorAll("img, iframe, object, body style, body script, a[href^='javascript']").length,
        inline: document.querySelectorAll("[onerror], [onclick], [onload]").length,
        turned: document.querySelector("main")?.textContent?.includes("\u202E") === true && document.querySelector("pre") === null,
      }));
      expect([view, found]).toEqual([view, { made: 0, inline: 0, turned: false }]);
      expect([view, await sideways(page)]).toEqual([view, 0]);
    }
    expect(complaints).toEqual([]);
    expect(new Set(asked.map((each) => new URL(each.split(" ")[1] ?? "").origin))).toEqual(new Set([new URL(url).origin]));
  });
}
