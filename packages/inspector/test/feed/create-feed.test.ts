import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { afterEach, describe, expect, it } from "vitest";
import { createFeed, type FeedTraces, type RunningFeed } from "../../src/feed/create-feed.js";
import { batchEvery, batchLimits, keptLimits } from "../../src/feed/protocol.js";
import type { FeedBatch } from "../../src/feed/types.js";
import { localSource } from "../../src/source/local.js";
import type { Reveal } from "../../src/source/payloads.js";
import type { InspectionSource } from "../../src/source/types.js";
import { createFakeAgent, idOf, instanceOf, linkStatus } from "../fake-agent.js";
import { linkView } from "../link-view.js";

const running: RunningFeed[] = [];
afterEach(() => {
  for (const feed of running.splice(0)) feed.close();
});

const alice = `alice/${instanceOf("a")}`;
const bob = `bob/${instanceOf("b")}`;
const toBob = linkStatus("bob", { peer: { id: "bob", instance: instanceOf("b"), issuer: "i", thumbprint: "t" } });
const toAlice = linkStatus("alice", { peer: { id: "alice", instance: instanceOf("a"), issuer: "i", thumbprint: "t" } });

function stage({ reveal, traces }: { reveal?: Reveal; traces?: FeedTraces } = {}) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const agents = [createFakeAgent("alice", "a"), createFakeAgent("bob", "b")] as const;
  agents[0].state.links = [toBob];
  agents[1].state.links = [toAlice];
  const sources = agents.map((agent) => localSource(agent, { actions: true, reveal, runtime }));
  const feed = createFeed({ sources, runtime, actions: true, traces });
  running.push(feed);
  const batches: FeedBatch[] = [];
  const open = (): (() => void) => feed.subscribe((batch) => batches.push(batch));
  return { runtime, alice: agents[0], bob: agents[1], sources, feed, batches, open };
}

describe("the feed", () => {
  it("begins with everything, and goes on with what changes, at most five times a second", async () => {
    const { runtime, alice: agent, feed, batches, open } = stage();
    open();
    const whole = feed.whole();
    expect(whole).toMatchObject({ whole: true, about: { version: 1, actions: true, reveal: false, traces: false } });
    expect(whole.agents.map(({ key }) => key)).toEqual([alice, bob]);
    expect(whole.links.map(({ edge }) => edge)).toEqual([`${alice} ${bob}`, `${alice} ${bob}`]);
    batches.length = 0;
    for (let step = 0; step < 100; step += 1) {
      agent.message(idOf(step), {});
      await runtime.advance(20);
    }
    expect(batches.length).toBeGreaterThan(7);
    expect(batches.length).toBeLessThanOrEqual(2_000 / batchEvery);
    expect(batches.flatMap(({ messages }) => messages).length).toBe(100);
    expect(batches.map(({ sequence }) => sequence)).toEqual(batches.map((_, index) => whole.sequence + 1 + index));
  });

  it("puts what agents count on one line of time, whatever their clocks say", async () => {
    const { runtime, alice: agent, sources, feed, batches, open } = stage();
    const [ahead] = sources as [InspectionSource];
    const take = ahead.take;
    ahead.take = () => {
      const update = take();
      return update?.second === undefined ? update : { ...update, second: { ...update.second, at: 8.64e15 } };
    };
    open();
    feed.whole();
    agent.message(idOf(1), {});
    await runtime.advance(3_000);
    const points = batches.flatMap(({ points: each }) => each);
    expect(new Set(points.map(({ agent: of }) => of))).toEqual(new Set(["", alice, bob]));
    for (const { at } of points) expect(Math.abs(at - runtime.clock.wall())).toBeLessThanOrEqual(3_000);
  });

  it("leaves out no number when there was nothing to tell for a while", async () => {
    const { runtime, alice: agent, feed, batches, open } = stage();
    open();
    const whole = feed.whole();
    batches.length = 0;
    for (let step = 0; step < 5; step += 1) {
      await runtime.advance(3 * batchEvery);
      agent.message(idOf(step), {});
    }
    await runtime.advance(batchEvery);
    expect(batches.length).toBeLessThan(16);
    expect(batches.map(({ sequence }) => sequence)).toEqual(batches.map((_, index) => whole.sequence + 1 + index));
  });

  it("makes one message of what both ends tell", async () => {
    const { runtime, alice: sender, bob: receiver, batches, open, feed } = stage();
    open();
    feed.whole();
    sender.message(idOf(1), { what: "queued", at: 10, name: "find", trace: { traceId: "c".repeat(32), spanId: "d".repeat(16), sampled: true } });
    const came = { direction: "received", peer: { id: "alice", instance: instanceOf("a") }, name: "find" } as const;
    receiver.message(idOf(1), { ...came, what: "delivered", at: 12 });
    await runtime.advance(batchEvery);
    receiver.message(idOf(1), { ...came, what: "processed", at: 15, duration: 3 });
    sender.message(idOf(1), { what: "answered", at: 18, duration: 8 });
    await runtime.advance(batchEvery);
    const [message] = batches.at(-1)?.messages ?? [];
    expect(message).toEqual({
      key: `${alice} ${bob} ${idOf(1)}`,
      id: idOf(1),
      from: alice,
      to: bob,
      type: "request",
      name: "find",
      priority: "normal",
      bytes: 100,
      traceId: "c".repeat(32),
      at: 10,
      stages: [
        { what: "queued", at: 10, by: "sender" },
        { what: "delivered", at: 12, by: "receiver" },
        { what: "processed", at: 15, by: "receiver" },
        { what: "answered", at: 18, by: "sender" },
      ],
      answered: 8,
      handled: 3,
    });
    // What comes after an end that was told already is added to it.
    sender.message(idOf(1), { what: "dead_lettered", at: 30, code: "timeout" });
    await runtime.advance(batchEvery);
    expect(batches.at(-1)?.messages[0]).toMatchObject({ code: "timeout", stages: { length: 5 } });
  });

  it("shows agents that nobody watches as long as there is a link to them", async () => {
    const { runtime, alice: agent, batches, open, feed } = stage();
    open();
    agent.state.links = [toBob, linkStatus("carol")];
    await runtime.advance(1_000);
    const carol = `carol/${instanceOf("p")}`;
    expect(feed.whole().agents.find(({ key }) => key === carol)).toEqual({
      key: carol,
      id: "carol",
      instance: instanceOf("p"),
      watched: "none",
      state: "unknown",
    });
    agent.state.links = [toBob];
    batches.length = 0;
    await runtime.advance(1_000);
    expect(batches.flatMap(({ gone }) => gone)).toEqual([`${alice} ${carol}`, carol]);
    expect(feed.whole().agents.map(({ key }) => key)).toEqual([alice, bob]);
  });

  it("says each second what went through each agent and through all", async () => {
    const { runtime, alice: agent, batches, open, feed } = stage();
    const leave = open();
    feed.whole();
    agent.state.links = [{ ...toBob, counters: { ...toBob.counters, messagesSent: 40 } }];
    for (let number = 0; number < 40; number += 1) {
      agent.message(idOf(number), {});
      agent.message(idOf(number), { what: "answered", duration: number < 38 ? 0.6 : 70 });
    }
    await runtime.advance(1_100);
    const points = batches.flatMap((batch) => batch.points);
    const all = points.find((point) => point.agent === "" && point.sent > 0);
    expect(all).toMatchObject({ sent: 40, received: 0, failed: 0, bytesSent: 4_000, latency: { count: 40, max: 70 } });
    expect(all?.latency?.p50).toBeGreaterThan(0.5);
    expect(all?.latency?.p50).toBeLessThanOrEqual(1);
    expect(all?.latency?.p99).toBeGreaterThan(50);
    expect(points.find((point) => point.agent === alice && point.sent > 0)).toMatchObject({ sent: 40 });
    leave();
    await runtime.advance(310_000);
    const kept = feed.whole().points;
    expect(kept.filter((point) => point.agent === "").length).toBe(keptLimits.totalPoints);
    expect(kept.filter((point) => point.agent === alice).length).toBe(keptLimits.agentPoints);
  });

  it("shows a part when there is too much, whole conversations of it, and says how much it leaves out", async () => {
    const { runtime, alice: sender, bob: receiver, batches, open, feed } = stage();
    open();
    feed.whole();
    let number = 1;
    const scatter = (each: number): string => idOf((Math.imul(each, 0x9e37) & 0xffff) + each * 0x10000);
    for (let second = 0; second < 4; second += 1)
      for (let step = 0; step < 5; step += 1) {
        for (let each = 0; each < 1_000; each += 1, number += 1) {
          const id = scatter(number);
          sender.message(id, { what: "queued" });
          receiver.message(id, { what: "delivered", direction: "received", peer: { id: "alice", instance: instanceOf("a") } });
          receiver.message(id, { what: "processed", direction: "received", peer: { id: "alice", instance: instanceOf("a") } });
          sender.message(id, { what: "answered", duration: 1 });
        }
        await runtime.advance(batchEvery);
      }
    for (const { messages } of batches) expect(messages.length).toBeLessThanOrEqual(batchLimits.messages);
    const later = batches.slice(-5);
    expect(Math.min(...later.map(({ messages }) => messages.length))).toBeGreaterThan(50);
    expect(Math.min(...later.map(({ dropped }) => dropped))).toBeGreaterThan(1_000);
    const shown = later.flatMap(({ messages }) => messages);
    expect(shown.filter(({ stages }) => stages.length === 4).length).toBe(shown.length);
    // Quiet again, it looks at everything again.
    await runtime.advance(5_000);
    batches.length = 0;
    for (let each = 0; each < 20; each += 1) sender.message(scatter(++number), {});
    await runtime.advance(batchEvery);
    expect(batches[0]?.messages.length).toBe(20);
  });

  it("asks for no message while no page is open, and keeps what failed for the next one", async () => {
    const { runtime, alice: agent, open, feed, batches } = stage();
    const leave = open();
    feed.whole();
    leave();
    await runtime.advance(2_000);
    batches.length = 0;
    agent.message(idOf(1), {});
    agent.message(idOf(2), { what: "failed", code: "timeout" });
    agent.tell({ kind: "security", at: 7, what: "refused", peer: "mallory", reason: "forbidden", count: 1 });
    await runtime.advance(2_000);
    expect(batches.length).toBe(0);
    const whole = feed.whole();
    expect(whole.messages.map(({ id }) => id)).toEqual([idOf(2)]);
    expect(whole.security).toMatchObject([{ agent: alice, what: "refused", peer: "mallory", proved: false }]);
  });

  it("[TM-238] remembers so much and no more", async () => {
    const { runtime, alice: agent, open, feed } = stage();
    open();
    for (let round = 0; round < 30; round += 1) {
      for (let number = 0; number < 150; number += 1) {
        agent.message(idOf(round * 1_000 + number), { name: `n${round}` });
        agent.tell({ kind: "security", at: number, what: "forged", reason: `r${number}`, count: 1 });
        agent.tell({ kind: "retry", at: number, what: "retried", peer: "bob", method: `m${number}` });
        agent.tell({ kind: "breaker", at: number, what: "open", peer: "bob", method: `m${round}/${number}` });
      }
      await runtime.advance(batchEvery);
    }
    const { messages, security, events, breakers } = feed.whole();
    expect(messages.length).toBe(keptLimits.messages);
    expect(messages.at(-1)?.id).toBe(idOf(29_149));
    expect(security.length).toBe(keptLimits.security);
    expect(new Set(security.map(({ key }) => key)).size).toBe(keptLimits.security);
    expect(events.length).toBe(keptLimits.events);
    // A quarter is kept for bob.
    expect(breakers.length).toBe((keptLimits.breakers * 3) / 4);
    agent.state.links = Array.from({ length: keptLimits.links + 500 }, (_, index) => linkStatus(`peer-${index}`));
    await runtime.advance(2_000);
    const crowded = feed.whole();
    expect(crowded.links.length).toBe((keptLimits.links * 3) / 4);
    expect(crowded.agents.length).toBe(keptLimits.agents);
  });

  it("asks the agent that is meant, and only one that is watched", async () => {
    const { alice: agent, feed } = stage();
    agent.letters.push({ id: "1", reason: "timeout", messageId: undefined } as never);
    expect((await feed.ask("letters", { agent: alice })).letters.length).toBe(1);
    expect((await feed.ask("letters", { agent: bob })).letters.length).toBe(0);
    expect(await feed.ask("discard", { agent: alice, id: "1" })).toEqual({ discarded: 1 });
    for (const key of ["alice", `alice/${instanceOf("z")}`, "__proto__", ""])
      await expect(feed.ask("letters", { agent: key }), key).rejects.toMatchObject({ code: "unsupported" });
  });

  it("[TM-235] reveals a message's payload by whichever end lets it be seen", async () => {
    const { alice: sender, bob: receiver, feed, open } = stage({ reveal: true });
    open();
    feed.whole();
    const envelope = { type: "request", id: idOf(1), version: 1, timestamp: 0, priority: "normal", from: "alice", to: "bob", payload: 7 } as const;
    receiver.envelope(envelope);
    expect(await feed.ask("payload", { message: `${alice} ${bob} ${idOf(1)}` })).toMatchObject({ text: "7" });
    sender.envelope({ ...envelope, id: idOf(2) });
    expect(await feed.ask("payload", { message: `${alice} ${bob} ${idOf(2)}` })).toMatchObject({ text: "7" });
    await expect(feed.ask("payload", { message: `${bob} ${alice} ${idOf(1)}` })).rejects.toMatchObject({ code: "unsupported" });
    for (const message of ["", "a b", "a b c d", "__proto__"])
      await expect(feed.ask("payload", { message })).rejects.toMatchObject({ code: "invalid_argument" });
    const hidden = stage();
    await expect(hidden.feed.ask("payload", { message: `${alice} ${bob} ${idOf(1)}` })).rejects.toMatchObject({ code: "denied" });
  });

  it("puts a trace together from the messages in memory, or takes it from a trace store", async () => {
    const { runtime, alice: sender, bob: receiver, feed, open } = stage();
    open();
    feed.whole();
    const traceId = "e".repeat(32);
    const span = (letter: string, parent?: string) => ({
      traceId,
      spanId: letter.repeat(16),
      sampled: true,
      ...(parent === undefined ? {} : { parentSpanId: parent.repeat(16) }),
    });
    const came = { direction: "received", peer: { id: "alice", instance: instanceOf("a") }, name: "find" } as const;
    sender.message(idOf(1), { at: 10, name: "find", trace: span("1") });
    receiver.message(idOf(1), { ...came, what: "delivered", at: 12, trace: span("2", "1") });
    receiver.message(idOf(2), { at: 13, name: "look", trace: span("3", "2"), peer: { id: "carol", instance: instanceOf("c") } });
    receiver.message(idOf(1), { ...came, what: "failed", at: 15, duration: 3, code: "handler_failed", trace: span("2", "1") });
    await runtime.advance(batchEvery);
    const trace = await feed.ask("trace", { id: traceId });
    expect(trace).toMatchObject({ id: traceId, from: "messages", cut: false });
    expect(trace.spans.map(({ id, parent, agent, name }) => [id[0], parent?.[0], agent.split("/")[0], name])).toEqual([
      ["1", undefined, "alice", "find"],
      ["2", "1", "bob", "find"],
      ["3", "2", "bob", "look"],
    ]);
    expect((await feed.ask("traces", {})).traces).toEqual([{ id: traceId, at: 10, duration: 5, name: "find", spans: 3, failed: true }]);
    expect((await feed.ask("traces", { failed: false })).traces).toEqual([]);
    await expect(feed.ask("trace", { id: "f".repeat(32) })).rejects.toMatchObject({ code: "unsupported" });

    const kept = { id: "f".repeat(32), from: "store", spans: [], cut: false } as const;
    const stored = stage({ traces: { list: async () => [], get: async (id) => (id === kept.id ? kept : undefined) } });
    expect(await stored.feed.ask("trace", { id: kept.id })).toBe(kept);
    expect(stored.feed.whole().about?.traces).toBe(true);
    await expect(stored.feed.ask("trace", { id: traceId })).rejects.toMatchObject({ code: "unsupported" });
  });

  it("goes on with the others when an agent cannot say how it is", async () => {
    const { runtime, alice: agent, batches, open } = stage();
    open();
    await runtime.advance(batchEvery);
    agent.status = () => {
      throw new Error("broken");
    };
    await runtime.advance(3_000);
    expect(batches.at(-1)?.points.some((point) => point.agent === bob)).toBe(true);
  });

  it("lets go of what a source showed when that is another agent from now on", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    let key = `alice/${instanceOf("x")}`;
    const view = (of: string) => ({ key: of, id: "alice", instance: of.split("/")[1] as string, watched: "remote", state: "up" }) as const;
    const link = { ...linkView(key, bob) };
    const updates = [{ agent: view(key), links: [link] }];
    const nothing = { at: 0, links: [], gone: [], messages: [], dropped: 0, breakers: [], security: [], events: [] };
    const source: InspectionSource = {
      id: "alice",
      get key() {
        return key;
      },
      actions: false,
      reveals: false,
      look: () => undefined,
      take: () => {
        const next = updates.shift();
        return next === undefined ? undefined : { ...nothing, ...next };
      },
      ask: () => Promise.reject(new Error("not asked")),
      close: () => undefined,
    };
    const feed = createFeed({ sources: [source], runtime, actions: false });
    running.push(feed);
    expect(feed.whole().links.length).toBe(1);
    key = alice;
    updates.push({ agent: view(alice), links: [] });
    const { agents, links } = feed.whole();
    expect(agents.map((agent) => agent.key)).toEqual([alice]);
    expect(links).toEqual([]);
  });
});
