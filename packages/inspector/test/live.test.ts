import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ensurePage } from "../../../scripts/build-page.mjs";
import { chromiumMissing, chromiumPath } from "../../../test/browser/chromium.js";
import { type Inspector, inspect } from "../src/inspect.js";
import { remoteSource } from "../src/remote/remote-source.js";
import { serveInspection } from "../src/remote/serve.js";
import { createStage, panel, type Stage, show } from "./page/browser/fixture.js";
import { createWorld, type World } from "./world.js";

if (chromiumPath === undefined) it("agents in the inspector's page, in chromium", (context) => context.skip(chromiumMissing));

const describePage = chromiumPath === undefined ? undefined : describe;

/** The page's own suites play a network: here are agents. */
describePage?.("agents in the inspector's page, in chromium", () => {
  let stage: Stage;
  let world: World;
  let inspector: Inspector | undefined;
  beforeAll(async () => {
    await ensurePage();
    stage = await createStage();
  }, 90_000);
  afterAll(() => stage?.close(), 30_000);
  beforeEach(async () => {
    world = await createWorld();
  });
  afterEach(async () => {
    await inspector?.close();
    await world.close();
  });

  it("shows what an agent sends within a second", async () => {
    const alice = await world.join("alice");
    const bob = await world.join("bob");
    alice.handle("find.needle", () => "found");
    inspector = await inspect([alice, bob]);
    const { page, complaints } = await stage.open(inspector.url);
    await page.getByText("live", { exact: true }).waitFor();
    await show(page, "messages");
    const sent = performance.now();
    await bob.request("alice", "find.needle", "a secret");
    await page.locator("tr.message", { hasText: "find.needle" }).first().waitFor({ timeout: 10_000 });
    expect(performance.now() - sent).toBeLessThan(1_000);
    await show(page, "overview");
    await panel(page, "Links").getByText("alice").first().waitFor();
    expect(await page.content()).not.toContain("a secret");
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("replays a dead letter with a click, also of an agent that is elsewhere", async () => {
    const alice = await world.join("alice", { deadLetters: {} });
    const bob = await world.join("bob");
    const ops = await world.join("ops");
    let broken = true;
    const handled: unknown[] = [];
    alice.handle("note", (text) => {
      if (broken) throw new Error("out of paper");
      handled.push(text);
    });
    await bob.notify("alice", "note", "first", { confirm: "done" }).catch(() => undefined);
    serveInspection(alice, { allow: ["ops"], actions: true });
    inspector = await inspect(remoteSource(ops, "alice"), { allowActions: true });
    broken = false;
    const { page, complaints } = await stage.open(inspector.url);
    await show(page, "dead-letters");
    const rows = panel(page, /^Letters at/).locator("tbody tr");
    await rows.first().waitFor();
    await rows
      .first()
      .getByRole("button", { name: /^Replay/ })
      .click();
    await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
    await expect.poll(() => handled, { timeout: 10_000 }).toEqual(["first"]);
    await expect.poll(() => rows.count(), { timeout: 10_000 }).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
