import { createTracer, createTraceStore } from "@tightbeam/core/observability";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ensurePage } from "../../../scripts/build-page.mjs";
import { agentKey } from "../src/feed/keys.js";
import type { LettersPage } from "../src/feed/requests.js";
import type { FeedBatch, MessageView } from "../src/feed/types.js";
import { type InspectOptions, type Inspector, inspect } from "../src/inspect.js";
import { act, createWorld, get, read, type World } from "./world.js";

const messagesOf = (batches: readonly FeedBatch[]): MessageView[] => [
  ...new Map(batches.flatMap(({ messages }) => messages).map((message) => [message.key, message])).values(),
];

describe("inspect", () => {
  let world: World;
  const inspectors: Inspector[] = [];
  const show = async (...[agents, options]: Parameters<typeof inspect>): Promise<Inspector> => {
    const inspector = await inspect(agents, options);
    inspectors.push(inspector);
    return inspector;
  };
  beforeAll(() => ensurePage());
  beforeEach(async () => {
    world = await createWorld();
  });
  afterEach(async () => {
    await Promise.all(inspectors.splice(0).map((inspector) => inspector.close()));
    await world.close();
  });

  it("serves the page, and shows in it what agents do", async () => {
    const alice = await world.join("alice");
    const bob = await world.join("bob");
    alice.handle("find", (text) => `found ${text as string}`);
    const inspector = await show([alice, bob]);
    const opened = await fetch(inspector.url);
    expect(opened.status).toBe(200);
    const html = await opened.text();
    expect(html).toContain('<script type="module" src="/main.js">');
    for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) expect((await fetch(new URL(path as string, inspector.url))).status, path).toBe(200);

    const page = await read(inspector);
    await page.until((batches) => batches.length > 0);
    expect(await bob.request("alice", "find", "a needle")).toBe("found a needle");
    await page.until((batches) =>
      messagesOf(batches).some(
        ({ type, stages }) => type === "request" && stages.some(({ what }) => what === "answered") && stages.some(({ what }) => what === "processed"),
      ),
    );
    const request = messagesOf(page.batches).find(({ type }) => type === "request") as MessageView;
    expect(request).toMatchObject({ from: agentKey(bob), to: agentKey(alice), name: "find", priority: "normal" });
    expect(request.stages.filter(({ by }) => by === "sender").map(({ what }) => what)).toEqual(["queued", "sealed", "sent", "acknowledged", "answered"]);
    expect(request.stages.filter(({ by }) => by === "receiver").map(({ what }) => what)).toEqual(["delivered", "processed"]);
    expect(request.answered).toBeGreaterThan(0);
    await page.until((batches) => messagesOf(batches).some(({ type, correlationId }) => type === "response" && correlationId === request.id));
    await page.until((batches) => batches.some(({ links }) => links.length > 0));
    const links = page.batches.flatMap((batch) => batch.links);
    expect(links[0]).toMatchObject({ state: "up", suite: { id: 0x0101 }, thumbprint: expect.stringMatching(/^[\w-]{43}$/), issuer: "https://auth.example" });
    await page.until((batches) => batches.some(({ points }) => points.some(({ agent, sent, latency }) => agent === "" && sent > 0 && latency !== undefined)));
    expect(JSON.stringify(page.batches)).not.toContain("needle");
    await page.leave();
  });

  it("lists dead letters, replays them and throws them away", async () => {
    const alice = await world.join("alice", { deadLetters: {} });
    const bob = await world.join("bob");
    let broken = true;
    const handled: unknown[] = [];
    alice.handle("note", (text) => {
      if (broken) throw new Error("out of paper");
      handled.push(text);
    });
    const inspector = await show(alice, { allowActions: true, reveal: true });
    const page = await read(inspector);
    const key = agentKey(alice);
    for (const text of ["first", "second"]) await bob.notify("alice", "note", text, { confirm: "done" }).catch(() => undefined);
    await page.until((batches) => batches.some(({ agents }) => agents.some((agent) => agent.key === key && agent.deadLetters?.count === 2)));
    const { letters } = (await get(inspector, "letters", { agent: key })).body as LettersPage;
    expect(letters.map(({ method, reason, peer }) => [method, reason, peer])).toEqual([
      ["note", "handler_failed", "bob"],
      ["note", "handler_failed", "bob"],
    ]);
    const [newest, oldest] = letters.map(({ id }) => id) as [string, string];
    expect((await get(inspector, "contents", { agent: key, id: newest })).body).toMatchObject({ form: "json", text: '"second"' });
    expect((await act(inspector, "replay", { agent: key, id: newest })).body).toMatchObject({ replayed: false, error: { code: "handler_failed" } });
    broken = false;
    expect((await act(inspector, "replay", { agent: key, id: newest })).body).toEqual({ replayed: true });
    expect(handled).toEqual(["second"]);
    expect((await act(inspector, "discard", { agent: key, id: oldest })).body).toEqual({ discarded: 1 });
    await page.until((batches) => batches.at(-1)?.agents.some((agent) => agent.key === key && agent.deadLetters?.count === 0) === true);
    expect((await get(inspector, "letter", { agent: key, id: oldest })).status).toBe(404);
    await page.leave();
  });

  it("takes traces from a trace store, and from messages without one", async () => {
    const tracer = createTracer();
    const alice = await world.join("alice", { tracer });
    const bob = await world.join("bob", { tracer });
    const carol = await world.join("carol", { tracer });
    carol.handle("third", () => 3);
    bob.handle("second", (_, context) => bob.request("carol", "third", undefined, context.trace === undefined ? {} : { trace: context.trace }));
    const traces = await createTraceStore();
    for (const agent of [alice, bob, carol]) traces.watch(agent);
    const stored = await show([alice, bob, carol], { traces });
    const remembered = await show([alice, bob, carol]);
    const pages = await Promise.all([read(stored), read(remembered)]);
    await Promise.all(pages.map((page) => page.until((batches) => batches.length > 0)));
    expect(await alice.request("bob", "second")).toBe(3);
    for (const inspector of [stored, remembered]) {
      type Span = { readonly name: string; readonly side: string; readonly id: string; readonly parent?: string };
      let spans: readonly Span[] = [];
      const ask = async (): Promise<number> => {
        const { traces: found } = (await get(inspector, "traces", {})).body as { traces: { id: string }[] };
        if (found.length === 1) spans = ((await get(inspector, "trace", { id: found[0]?.id ?? "" })).body as { spans: Span[] }).spans;
        return spans.length;
      };
      await expect.poll(ask, { timeout: 10_000 }).toBe(4);
      expect(new Set(spans.map(({ name, side }) => `${name} ${side}`))).toEqual(
        new Set(["second receiver", "second sender", "third receiver", "third sender"]),
      );
      const find = (name: string, side: string) => spans.find((span) => span.name === name && span.side === side);
      expect(find("second", "receiver")?.parent).toBe(find("second", "sender")?.id);
      expect(find("third", "sender")?.parent).toBe(find("second", "receiver")?.id);
      expect(find("third", "receiver")?.parent).toBe(find("third", "sender")?.id);
    }
    await Promise.all(pages.map((page) => page.leave()));
    await traces.close();
  });

  it("goes on when an agent closes, and ends without the agents", async () => {
    const alice = await world.join("alice");
    const bob = await world.join("bob");
    const inspector = await show([alice, bob]);
    const page = await read(inspector);
    await page.until((batches) => batches.length > 0);
    await alice.close();
    await page.until((batches) => batches.some(({ agents }) => agents.some(({ key, state }) => key === agentKey(alice) && state === "closed")));
    expect((await get(inspector, "letters", { agent: agentKey(alice) })).status).toBeGreaterThanOrEqual(400);
    await Promise.all([inspector.close(), inspector.close()]);
    expect(bob.telemetry.listened).toBe(false);
    await expect(fetch(inspector.url)).rejects.toThrow();
    expect(bob.status().transport).toBe("up");
  });

  it("says what is wrong with its arguments", async () => {
    const alice = await world.join("alice");
    for (const [agents, options] of [
      [[], {}],
      [undefined, {}],
      [[alice, {}], {}],
      [[alice, alice], {}],
      [alice, { tokens: 1 }],
      [alice, { host: "0.0.0.0" }],
      [alice, { port: 70_000 }],
      [alice, { reveal: "yes" }],
      [alice, { allowActions: "yes" }],
    ] as unknown as [typeof alice, InspectOptions][])
      await expect(inspect(agents, options), JSON.stringify(options)).rejects.toMatchObject({ code: "invalid_argument" });
    expect(alice.telemetry.listened).toBe(false);
  });
});
