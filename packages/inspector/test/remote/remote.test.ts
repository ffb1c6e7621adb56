import { type Agent, stream, TightbeamError } from "@tightbeam/core";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { agentKey } from "../../src/feed/keys.js";
import { type RemoteSourceOptions, remoteSource } from "../../src/remote/remote-source.js";
import { type ServeInspectionOptions, serveInspection } from "../../src/remote/serve.js";
import type { InspectionSource, SourceUpdate } from "../../src/source/types.js";
import { instanceOf } from "../fake-agent.js";
import { linkView } from "../link-view.js";
import { createWorld, type World } from "../world.js";

let world: World;
const sources: InspectionSource[] = [];
beforeEach(async () => {
  world = await createWorld();
});
afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  await world.close();
});

function look(agent: Agent, peer: Parameters<typeof remoteSource>[1], options?: RemoteSourceOptions): InspectionSource {
  const source = remoteSource(agent, peer, options);
  sources.push(source);
  source.look(1);
  return source;
}

/** What it tells from now on, until it holds. */
async function until(source: InspectionSource, holds: (updates: readonly SourceUpdate[]) => boolean, updates: SourceUpdate[] = []): Promise<SourceUpdate[]> {
  await expect
    .poll(
      () => {
        const update = source.take();
        if (update !== undefined) updates.push(update);
        return holds(updates);
      },
      { timeout: 20_000, interval: 50 },
    )
    .toBe(true);
  return updates;
}

const seen = (updates: readonly SourceUpdate[]): boolean => updates.some(({ agent }) => agent?.state === "up");

/** It says that the agent is out of reach, and not a word of it. */
function nothingOf(source: InspectionSource): boolean {
  const { agent, at: _at, dropped, ...lists } = source.take() ?? { dropped: -1, at: 0, agent: undefined };
  return (
    agent?.state === "unreachable" && Object.keys(agent).length === 5 && dropped === 0 && Object.values(lists).every((list) => (list as unknown[]).length === 0)
  );
}

/** The next failure of it. */
function failure(): { readonly onFailure: (error: unknown) => void; readonly next: Promise<unknown> } {
  let onFailure: (error: unknown) => void = () => undefined;
  const next = new Promise((resolve) => {
    onFailure = resolve;
  });
  return { onFailure: (error) => onFailure(error), next };
}

async function pair(options: Partial<ServeInspectionOptions> = {}) {
  const alice = await world.join("alice", { deadLetters: {} });
  const ops = await world.join("ops");
  const stop = serveInspection(alice, { allow: ["ops"], ...options });
  return { alice, ops, stop };
}

describe("an agent elsewhere", () => {
  it("is seen over Tightbeam as one of this process is", async () => {
    const { alice, ops } = await pair();
    const bob = await world.join("bob");
    alice.handle("find", () => "found");
    const source = look(ops, "alice");
    const updates = await until(source, seen);
    expect(source.key).toBe(agentKey(alice));
    expect(updates[0]?.agent).toMatchObject({ key: agentKey(alice), watched: "remote", actions: false, reveals: false });
    expect(await bob.request("alice", "find")).toBe("found");
    await until(
      source,
      (all) => all.some(({ messages }) => messages.some(({ name, stages }) => name === "find" && stages.some(({ what }) => what === "processed"))),
      updates,
    );
    await until(source, (all) => all.some(({ links }) => links.some(({ from, to }) => from === agentKey(alice) && to === agentKey(bob))), updates);
    await until(source, (all) => all.some(({ second }) => second !== undefined), updates);
    // How it is looked at is not what is looked at.
    expect(updates.flatMap(({ messages }) => messages).filter(({ name }) => name?.startsWith("inspection"))).toEqual([]);
  });

  it("[TM-236] lets only those look whom its owner names, by id or by a permission of their token", async () => {
    const alice = await world.join("alice");
    serveInspection(alice, { allow: ["ops", "inspect:alice"] });
    const by = await Promise.all([
      world.join("ops"),
      world.join("auditor", { permissions: ["inspect:*"] }),
      world.join("mallory", { permissions: ["inspect:bob", "ops"] }),
      world.join("realm/ops"),
    ]);
    const [ops, auditor, mallory, other] = by as [Agent, Agent, Agent, Agent];
    for (const allowed of [ops, auditor]) await until(look(allowed, "alice"), seen);
    for (const refused of [mallory, other]) {
      const { onFailure, next } = failure();
      const source = look(refused, "alice", { onFailure });
      expect(await next).toMatchObject({ code: "forbidden" });
      expect(nothingOf(source)).toBe(true);
      await expect(refused.request("alice", "inspection.ask", { name: "letters", fields: { agent: agentKey(alice) } })).rejects.toMatchObject({
        code: "forbidden",
      });
    }
    for (const allow of [undefined, [], "ops", [""], [7]])
      expect(() => serveInspection(alice, { allow } as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    await world.join("silent");
    const { onFailure, next } = failure();
    look(ops, "silent", { onFailure });
    expect(await next).toMatchObject({ code: "no_handler" });
  });

  it("says a reason once for as long as it stays", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    let error = new TightbeamError("no_answer", "Nobody answered within 3 ms.");
    const tries = vi.fn(() => Promise.reject(error));
    const told: unknown[] = [];
    const source = remoteSource({ link: tries } as never, "alice", { runtime, onFailure: (why) => told.push((why as TightbeamError).code) });
    await runtime.advance(100_000);
    error = new TightbeamError("forbidden", "No.");
    await runtime.advance(100_000);
    source.close();
    expect(tries.mock.calls.length).toBeGreaterThan(6);
    expect(told).toEqual(["no_answer", "forbidden"]);
  });

  it("[TM-236] looks no longer than the token of the link lets it", async () => {
    const alice = await world.join("alice");
    const ops = await world.join("ops", { permissions: ["inspect:alice"] });
    let renewed = false;
    // As when the token is renewed with less in it, which the link takes over.
    const links: Agent["links"] = (id) => (renewed ? alice.links(id).map((link) => ({ ...link, peer: { ...link.peer, permissions: [] } })) : alice.links(id));
    serveInspection({ ...alice, telemetry: alice.telemetry, deadLetters: alice.deadLetters, links } as Agent, { allow: ["inspect:alice"] });
    const { onFailure, next } = failure();
    await until(look(ops, "alice", { onFailure }), seen);
    renewed = true;
    expect(await next).toMatchObject({ code: "forbidden" });
    expect(alice.telemetry.listened).toBe(false);
  });

  it("[TM-236] answers about letters and payloads as far as its owner allows, and only while it is looked at", async () => {
    const { alice, ops } = await pair();
    const bob = await world.join("bob");
    alice.handle("note", () => {
      throw new Error("out of paper");
    });
    await bob.notify("alice", "note", "hello", { confirm: "done" }).catch(() => undefined);
    const agent = agentKey(alice);
    await expect(ops.request("alice", "inspection.ask", { name: "letters", fields: { agent } })).rejects.toMatchObject({ code: "unavailable" });
    const source = look(ops, "alice");
    await expect(source.ask("letters", { agent })).rejects.toMatchObject({ code: "unavailable" });
    await until(source, seen);
    const { letters } = await source.ask("letters", { agent });
    expect(letters).toMatchObject([{ method: "note", reason: "handler_failed", peer: "bob", agent }]);
    const id = letters[0]?.id ?? "";
    for (const name of ["contents", "replay", "discard"] as const) await expect(source.ask(name, { agent, id })).rejects.toMatchObject({ code: "denied" });
    await expect(ops.request("alice", "inspection.ask", { name: "close", fields: {} })).rejects.toMatchObject({ code: "invalid_input" });
    await expect(ops.request("alice", "inspection.ask", { name: "letters", fields: { agent, limit: 1e9 } })).rejects.toMatchObject({ code: "invalid_input" });
  });

  it("replays, discards and reveals where its owner allows it", async () => {
    const { alice, ops } = await pair({ actions: true, reveal: true });
    const bob = await world.join("bob");
    let broken = true;
    alice.handle("note", () => {
      if (broken) throw new Error("out of paper");
    });
    const source = look(ops, "alice");
    await until(source, seen);
    expect(source).toMatchObject({ actions: true, reveals: true });
    for (const text of ["one", "two"]) await bob.notify("alice", "note", text, { confirm: "done" }).catch(() => undefined);
    const agent = agentKey(alice);
    const { letters } = await source.ask("letters", { agent });
    const [two, one] = letters.map(({ id }) => id) as [string, string];
    expect((await source.ask("contents", { agent, id: one })).text).toBe('"one"');
    broken = false;
    expect(await source.ask("replay", { agent, id: two })).toEqual({ replayed: true });
    expect(await source.ask("discard", { agent, id: one })).toEqual({ discarded: 1 });
    await bob.request("alice", "note", { text: "three" });
    const updates = await until(source, (all) => all.some(({ messages }) => messages.some(({ type }) => type === "request")));
    const { id, direction } = updates.flatMap(({ messages }) => messages).find(({ type }) => type === "request") as {
      id: string;
      direction: "sent" | "received";
    };
    expect((await source.ask("payload", { id, direction, peer: "bob" })).text).toBe('{\n  "text": "three"\n}');
  });

  it("[TM-239] lets so many look at once; one that connects again takes its own place", async () => {
    const { alice, ops, stop } = await pair({ allow: ["ops", "second"], viewers: 1 });
    const second = await world.join("second");
    await until(look(ops, "alice"), seen);
    const { onFailure, next } = failure();
    look(second, "alice", { onFailure });
    expect(await next).toMatchObject({ code: "overloaded" });
    // The same viewer once more: the older of its streams ends.
    await until(look(ops, "alice"), seen);
    await expect.poll(() => alice.status().streams.served, { timeout: 10_000 }).toBeLessThanOrEqual(1);
    stop();
    await expect.poll(() => alice.telemetry.listened, { timeout: 10_000 }).toBe(false);
    expect(alice.handle("inspection.ask", () => 1)).toBeTypeOf("function");
  });

  it("[TM-239] keeps no more for a viewer that does not read than for one that does", async () => {
    const { alice, ops } = await pair();
    const bob = await world.join("bob");
    alice.handle("find", () => "found");
    // It opens the stream, asks for everything and reads nothing.
    const idle = ops.stream("alice", stream("inspection"), { version: 1 }, { window: 4_096 });
    await idle.write({ look: 1 });
    await expect.poll(() => alice.telemetry.listened, { timeout: 10_000 }).toBe(true);
    const before = alice.status().memory.used;
    for (let round = 0; round < 20; round += 1) await Promise.all(Array.from({ length: 100 }, () => bob.request("alice", "find")));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(alice.status().memory.used - before).toBeLessThan(1_000_000);
    let bytes = 0;
    for await (const update of idle) {
      bytes += JSON.stringify(update).length;
      if ((update as SourceUpdate).dropped > 0) break;
    }
    expect(bytes).toBeLessThan(1_000_000);
  });

  it("is tried again until it is there, and shown as out of reach while it is not", async () => {
    const ops = await world.join("ops");
    const { onFailure, next } = failure();
    const source = look(ops, "alice", { onFailure });
    expect(source.key).toBe("alice/");
    const alice = await world.join("alice");
    serveInspection(alice, { allow: ["ops"] });
    const updates = await until(source, seen);
    await alice.close();
    await until(source, (all) => all.some(({ agent }) => agent?.state === "unreachable"), updates);
    await next;
    const again = await world.join("alice");
    serveInspection(again, { allow: ["ops"] });
    const later = await until(source, seen);
    expect(source.key).toBe(agentKey(again));
    expect(later.at(-1)?.agent?.key).toBe(agentKey(again));
  });
});

describe("an agent elsewhere that lies", () => {
  const nothing: SourceUpdate = { at: 1, links: [], gone: [], messages: [], dropped: 0, breakers: [], security: [], events: [] };
  const key = (id: string): string => `${id}/${instanceOf("v")}`;
  const agentOf = (id: string) => ({ key: key(id), id, instance: instanceOf("v"), watched: "local", state: "up" }) as const;
  const link = linkView(key("victim"), key("bob"), { key: "x", edge: "x" });

  async function liar(says: unknown): Promise<{ mallory: Agent; ops: Agent }> {
    const mallory = await world.join("mallory");
    mallory.handle(stream("inspection"), async function* (_, { signal }) {
      yield says;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    });
    return { mallory, ops: await world.join("ops") };
  }

  it("[TM-237] speaks of itself alone, whatever names it gives", async () => {
    const { mallory, ops } = await liar({ ...nothing, agent: { ...agentOf("victim"), actions: true }, links: [link] });
    const source = look(ops, "mallory");
    const [update] = await until(source, seen);
    expect(source.key).toBe(agentKey(mallory));
    expect(update?.agent).toMatchObject({ key: agentKey(mallory), id: "mallory", instance: mallory.instance, watched: "remote" });
    expect(update?.links[0]).toMatchObject({ from: agentKey(mallory), to: key("bob"), key: `${agentKey(mallory)} ${key("bob")}` });
  });

  it.each([
    ["another form", { agents: [] }],
    ["unknown fields", { ...nothing, html: "<script>" }],
    ["too much text", { ...nothing, events: [{ at: 1, kind: "link", what: "x".repeat(1_000) }] }],
    ["too many entries", { ...nothing, events: Array.from({ length: 101 }, () => ({ at: 1, kind: "link", what: "up" })) }],
    ["a name that is none", { ...nothing, gone: ["<img src=x>"] }],
    ["a link to nobody", { ...nothing, links: [{ ...link, to: "bob" }] }],
    ["numbers that are none", { ...nothing, dropped: "many" }],
    ["numbers below nothing", { ...nothing, dropped: -1 }],
    ["numbers that sums of are none", { ...nothing, dropped: 1e300 }],
    ["a time that is no date", { ...nothing, events: [{ at: 1e300, kind: "link", what: "up" }] }],
    ["a message of another form", { ...nothing, messages: [{ id: "__proto__", direction: "sent" }] }],
  ])("[TM-237] is not heard any more when it says %s", async (_, says) => {
    const { ops } = await liar(says);
    const { onFailure, next } = failure();
    const source = look(ops, "mallory", { onFailure });
    expect(await next).toMatchObject({ code: "invalid_output" });
    await expect.poll(() => nothingOf(source), { timeout: 10_000 }).toBe(true);
  });

  it("[TM-237] is not believed when it answers with something else than was asked", async () => {
    const { mallory, ops } = await liar({ ...nothing, agent: agentOf("mallory") });
    const source = look(ops, "mallory");
    await until(source, seen);
    mallory.handle("inspection.ask", () => ({ letters: [{ html: "<script>" }] }));
    await expect(source.ask("letters", { agent: agentKey(mallory) })).rejects.toMatchObject({ code: "malformed" });
  });

  it("[TM-239] is not read for while nobody takes what it says", async () => {
    const mallory = await world.join("mallory");
    let said = 0;
    mallory.handle(stream("inspection"), async function* () {
      const events = Array.from({ length: 100 }, () => ({ at: 1, kind: "link", what: "up", detail: "x".repeat(200) }));
      for (; said < 100_000; said += 1) yield said === 0 ? { ...nothing, agent: agentOf("mallory") } : { ...nothing, events };
    });
    const ops = await world.join("ops");
    const source = look(ops, "mallory");
    await expect.poll(() => said, { timeout: 10_000 }).toBeGreaterThan(20);
    let before = -1;
    while (before !== said) {
      before = said;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    // Ten updates, and what fits the stream's window of 2 MiB.
    expect(said).toBeLessThan(200);
    expect(source.take()?.events.length).toBeLessThanOrEqual(1_000);
    // Taken again and again it goes on: room is granted to the other side a quarter of the window at a time.
    await expect
      .poll(
        () => {
          source.take();
          return said;
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(before);
  });
});
