import { systemRuntime } from "@tightbeam/core/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFeed } from "../../../src/feed/create-feed.js";
import { localSource } from "../../../src/source/local.js";
import { createWorld, type World } from "../../world.js";
import { panel, type Stage, show } from "./fixture.js";

/** The page and real agents, with the feed between them. */
export function agentsSuite(on: () => Stage): void {
  const closers: (() => unknown)[] = [];
  let world: World;
  beforeEach(async () => {
    world = await createWorld();
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    await world.close();
  });

  async function opened({ actions = false, reveal }: { readonly actions?: boolean; readonly reveal?: true } = {}) {
    const runtime = systemRuntime();
    const alice = await world.join("alice", { deadLetters: {} });
    const bob = await world.join("bob");
    alice.handle("find", (text) => `found ${text as string}`);
    const sources = [alice, bob].map((agent) => localSource(agent, { actions, reveal, runtime }));
    const feed = createFeed({ sources, runtime, actions });
    closers.push(feed.close);
    const server = await on().serve(feed, { allowActions: actions });
    closers.push(server.close);
    await bob.link("alice");
    const { page, complaints } = await on().open(server.url);
    closers.push(() => page.close());
    const bodies: string[] = [];
    page.on("response", (response) => {
      if (response.url().includes("/api/") && !response.url().endsWith("/api/feed"))
        void response
          .text()
          .then((text) => bodies.push(text))
          .catch(() => undefined);
    });
    await page.getByText("live", { exact: true }).waitFor();
    return { page, complaints, alice, bob, bodies };
  }

  test("an agent sends, and the page shows it within a second: the request, its reply, its life, and nothing of what is in it", async () => {
    const { page, bob, complaints } = await opened();
    await show(page, "messages");
    await bob.request("alice", "find", "the first");
    await page.locator("tr.message", { hasText: "find" }).first().waitFor();
    const times: number[] = [];
    for (const method of ["one", "two", "three"]) {
      const from = performance.now();
      const asked = bob.request("alice", method, "a needle").catch(() => undefined);
      await page.locator("tr.message", { hasText: method }).first().waitFor({ timeout: 10_000 });
      times.push(performance.now() - from);
      await asked;
    }
    console.log(`an agent sends, the page shows it: ${times.map((ms) => `${ms.toFixed(0)} ms`).join(", ")}`);
    expect(Math.min(...times)).toBeLessThan(1_000);
    await page.locator("tr.message", { hasText: "request, bob → alice" }).first().locator("button").click();
    await page.locator(".details table").getByText("processed").waitFor();
    await page.locator(".pairing").getByText("reply").waitFor();
    await page.getByText("The payload is hidden").waitFor();
    expect(await page.locator("body").textContent()).not.toContain("needle");
    await show(page, "overview");
    await panel(page, "Links").getByText("alice").first().waitFor();
    await panel(page, "Links").locator("button.link").first().click();
    const details = page.locator(".details");
    await details.getByText("MLKEM768").first().waitFor();
    expect(await details.locator("code").first().textContent()).toMatch(/^[\w-]{43}$/);
    expect(complaints).toEqual([]);
  });

  test("a dead letter is replayed with a click, and its handler runs", async () => {
    const { page, alice, bob, complaints } = await opened({ actions: true });
    let ran = 0;
    let broken = true;
    alice.handle("job", () => {
      ran += 1;
      if (broken) throw new Error("not today");
    });
    await bob.notify("alice", "job", "the work", { confirm: "done" }).catch(() => undefined);
    await expect.poll(async () => (await alice.deadLetters.statistics()).count, { timeout: 10_000 }).toBe(1);
    await show(page, "dead-letters");
    const row = panel(page, "Letters at alice").locator("tbody tr");
    await row.getByText("job").waitFor();
    await row.getByText("handler failed").waitFor();
    await row.getByRole("button", { name: /^Replay/ }).click();
    const before = ran;
    await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
    await page.getByText("1 letter stayed:").waitFor();
    expect(ran).toBe(before + 1);
    await page.getByRole("button", { name: "Close" }).click();
    broken = false;
    await row.getByRole("button", { name: /^Replay/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
    await page.getByText("No dead letters").waitFor();
    expect([ran, (await alice.deadLetters.statistics()).count]).toEqual([before + 2, 0]);
    expect(complaints).toEqual([]);
  });

  test("a payload that its owner reveals is there after a click, and before that nowhere", async () => {
    const { page, bob, bodies } = await opened({ reveal: true });
    await show(page, "messages");
    await bob.request("alice", "find", "a needle");
    await page.locator("tr.message", { hasText: "request, bob → alice" }).first().locator("button").click();
    const reveal = page.getByRole("button", { name: "Reveal payload" });
    await reveal.waitFor();
    expect(bodies.join("")).not.toContain("needle");
    await reveal.click();
    await page.locator("pre", { hasText: "a needle" }).waitFor();
  });
}
