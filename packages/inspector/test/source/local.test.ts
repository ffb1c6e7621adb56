import type { DeadLetterContents, Envelope } from "@tightbeam/core";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { describe, expect, it } from "vitest";
import { isShared } from "../../src/feed/keys.js";
import { batchLimits } from "../../src/feed/protocol.js";
import { localSource } from "../../src/source/local.js";
import type { Reveal } from "../../src/source/payloads.js";
import type { SourceUpdate } from "../../src/source/types.js";
import { createFakeAgent, idOf, instanceOf, linkStatus } from "../fake-agent.js";

function stage({ reveal, actions = false }: { reveal?: Reveal; actions?: boolean } = {}) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const agent = createFakeAgent("alice");
  const source = localSource(agent, { actions, reveal, runtime });
  source.look(1);
  const take = (): SourceUpdate => source.take() as SourceUpdate;
  return { runtime, agent, source, take };
}

const envelope = (part: Partial<Envelope> = {}): Envelope =>
  ({
    type: "request",
    id: idOf(1),
    version: 1,
    timestamp: 0,
    priority: "normal",
    from: "alice",
    to: "bob",
    method: "find",
    payload: { text: "hello" },
    ...part,
  }) as Envelope;

const letter = (id: string, part: Partial<DeadLetterContents> = {}): DeadLetterContents => ({
  id,
  reason: "handler_failed",
  cause: "The handler failed: Error",
  side: "receiver",
  peer: "bob",
  method: "find",
  messageId: idOf(9),
  priority: "normal",
  attempts: 1,
  firstAt: 1,
  lastAt: 2,
  bytes: 3,
  kept: true,
  envelope: envelope(),
  raw: new Uint8Array([1, 2, 3]),
  ...part,
});

describe("an agent of this process", () => {
  it("is told of whole at first, and then of what changed", async () => {
    const { runtime, agent, source, take } = stage();
    agent.state.links = [linkStatus("bob"), linkStatus("carol")];
    const first = take();
    expect(first.agent).toMatchObject({ key: `alice/${instanceOf("a")}`, watched: "local", state: "up", actions: false, reveals: false });
    expect(first.links.map(({ to }) => to)).toEqual([`bob/${instanceOf("p")}`, `carol/${instanceOf("p")}`]);
    expect(first.links[0]).toMatchObject({
      state: "up",
      suite: { id: 0x0101, name: "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256" },
      thumbprint: "t".repeat(43),
    });
    expect(source.take()).toBeUndefined();
    agent.state.links = [linkStatus("bob", { state: "suspect" })];
    // It looks once a second, or when it is told.
    expect(source.take()).toBeUndefined();
    agent.tell({ kind: "link", at: 1, what: "suspect", peer: { id: "bob", instance: instanceOf("p") } });
    const next = take();
    expect(next.links).toMatchObject([{ state: "suspect" }]);
    expect(next.gone).toEqual([`carol/${instanceOf("p")}`]);
    expect(next.events).toMatchObject([{ kind: "link", what: "suspect", peer: `bob/${instanceOf("p")}` }]);
    expect(next.agent).toBeUndefined();
    agent.state.part = { transport: "down" };
    await runtime.advance(1_000);
    expect(take().agent).toMatchObject({ state: "down" });
  });

  it("tells what waits, what is under way and what the peer takes, and which breakers are open already", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    const agent = createFakeAgent("alice");
    const load = { queue: { critical: 1, high: 2, normal: 3, low: 4 }, inFlight: { messages: 5, bytes: 6, limit: 7 }, credit: { messages: 8, bytes: 9 } };
    agent.state.links = [linkStatus("bob", load)];
    agent.state.part = { breakers: [{ peer: "bob", method: "find", state: "open" }], durable: { queued: 1, inFlight: 2, bytes: 3, receiving: 0 } };
    const source = localSource(agent, { actions: false, reveal: undefined, runtime });
    const first = source.take();
    expect(first?.links[0]).toMatchObject({ ...load, transport: "memory" });
    expect(first?.agent).toMatchObject({ transport: "memory", ready: true, durable: { count: 3, bytes: 3 }, deadLetters: { count: 0, bytes: 0, changes: 0 } });
    expect(first?.breakers).toMatchObject([{ peer: "bob", method: "find", state: "open" }]);
    agent.letters.push(letter("1"));
    await runtime.advance(1_000);
    const next = source.take();
    expect(next?.agent?.deadLetters).toEqual({ count: 1, bytes: 1, changes: 1 });
    expect(next?.second).toMatchObject({ queue: load.queue, inFlightBytes: 6 });
  });

  it("puts a message's stages together", () => {
    const { agent, take } = stage();
    take();
    agent.message(idOf(1), { what: "queued", at: 1, name: "find", trace: { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true } });
    agent.message(idOf(1), { what: "sent", at: 2 });
    expect(take().messages).toEqual([
      {
        id: idOf(1),
        direction: "sent",
        peer: `bob/${instanceOf("b")}`,
        type: "request",
        name: "find",
        priority: "normal",
        bytes: 100,
        trace: { traceId: "a".repeat(32), spanId: "b".repeat(16) },
        stages: [
          { what: "queued", at: 1 },
          { what: "sent", at: 2 },
        ],
      },
    ]);
    agent.message(idOf(1), { what: "answered", at: 5, duration: 4 });
    const [message] = take().messages;
    expect(message?.stages.map(({ what }) => what)).toEqual(["queued", "sent", "answered"]);
    expect(message?.duration).toBe(4);
    // What comes after the end is told as what it is.
    agent.message(idOf(1), { what: "dead_lettered", at: 9, code: "timeout" });
    expect(take().messages).toMatchObject([{ stages: [{ what: "dead_lettered", at: 9 }], code: "timeout" }]);
  });

  it("looks at a share of the messages, by their ids, and counts the others; failures are told in any case", () => {
    const { agent, source, take } = stage();
    take();
    source.look(0.25);
    for (let number = 0; number < 0x10000; number += 0x400) agent.message(idOf(number), {});
    const taken = take();
    expect(taken.messages.map(({ id }) => id)).toEqual(Array.from({ length: 16 }, (_, index) => idOf(index * 0x400)));
    expect(taken.dropped).toBe(48);
    expect(isShared(idOf(0x3fff), 0.25)).toBe(true);
    expect(isShared(idOf(0x4000), 0.25)).toBe(false);
    agent.message(idOf(0xffff), { what: "failed", code: "timeout" });
    expect(take().messages).toMatchObject([{ id: idOf(0xffff), code: "timeout" }]);
    source.look(0);
    agent.message(idOf(1), {});
    expect(source.take()).toBeUndefined();
    agent.message(idOf(2), { what: "failed", code: "timeout" });
    expect(take().messages).toMatchObject([{ id: idOf(2) }]);
  });

  it("[TM-238] holds what nobody takes within bounds: messages, security, events, breakers", () => {
    const { agent, take } = stage();
    take();
    for (let number = 0; number < 20_000; number += 1) {
      agent.message(idOf(number), { name: `n${number}` });
      agent.message(idOf(number), { what: "failed", code: "timeout" });
      agent.tell({ kind: "security", at: number, what: "forged", reason: "auth", count: 1 });
      agent.tell({ kind: "retry", at: number, what: "retried", peer: "bob", method: `m${number}` });
      agent.tell({ kind: "breaker", at: number, what: "open", peer: "bob", method: `m${number}` });
    }
    const taken = take();
    expect(taken.messages.length).toBeLessThanOrEqual(batchLimits.messages + 100);
    expect(taken.messages.length + taken.dropped).toBeGreaterThanOrEqual(20_000);
    expect(taken.security.length).toBe(batchLimits.security);
    expect(taken.security.at(-1)?.at).toBe(19_999);
    expect(taken.events.length).toBe(batchLimits.events);
    expect(taken.breakers.length).toBe(200);
    // A message that never ends is let go, and one of very many stages is cut.
    for (let number = 0; number < 100; number += 1) agent.message(idOf(7), { what: "failed", code: "timeout" });
    expect(take().messages[0]?.stages.length).toBe(16);
  });

  it("counts by the links, and estimates bytes and latency for the whole from the share", async () => {
    const { runtime, agent, source, take } = stage();
    const counted = (sent: number, received: number) =>
      linkStatus("bob", { counters: { ...linkStatus("bob").counters, messagesSent: sent, messagesReceived: received } });
    agent.state.links = [counted(100, 50)];
    take();
    source.look(0.5);
    agent.state.links = [counted(160, 70)];
    agent.message(idOf(1), { bytes: 200 });
    agent.message(idOf(1), { what: "answered", duration: 3 });
    agent.message(idOf(0xffff), { what: "failed", code: "timeout" });
    await runtime.advance(1_000);
    const { second } = take();
    expect(second).toMatchObject({ span: 1_000, sent: 60, received: 20, failed: 1, bytesSent: 400, slowest: 3 });
    expect(second?.buckets.reduce((sum, each) => sum + each, 0)).toBe(2);
    // A link that began anew counts from nothing.
    agent.state.links = [counted(5, 5)];
    await runtime.advance(1_000);
    expect(take().second).toMatchObject({ sent: 5, received: 5, failed: 0, bytesSent: 0 });
  });

  it("[TM-235] shows nothing of a payload unless its owner says so, and then what its owner says", async () => {
    const fields = { id: idOf(1), direction: "sent", peer: "bob" } as const;
    const silent = stage();
    silent.agent.letters.push(letter("1"));
    silent.agent.envelope(envelope());
    expect(silent.agent.listeners).toBe(1);
    await expect(silent.source.ask("payload", fields)).rejects.toMatchObject({ code: "denied" });
    await expect(silent.source.ask("contents", { agent: "", id: "1" })).rejects.toMatchObject({ code: "denied" });
    expect(
      JSON.stringify([silent.take(), await silent.source.ask("letters", { agent: "" }), await silent.source.ask("letter", { agent: "", id: "1" })]),
    ).not.toContain("hello");

    const open = stage({ reveal: true });
    open.agent.letters.push(letter("1"), letter("2", { envelope: undefined, raw: undefined, kept: false }));
    open.agent.envelope(envelope());
    expect(await open.source.ask("payload", fields)).toEqual({ form: "json", text: '{\n  "text": "hello"\n}', bytes: 21, cut: false });
    expect(await open.source.ask("contents", { agent: "", id: "1" })).toMatchObject({ text: '{\n  "text": "hello"\n}' });
    await expect(open.source.ask("contents", { agent: "", id: "2" })).rejects.toMatchObject({ code: "unsupported" });
    // The same id from another agent is another message.
    await expect(open.source.ask("payload", { ...fields, peer: "mallory" })).rejects.toMatchObject({ code: "unsupported" });

    const part = stage({ reveal: ({ payload }) => ({ length: (payload as { text: string }).text.length }) });
    part.agent.envelope(envelope());
    expect((await part.source.ask("payload", fields)).text).toBe('{\n  "length": 5\n}');
    for (const reveal of [
      () => undefined,
      () => Promise.reject(new Error("late")),
      () => {
        throw new Error("hello");
      },
    ]) {
      const nothing = stage({ reveal });
      nothing.agent.envelope(envelope());
      await expect(nothing.source.ask("payload", fields)).rejects.toMatchObject({ code: "unsupported" });
    }
  });

  it("[TM-238] keeps so many payloads, of so many bytes, and none of what nobody looks at", async () => {
    const { agent, source } = stage({ reveal: true });
    for (let number = 0; number < 400; number += 1) agent.envelope(envelope({ id: idOf(number), payload: "x".repeat(100_000) }));
    const ask = (number: number) => source.ask("payload", { id: idOf(number), direction: "sent", peer: "bob" });
    await expect(ask(0)).rejects.toMatchObject({ code: "unsupported" });
    const { text, cut } = await ask(399);
    expect(text.length).toBe(16 * 1024);
    expect(cut).toBe(true);
    source.look(0);
    agent.envelope(envelope({ id: idOf(1_000) }));
    agent.envelope(envelope({ id: idOf(1_001), method: "tb/hello" }));
    await expect(ask(1_000)).rejects.toMatchObject({ code: "unsupported" });
  });

  it("lists dead letters, the newest first, without what is in them", async () => {
    const { agent, source } = stage();
    for (let number = 1; number <= 5; number += 1) agent.letters.push(letter(`${number}`));
    const page = await source.ask("letters", { agent: "", limit: 2 });
    expect(page.letters.map(({ id }) => id)).toEqual(["5", "4"]);
    expect(page.letters[0]).toEqual({
      agent: `alice/${instanceOf("a")}`,
      id: "5",
      reason: "handler_failed",
      cause: "The handler failed: Error",
      side: "receiver",
      peer: "bob",
      method: "find",
      messageId: idOf(9),
      priority: "normal",
      attempts: 1,
      firstAt: 1,
      lastAt: 2,
      bytes: 3,
      kept: true,
    });
    expect((await source.ask("letters", { agent: "", after: page.next as string })).letters.map(({ id }) => id)).toEqual(["3", "2", "1"]);
    await expect(source.ask("letter", { agent: "", id: "9" })).rejects.toMatchObject({ code: "unsupported" });
  });

  it("[TM-230] acts only where its owner lets it", async () => {
    const shown = stage();
    shown.agent.letters.push(letter("1"));
    for (const name of ["replay", "discard"] as const) await expect(shown.source.ask(name, { agent: "", id: "1" })).rejects.toMatchObject({ code: "denied" });
    expect(shown.agent.letters.length).toBe(1);
    const acting = stage({ actions: true });
    acting.take();
    acting.agent.letters.push(letter("1"), letter("2"));
    expect(await acting.source.ask("replay", { agent: "", id: "1" })).toEqual({ replayed: true });
    expect(await acting.source.ask("discard", { agent: "", id: "2" })).toEqual({ discarded: 1 });
    acting.agent.deadLetters.replay = async () => ({ replayed: 0, failed: [{ id: "3", error: new Error("inside") as never }], failedCount: 1 });
    acting.agent.letters.push(letter("3"));
    expect(await acting.source.ask("replay", { agent: "", id: "3" })).toEqual({
      replayed: false,
      error: { code: "handler_failed", message: "The handler failed." },
    });
  });

  it("hears nothing any more once it is closed", () => {
    const { agent, source } = stage({ reveal: true });
    expect(agent.listeners).toBe(2);
    source.close();
    expect(agent.listeners).toBe(0);
  });
});
