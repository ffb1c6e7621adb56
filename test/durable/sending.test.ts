import type { TightbeamError } from "@tightbeam/core";
import { createMemoryStore } from "@tightbeam/core/store";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { loadParts } from "../agents/clock.js";
import { createDisk, createWorld, type DurableWorld, type WorldOptions } from "./world.js";

beforeAll(loadParts);

const world = async (options?: WorldOptions): Promise<DurableWorld> => {
  const made = await createWorld(options);
  onTestFinished(() => made.close());
  return made;
};
const durable = { durable: true } as const;
const done = { durable: true, confirm: "done" } as const;
const minute = 60_000;

describe("waiting until nothing is kept", () => {
  test("ends with its time, its signal or the agent, and what is kept stays kept", async () => {
    const here = await world();
    const bob = await here.start("bob", { disk: createDisk() });
    const { durable: kept } = bob.agent;
    await here.during(kept.idle({ timeout: 1 }));
    for (let i = 0; i < 2; i++) await here.during(bob.agent.notify("alice", "job", i, durable));
    const abort = new AbortController();
    const waits = [kept.idle({ timeout: 500 }), kept.idle({ signal: abort.signal }), kept.idle()].map((wait) =>
      wait.then(
        () => "idle",
        ({ code, message }: TightbeamError) => `${code}: ${message}`,
      ),
    );
    await here.runtime.advance(501);
    expect(await waits[0]).toMatch(/^timeout: 2 durable messages were not handled yet/);
    abort.abort();
    expect(await waits[1]).toMatch(/^cancelled: /);
    await expect(kept.idle({ signal: abort.signal })).rejects.toMatchObject({ code: "cancelled" });
    for (const wrong of [{ timeout: 0 }, { timeout: "5" }, { signal: {} }, { timeot: 5 }])
      await expect(kept.idle(wrong as never)).rejects.toMatchObject({ code: "invalid_argument" });
    expect(kept.status().peers).toMatchObject([{ peer: "alice", queued: 2 }]);
    await bob.close();
    expect(await waits[2]).toMatch(/^closed: /);
    await expect(kept.idle()).rejects.toMatchObject({ code: "closed" });
  });
});

describe("what is kept", () => {
  test("G-75 a peer that is away for long gets everything, in order, also what did not fit into memory", { timeout: 60_000 }, async () => {
    const here = await world();
    const disk = createDisk();
    const first = await here.start("bob", { disk });
    const count = 6_000;
    for (let i = 0; i < count; i += 500)
      await here.during(Promise.all(Array.from({ length: 500 }, (_, at) => first.agent.notify("alice", "job", i + at, durable))));
    await here.runtime.advance(5 * minute);
    await first.crash();
    const bob = await here.start("bob", { disk });
    await here.during(bob.agent.notify("alice", "job", count, durable));
    await here.runtime.advance(10 * minute);
    expect(bob.agent.durable.status().peers).toMatchObject([{ queued: count + 1, inFlight: 0, blocked: "no_answer" }]);
    const alice = await here.start("alice", { disk: createDisk() });
    const got: number[] = [];
    alice.agent.handle("job", (input) => void got.push(input as number));
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual(Array.from({ length: count + 1 }, (_, i) => i));
    await here.runtime.advance(1_000);
    expect([...disk.entries.keys()].filter((key) => /^(out|over)\//.test(key))).toEqual([]);
  });

  test("messages of a batch share an entry, which goes when all of them are over", async () => {
    const here = await world();
    const disk = createDisk();
    const bob = await here.start("bob", { disk });
    await here.during(Promise.all(Array.from({ length: 600 }, (_, i) => bob.agent.notify("alice", "job", i, durable))));
    const entries = () => [...disk.entries.keys()].filter((key) => key.startsWith("out/"));
    expect(entries()).toHaveLength(3);
    const alice = await here.start("alice", { disk: createDisk() });
    let release: (() => void) | undefined;
    alice.agent.handle("job", (input) => (input === 300 ? new Promise<void>((resolve) => (release = resolve)) : undefined));
    await here.until(() => bob.agent.durable.status().peers[0]?.queued === 1);
    await here.runtime.advance(200);
    expect(entries()).toHaveLength(1);
    release?.();
    await here.during(bob.agent.durable.idle());
    await here.runtime.advance(200);
    expect(entries()).toEqual([]);
  });

  test("G-79 what expires before it could be sent is a dead letter, also after a restart, and only once", async () => {
    const here = await world();
    const disk = createDisk();
    const first = await here.start("bob", { disk });
    await here.during(first.agent.notify("alice", "job", "short", { ...durable, ttl: 5_000 }));
    await here.during(first.agent.notify("alice", "job", "long", durable));
    await here.runtime.advance(10_000);
    await first.crash();
    const bob = await here.start("bob", { disk });
    const alice = await here.start("alice", { disk: createDisk() });
    const got: unknown[] = [];
    let release: (() => void) | undefined;
    alice.agent.handle("job", (input) => {
      got.push(input);
      return new Promise<void>((resolve) => (release = resolve));
    });
    await here.until(() => got.length === 1);
    expect(got).toEqual(["long"]);
    const list = async () => (await here.during(bob.agent.deadLetters.list())).letters;
    expect(await list()).toMatchObject([{ reason: "expired", side: "sender", method: "job", attempts: 1 }]);
    // Its entry holds a message that is not over: the next process must not bury it again.
    await bob.crash();
    const next = await here.start("bob", { disk });
    release?.();
    await here.during(next.agent.durable.idle());
    await here.runtime.advance(500);
    expect((await here.during(next.agent.deadLetters.list())).letters).toHaveLength(1);
    expect([...disk.entries.keys()].filter((key) => /^(out|over)\//.test(key))).toEqual([]);
  });

  test("is bounded: by number for each peer, by bytes for all, and by what may wait to be flushed", async () => {
    const here = await world();
    const bob = await here.start("bob", { disk: createDisk(), durable: { outboxMax: 3, outboxMaxBytes: 2_000 } });
    for (let i = 0; i < 3; i++) await here.during(bob.agent.notify("alice", "job", i, durable));
    await expect(here.during(bob.agent.notify("alice", "job", 4, durable))).rejects.toMatchObject({ code: "overloaded" });
    await here.during(bob.agent.notify("carol", "job", 1, durable));
    await expect(here.during(bob.agent.notify("carol", "job", new Uint8Array(2_000), durable))).rejects.toMatchObject({ code: "overloaded" });
    const dora = await here.start("dora", { disk: createDisk() });
    const large = new Uint8Array(15 * 1024 * 1024);
    const all = Array.from({ length: 6 }, () =>
      dora.agent.notify("alice", "job", large, durable).then(
        () => "kept",
        (error) => error.code,
      ),
    );
    expect((await here.during(Promise.all(all))).map(String).sort()).toEqual(["kept", "kept", "kept", "kept", "overloaded", "overloaded"]);
    await expect(here.during(dora.agent.notify("alice", "job", new Uint8Array(17 * 1024 * 1024), durable))).rejects.toMatchObject({ code: "too_large" });
  });
});

describe("what the promise says", () => {
  test("what could never fit is too large, not a matter of waiting", async () => {
    const here = await world();
    const bob = await here.start("bob", { disk: createDisk(), durable: { outboxMaxBytes: 2_000 } });
    const sent = bob.agent.notify("alice", "job", new Uint8Array(2_001), durable);
    await expect(here.during(sent)).rejects.toMatchObject({ code: "too_large", retryable: false, message: expect.stringContaining("at most 2000") });
  });

  test("flushed, received or handled; a timeout ends the waiting and not the message", async () => {
    const here = await world();
    const disk = createDisk({ manual: true });
    const opening = here.start("bob", { disk });
    const flushing = setInterval(() => disk.flush(), 1);
    const bob = await opening;
    await here.runtime.advance(100);
    clearInterval(flushing);
    let settled = false;
    const kept = bob.agent.notify("alice", "job", 1, durable).then(() => (settled = true));
    await here.runtime.advance(200);
    expect(settled).toBe(false);
    disk.flush();
    await here.during(kept);
    setInterval(() => disk.flush(), 1).unref();
    await expect(here.during(bob.agent.notify("alice", "job", 2, { ...done, timeout: 1_000 }))).rejects.toMatchObject({ code: "timeout", retryable: false });
    const abort = new AbortController();
    const aborted = here.during(bob.agent.notify("alice", "job", 3, { ...done, signal: abort.signal })).catch((error: { code: string }) => error.code);
    await here.runtime.advance(50);
    abort.abort();
    expect(await aborted).toBe("delivery_unknown");
    const alice = await here.start("alice", { disk: createDisk() });
    const got: unknown[] = [];
    let release: (() => void) | undefined;
    alice.agent.handle("job", (input) => {
      got.push(input);
      if (input === 4) return new Promise<void>((resolve) => (release = resolve));
      return undefined;
    });
    await here.during(bob.agent.notify("alice", "job", 4, { durable: true, confirm: "received" }));
    let handled = false;
    const last = bob.agent.notify("alice", "job", 5, done).then(() => (handled = true));
    await here.during(last);
    expect(handled).toBe(true);
    expect(got).toEqual([1, 2, 3, 4, 5]);
    release?.();
    await here.during(bob.agent.durable.idle());
  });

  test("who waits is told when the agent closes; what was flushed is kept", async () => {
    const here = await world();
    const disk = createDisk();
    const bob = await here.start("bob", { disk });
    const waiting = bob.agent.notify("alice", "job", 1, done).catch((error: { code: string }) => error.code);
    await here.runtime.advance(100);
    await bob.close();
    expect(await waiting).toBe("closed");
    const next = await here.start("bob", { disk });
    expect(next.agent.durable.status().peers).toMatchObject([{ peer: "alice", queued: 1 }]);
  });

  test("what is asked for wrongly", async () => {
    const here = await world();
    const bob = await here.start("bob", { disk: createDisk() });
    const plain = await here.start("plain");
    const notify = (target: unknown, options: object) =>
      here.during(bob.agent.notify(target as string, "job", 1, options)).catch((error: { code: string }) => error.code);
    expect(await notify({ kind: "worker" }, durable)).toBe("invalid_argument");
    expect(await notify({ kind: "worker", strategy: "broadcast" }, durable)).toBe("invalid_argument");
    expect(await notify({ id: "alice", instance: bob.agent.instance }, durable)).toBe("invalid_argument");
    expect(await notify("not an id", durable)).toBe("invalid_argument");
    expect(await notify("alice", { durable: "yes" })).toBe("invalid_argument");
    await expect(plain.agent.notify("alice", "job", 1, durable)).rejects.toMatchObject({ code: "invalid_argument" });
    for (const each of [bob, plain]) await expect(each.agent.durable.forget("../alice")).rejects.toMatchObject({ code: "invalid_argument" });
    for (const options of [{ maxDeliveries: 0 }, { outboxMax: -1 }, { outboxMax: 1.5 }, { unknown: 1 }, 7])
      await expect(here.start("carol", { durable: options as object })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(here.start("carol", { store: 7 as never })).rejects.toMatchObject({ code: "invalid_argument" });
    expect(plain.agent.durable.status()).toEqual({ store: undefined, incarnation: 0, peers: [], receiving: 0, damaged: [], failed: undefined });
    await here.during(Promise.all([plain.agent.durable.flush(), plain.agent.durable.idle(), plain.agent.durable.forget("alice")]));
  });

  test("a method may say itself that its notifications are durable", async () => {
    const { method } = await import("@tightbeam/core");
    const here = await world();
    const bob = await here.start("bob", { store: createMemoryStore() });
    const job = method("job", { durable: true });
    await here.during(bob.agent.notify("alice", job, 1));
    expect(bob.agent.durable.status().peers).toMatchObject([{ queued: 1 }]);
    await expect(here.during(bob.agent.notify("alice", job, 1, { durable: false, timeout: 500 }))).rejects.toMatchObject({ code: "no_answer" });
    expect(() => method("job", { durable: 1 as never })).toThrow(/durable/);
  });
});

describe("a store that fails", () => {
  test("G-76 a full disk rejects what is new, loses nothing, and marks again when there is room", async () => {
    const here = await world();
    const disks = { alice: createDisk(), bob: createDisk() };
    const alice = await here.start("alice", { disk: disks.alice });
    const bob = await here.start("bob", { disk: disks.bob });
    const got: unknown[] = [];
    alice.agent.handle("job", (input) => void got.push(input));
    await here.during(bob.agent.notify("alice", "job", 0, done));
    disks.bob.fail("store_full");
    const refused = await here.during(Promise.allSettled(Array.from({ length: 5 }, (_, i) => bob.agent.notify("alice", "job", `full ${i}`, durable))));
    expect(refused.every((each) => each.status === "rejected" && each.reason.code === "store_full")).toBe(true);
    disks.bob.fail(undefined);
    disks.alice.fail("store_full");
    await here.during(bob.agent.notify("alice", "job", 1, durable));
    await here.until(() => got.length === 2);
    await here.runtime.advance(5_000);
    expect(bob.agent.durable.status().peers).toMatchObject([{ queued: 1 }]);
    disks.alice.fail(undefined);
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual([0, 1]);
    await here.during(bob.agent.notify("alice", "job", 2, done));
  });

  test("G-76 what does not get into a full store gives its number to nothing else, and is bounded", { timeout: 60_000 }, async () => {
    const here = await world();
    const disk = createDisk();
    const bob = await here.start("bob", { disk });
    for (let i = 0; i < 256; i++) {
      disk.fail("store_full");
      await expect(here.during(bob.agent.notify("alice", "job", `lost ${i}`, durable))).rejects.toMatchObject({ code: "store_full" });
      disk.fail(undefined);
      if (i === 0) await here.during(bob.agent.notify("alice", "job", "kept", durable));
      // The first hole is below what was kept, the others above it.
    }
    expect(
      await here.during(bob.agent.notify("alice", "job", "one more", durable)).then(
        () => "kept",
        (error) => error.code,
      ),
    ).toBe("kept");
    disk.fail("store_full");
    await expect(here.during(bob.agent.notify("alice", "job", "x", durable))).rejects.toMatchObject({ code: "store_full" });
    disk.fail(undefined);
    await expect(here.during(bob.agent.notify("alice", "job", "y", durable))).rejects.toMatchObject({ code: "overloaded" });
    const alice = await here.start("alice", { disk: createDisk() });
    const got: unknown[] = [];
    alice.agent.handle("job", (input) => void got.push(input));
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual(["kept", "one more"]);
    await here.during(bob.agent.notify("alice", "job", "again", done));
  });

  test("G-76 a failed flush is final: typed errors, an event, and no DONE for what was not flushed", async () => {
    const here = await world();
    const disks = { alice: createDisk(), bob: createDisk() };
    const alice = await here.start("alice", { disk: disks.alice });
    const bob = await here.start("bob", { disk: disks.bob });
    const got: unknown[] = [];
    alice.agent.handle("job", (input) => void got.push(input));
    await here.during(bob.agent.notify("alice", "job", 0, done));
    disks.alice.fail("store_failed");
    await here.during(bob.agent.notify("alice", "job", 1, durable));
    await here.until(() => got.length === 2);
    await here.runtime.advance(3_000);
    expect(bob.agent.durable.status().peers).toMatchObject([{ queued: 1 }]);
    expect(alice.agent.durable.status().failed).toBe("store_failed");
    expect(alice.events.filter(({ type }) => type === "durable_failed")).toHaveLength(1);
    await here.during(bob.agent.notify("alice", "plain", 1).catch(() => undefined));
    await alice.crash();
    disks.alice.fail(undefined);
    const next = await here.start("alice", { disk: disks.alice });
    next.agent.handle("job", (input) => void got.push(input));
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual([0, 1, 1]);

    disks.bob.fail("store_failed");
    await expect(here.during(bob.agent.notify("alice", "job", 2, durable))).rejects.toMatchObject({ code: "store_failed" });
    await expect(here.during(bob.agent.notify("alice", "job", 3, durable))).rejects.toMatchObject({ code: "store_failed" });
    next.agent.handle("echo", (input) => input);
    expect(await here.during(bob.agent.request("alice", "echo", 7))).toBe(7);
  });
});
