import { type Agent, type DeadLetter, method } from "@tightbeam/core";
import { createMemoryStore } from "@tightbeam/core/store";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { createDisk } from "../../packages/core/test/store/disk.js";
import { during, loadParts } from "./clock.js";
import { createPlace, storeKey } from "./mortal-place.js";

beforeAll(async () => {
  await loadParts();
  await import("../../packages/core/src/patterns/dead-letters/dead-letters.js");
  await import("../../packages/core/src/patterns/admission/guards.js");
});

const lettersOf = async (agent: Agent): Promise<readonly DeadLetter[]> => (await agent.deadLetters.list()).letters;

describe("dead letters of the sender", () => {
  test("G-83 a notification that was taken and never acknowledged becomes a letter when its link ends, and a replay delivers it", async () => {
    const place = await createPlace();
    const { runtime, dead } = place;
    const alice = await place.join("alice", { deadLetters: {} });
    const bob = await place.join("bob");
    const seen: unknown[] = [];
    bob.agent.handle("note", (input, { id }) => void seen.push([input, id]));
    await during(runtime, alice.agent.notify("bob", "note", 1, { confirm: "done" }));
    dead.add("bob");
    await during(runtime, alice.agent.notify("bob", "note", { n: 2 }, { headers: { a: "b" }, idempotencyKey: "k", priority: "high" }));
    await runtime.advance(60_000);
    const [letter, ...others] = await lettersOf(alice.agent);
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ reason: "delivery_unknown", side: "sender", peer: "bob", method: "note", priority: "high", attempts: 1, kept: true });
    const { id } = letter as DeadLetter;
    expect(await alice.agent.deadLetters.get(id)).toMatchObject({
      envelope: { from: "alice", to: "bob", payload: { n: 2 }, headers: { a: "b" }, idempotencyKey: "k" },
    });
    expect(alice.events).toContainEqual({ type: "dead_letter", id, reason: "delivery_unknown", side: "sender", peer: "bob", method: "note" });
    expect(await during(runtime, alice.agent.deadLetters.replay(id, { timeout: 2_000 }))).toMatchObject({
      replayed: 0,
      failed: [{ id, error: { code: "no_answer" } }],
    });
    expect(await lettersOf(alice.agent)).toMatchObject([{ id, reason: "no_answer", attempts: 2 }]);
    dead.clear();
    expect(await during(runtime, alice.agent.deadLetters.replay(id))).toEqual({ replayed: 1, failed: [], failedCount: 0 });
    expect(seen).toEqual([
      [1, expect.any(String)],
      [{ n: 2 }, letter?.messageId],
    ]);
    expect(await alice.agent.deadLetters.statistics()).toMatchObject({ count: 0, added: 1, replayed: 1 });
    await place.close();
  });

  test("one whose caller has the error is no letter, nor one that was acknowledged", async () => {
    const place = await createPlace(2);
    const { runtime, dead } = place;
    const alice = await place.join("alice", { deadLetters: {} });
    const bob = await place.join("bob");
    bob.agent.handle("note", () => new Promise(() => {}));
    await during(runtime, alice.agent.notify("bob", "note", 1, { confirm: "received" }));
    await during(runtime, alice.agent.notify("bob", "note", 1));
    await runtime.advance(1_000);
    dead.add("bob");
    const failed = alice.agent.notify("bob", "note", 2, { confirm: "received" });
    await expect(during(runtime, failed)).rejects.toMatchObject({ code: "delivery_unknown" });
    await runtime.advance(60_000);
    expect(await lettersOf(alice.agent)).toEqual([]);
    await place.close();
  });

  test("a replay that the peer refuses stays, with the reason it has now; under a new id when asked", async () => {
    const place = await createPlace(3);
    const { runtime, dead } = place;
    const alice = await place.join("alice", { deadLetters: {} });
    const bob = await place.join("bob");
    const ids: string[] = [];
    const end = bob.agent.handle("note", () => {
      throw new Error("no");
    });
    await during(runtime, alice.agent.link("bob"));
    dead.add("bob");
    await during(runtime, alice.agent.notify("bob", "note", 2));
    await runtime.advance(60_000);
    dead.clear();
    const [letter] = await lettersOf(alice.agent);
    expect(await during(runtime, alice.agent.deadLetters.replay({ peer: "bob" }))).toMatchObject({ failed: [{ error: { code: "handler_failed" } }] });
    expect(await lettersOf(alice.agent)).toMatchObject([{ reason: "handler_failed", attempts: 2 }]);
    end();
    bob.agent.handle("note", (_, { id }) => void ids.push(id));
    expect(await during(runtime, alice.agent.deadLetters.replay({}, { newId: true }))).toMatchObject({ replayed: 1 });
    expect(ids).toHaveLength(1);
    expect(ids[0]).not.toBe(letter?.messageId);
    await place.close();
  });

  test("letters are in the store when the agent has closed, and the next one has them", async () => {
    const place = await createPlace(4);
    const { runtime, dead } = place;
    const disk = createDisk();
    const first = await place.join("alice", { store: disk.open(), storeKey });
    await place.join("bob");
    await during(runtime, first.agent.link("bob"));
    dead.add("bob");
    for (let n = 0; n < 20; n++) await during(runtime, first.agent.notify("bob", "note", n));
    await during(runtime, first.agent.close());
    dead.clear();
    const second = await place.join("alice", { store: disk.open(), storeKey });
    expect(await lettersOf(second.agent)).toHaveLength(20);
    await place.close();
  });
});

describe("dead letters of the receiver", () => {
  test("G-84 what a handler failed, a schema refused, nobody handles or came too late is kept with its reason, and what sheds load is not", async () => {
    const place = await createPlace(5);
    const { runtime } = place;
    const alice = await place.join("alice", { deadLetters: {}, limits: { running: 1, queued: 0 } });
    const bob = await place.join("bob");
    const secret = "a payload that is told to nobody";
    let release = (): void => undefined;
    alice.agent.handle("fail", (input) => {
      throw new TypeError(`I read ${String(input)}`);
    });
    alice.agent.handle(method("strict", { input: z.object({ n: z.number() }) }), () => undefined);
    alice.agent.handle("hang", () => new Promise<void>((resolve) => (release = resolve)));
    const notify = (name: string, input: unknown, options = {}): Promise<unknown> =>
      during(runtime, bob.agent.notify("alice", name, input, { confirm: "done", ...options })).catch((error: unknown) => error);
    await notify("fail", secret);
    await notify("strict", { n: secret });
    await notify("nobody", secret);
    const running = bob.agent.notify("alice", "hang", 1);
    await notify("fail", "beyond the queue");
    release();
    await running;
    const letters = await lettersOf(alice.agent);
    expect(letters.map(({ method, reason }) => [method, reason])).toEqual([
      ["fail", "handler_failed"],
      ["strict", "invalid_input"],
      ["nobody", "no_handler"],
    ]);
    for (const { cause } of letters) expect(cause).not.toContain("payload");
    expect(letters[0]?.cause).toContain("TypeError");
    expect(await alice.agent.deadLetters.get(letters[0]?.id as string)).toMatchObject({ envelope: { from: "bob", to: "alice", payload: secret } });
    await place.close();
  });

  test("what was older than its ttl when it came or when its turn came is a letter, and a replay runs it", async () => {
    const place = await createPlace(6);
    const { runtime } = place;
    const alice = await place.join("alice", { deadLetters: {}, limits: { running: 1 } });
    const bob = await place.join("bob");
    const seen: unknown[] = [];
    alice.agent.handle("slow", () => new Promise((resolve) => runtime.timers.after(500, () => resolve(undefined))));
    alice.agent.handle("note", (input) => void seen.push(input));
    await during(runtime, bob.agent.link("alice"));
    await Promise.all([bob.agent.notify("alice", "slow"), bob.agent.notify("alice", "note", "late", { ttl: 100 })]);
    await runtime.advance(1_000);
    const [letter] = await lettersOf(alice.agent);
    expect(letter).toMatchObject({ reason: "expired", side: "receiver", peer: "bob", method: "note" });
    expect(await during(runtime, alice.agent.deadLetters.replay({ reason: "expired" }))).toMatchObject({ replayed: 1 });
    expect(seen).toEqual(["late"]);
    await place.close();
  });

  test("G-84 a replay runs through middleware, schema and handler as if it had come now, as its sender; a poison message stays and counts", async () => {
    const place = await createPlace(7);
    const { runtime } = place;
    const alice = await place.join("alice", { deadLetters: {} });
    const bob = await place.join("bob", { permissions: ["call:note"] });
    let fails = true;
    const seen: unknown[] = [];
    alice.agent.use(async (call, next) => {
      seen.push(`middleware ${call.peer.id}`);
      return next();
    });
    alice.agent.handle("note", (input, context) => {
      if (fails) throw new Error("poison");
      seen.push([input, context.peer.id, context.peer.instance, [...context.peer.permissions], context.headers, context.id]);
    });
    await during(
      runtime,
      bob.agent.notify("alice", "note", 5, { confirm: "done", headers: { a: "b" } }).catch(() => undefined),
    );
    const [letter] = await lettersOf(alice.agent);
    await during(runtime, bob.agent.close());
    for (let attempt = 2; attempt <= 4; attempt++) {
      expect(await during(runtime, alice.agent.deadLetters.replay({}))).toMatchObject({ replayed: 0, failedCount: 1 });
      expect(await lettersOf(alice.agent)).toMatchObject([{ attempts: attempt, reason: "handler_failed" }]);
    }
    fails = false;
    seen.length = 0;
    expect(await during(runtime, alice.agent.deadLetters.replay({}))).toEqual({ replayed: 1, failed: [], failedCount: 0 });
    expect(seen).toEqual(["middleware bob", [5, "bob", bob.agent.instance, ["call:note"], { a: "b" }, letter?.messageId]]);
    expect(alice.agent.status().calls.running).toBe(0);
    await place.close();
  });

  test("TM-168 a replay asks the policy again: with what the sender's newest token says, or what it said then unless that was revoked", async () => {
    const place = await createPlace(8);
    const { runtime, authority } = place;
    let forbidden = false;
    const alice = await place.join("alice", { deadLetters: {}, policy: ({ permissions }) => !forbidden && permissions.includes("call:note") });
    const bob = await place.join("bob", { permissions: ["call:note"] });
    const seen: unknown[] = [];
    let fails = true;
    alice.agent.handle("note", (input) => {
      if (fails) throw new Error("not yet");
      seen.push(input);
    });
    for (let n = 0; n < 2; n++)
      await during(
        runtime,
        bob.agent.notify("alice", "note", n, { confirm: "done" }).catch(() => undefined),
      );
    fails = false;
    forbidden = true;
    expect(await during(runtime, alice.agent.deadLetters.replay({}))).toMatchObject({ failedCount: 2, failed: [{ error: { code: "forbidden" } }, {}] });
    forbidden = false;
    await during(runtime, bob.agent.close());
    await runtime.advance(2 * 3_600_000);
    // Its token ran out long ago, and was valid when the message came.
    const [first] = await lettersOf(alice.agent);
    expect(await during(runtime, alice.agent.deadLetters.replay(first?.id as string))).toMatchObject({ replayed: 1 });
    authority.revoke({ id: "bob" });
    expect(await during(runtime, alice.agent.deadLetters.replay({}))).toMatchObject({ failed: [{ error: { code: "revoked_token" } }] });
    expect(seen).toEqual([0]);
    // Linked again with less than it had: that counts.
    const carol = await place.join("carol", { permissions: ["call:note"] });
    fails = true;
    await during(
      runtime,
      carol.agent.notify("alice", "note", 9, { confirm: "done" }).catch(() => undefined),
    );
    fails = false;
    await during(runtime, carol.agent.close());
    const again = await place.join("carol", { permissions: ["call:other"] });
    await during(runtime, again.agent.link("alice"));
    await runtime.advance(100);
    expect(await during(runtime, alice.agent.deadLetters.replay({ peer: "carol" }))).toMatchObject({ failed: [{ error: { code: "forbidden" } }] });
    expect(seen).toEqual([0]);
    await place.close();
  });

  test("what cannot be decoded is kept as it came, and told to the application's log as before", async () => {
    const place = await createPlace(9);
    const { runtime } = place;
    const alice = await place.join("alice", { deadLetters: {} });
    const bob = await place.join("bob");
    await during(runtime, bob.agent.link("alice"));
    const { insideOf } = await import("../../packages/core/src/patterns/inside.js");
    const link = insideOf(bob.agent).host.links.find({ id: "alice" });
    link?.send({ bytes: Uint8Array.of(0x11, 0xff, 3), lane: 2, intake: true });
    await runtime.advance(100);
    const [letter] = await lettersOf(alice.agent);
    expect(letter).toMatchObject({ reason: "invalid_envelope", peer: "bob", method: "", bytes: 3 });
    expect(await alice.agent.deadLetters.get(letter?.id as string)).toMatchObject({ envelope: undefined, raw: Uint8Array.of(0x11, 0xff, 3) });
    expect(alice.events).toContainEqual(expect.objectContaining({ type: "refused", peer: "bob" }));
    await place.close();
  });

  test("TM-166 a peer that floods with what fails and what cannot be decoded keeps its part of the room, and nobody else waits for it", async () => {
    const place = await createPlace(14);
    const { runtime } = place;
    const alice = await place.join("alice", { deadLetters: { retention: { count: 100 } } });
    const [bob, mallory] = [await place.join("bob"), await place.join("mallory")];
    alice.agent.handle("echo", (input) => input);
    await during(
      runtime,
      bob.agent.notify("alice", "nobody", "mine", { confirm: "done" }).catch(() => undefined),
    );
    await during(runtime, mallory.agent.link("alice"));
    const { insideOf } = await import("../../packages/core/src/patterns/inside.js");
    const link = insideOf(mallory.agent).host.links.find({ id: "alice" });
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 100; n++) {
        link?.send({ bytes: Uint8Array.of(0x11, 0xff, n), lane: 2, intake: true });
        void mallory.agent.notify("alice", "nobody", n).catch(() => undefined);
      }
      expect(await during(runtime, bob.agent.request("alice", "echo", round))).toBe(round);
    }
    await runtime.advance(1_000);
    expect(await alice.agent.deadLetters.statistics()).toMatchObject({ count: 51, sender: 0, damaged: 0 });
    expect((await alice.agent.deadLetters.list({ peer: "bob" })).letters).toHaveLength(1);
    await place.close();
  });

  test("a replay that takes too long or is cancelled fires the handler's signal and stays; what then succeeds goes", async () => {
    const place = await createPlace(10);
    const { runtime } = place;
    const alice = await place.join("alice", { deadLetters: {} });
    const bob = await place.join("bob");
    const finish: (() => void)[] = [];
    const fired: boolean[] = [];
    let fails = true;
    alice.agent.handle("note", (_, { signal }) => {
      if (fails) throw new Error("not yet");
      signal.addEventListener("abort", () => fired.push(true));
      return new Promise<void>((resolve) => finish.push(resolve));
    });
    await during(
      runtime,
      bob.agent.notify("alice", "note", 1, { confirm: "done" }).catch(() => undefined),
    );
    fails = false;
    expect(await during(runtime, alice.agent.deadLetters.replay({}, { timeout: 1_000 }))).toMatchObject({ failed: [{ error: { code: "timeout" } }] });
    expect(fired).toEqual([true]);
    expect(await lettersOf(alice.agent)).toMatchObject([{ reason: "timeout" }]);
    finish[0]?.();
    await runtime.advance(10);
    expect(await lettersOf(alice.agent)).toEqual([]);
    await place.close();
  });

  test("a letter is not replayed twice at once, and what is discarded meanwhile stays gone", async () => {
    const place = await createPlace(11);
    const { runtime } = place;
    const disk = createDisk();
    const alice = await place.join("alice", { store: disk.open(), storeKey });
    const bob = await place.join("bob");
    let fails = true;
    let runs = 0;
    alice.agent.handle("note", async () => {
      if (fails) throw new Error("not yet");
      runs++;
      await new Promise<void>((resolve) => runtime.timers.after(500, resolve));
      throw new Error("still not");
    });
    await during(
      runtime,
      bob.agent.notify("alice", "note", 1, { confirm: "done" }).catch(() => undefined),
    );
    fails = false;
    const replays = Promise.all([alice.agent.deadLetters.replay({}), alice.agent.deadLetters.replay({})]);
    await runtime.advance(100);
    expect(await during(runtime, alice.agent.deadLetters.discard({}))).toBe(1);
    const [one, other] = await during(runtime, replays);
    expect(new Set([one?.failed[0]?.error.code, other?.failed[0]?.error.code])).toEqual(new Set(["handler_failed", "unavailable"]));
    expect(runs).toBe(1);
    expect(await lettersOf(alice.agent)).toEqual([]);
    expect([...disk.entries.keys()].filter((key) => key.startsWith("dead/"))).toEqual([]);
    await place.close();
  });
});

describe("agents without", () => {
  test("every member says how to have dead letters, and nothing is kept", async () => {
    const place = await createPlace(12);
    for (const options of [{}, { store: createMemoryStore(), deadLetters: false as const }]) {
      const { agent } = await place.join(`a${Object.keys(options).length}`, options);
      for (const call of [
        agent.deadLetters.list(),
        agent.deadLetters.get("x"),
        agent.deadLetters.replay({}),
        agent.deadLetters.discard({}),
        agent.deadLetters.statistics(),
      ])
        await expect(call).rejects.toMatchObject({ code: "unsupported" });
    }
    await place.close();
  });

  test("each source can be left out", async () => {
    const place = await createPlace(13);
    const { runtime, dead } = place;
    const alice = await place.join("alice", { deadLetters: { failed: false, undecodable: false, undelivered: false } });
    const bob = await place.join("bob");
    await during(
      runtime,
      bob.agent.notify("alice", "nobody", 1, { confirm: "done" }).catch(() => undefined),
    );
    const { insideOf } = await import("../../packages/core/src/patterns/inside.js");
    insideOf(bob.agent)
      .host.links.find({ id: "alice" })
      ?.send({ bytes: Uint8Array.of(0x11, 0xff, 3), lane: 2, intake: true });
    await runtime.advance(100);
    dead.add("bob");
    await during(runtime, alice.agent.notify("bob", "note", 2));
    await runtime.advance(60_000);
    expect(await lettersOf(alice.agent)).toEqual([]);
    await place.close();
  });
});
