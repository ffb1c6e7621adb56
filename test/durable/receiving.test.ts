import { method, TightbeamError } from "@tightbeam/core";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
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
const letters = async (here: DurableWorld, agent: { deadLetters: { list(): Promise<{ letters: readonly object[] }> } }) =>
  (await here.during(agent.deadLetters.list())).letters;

describe("a handler that fails", () => {
  test("G-74 is tried again, later each time, and what fails for ever becomes a dead letter at the receiver", async () => {
    const here = await world();
    const alice = await here.start("alice", { disk: createDisk(), durable: { maxDeliveries: 4 } });
    const bob = await here.start("bob", { disk: createDisk() });
    const tries: { at: number; attempt: number | undefined }[] = [];
    alice.agent.handle("job", (_, context) => {
      tries.push({ at: here.runtime.now, attempt: context.delivery?.attempt });
      throw new Error("no");
    });
    const failed = here.during(bob.agent.notify("alice", "job", "poison", { ...done, timeout: 120_000 }));
    await expect(failed).rejects.toMatchObject({ code: "dead_lettered" });
    expect(tries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    const waits = tries.slice(1).map(({ at }, index) => at - (tries[index]?.at ?? 0));
    expect(waits[1]).toBeGreaterThan(waits[0] as number);
    expect(waits[2]).toBeGreaterThan(waits[1] as number);
    expect(await letters(here, alice.agent)).toMatchObject([{ reason: "handler_failed", side: "receiver", peer: "bob", method: "job", attempts: 4 }]);
    expect(await letters(here, bob.agent)).toEqual([]);
    expect(bob.agent.durable.status().peers).toMatchObject([{ queued: 0 }]);
  });

  test("succeeds at last, and holds back nothing behind it", async () => {
    const here = await world();
    const alice = await here.start("alice", { disk: createDisk() });
    const bob = await here.start("bob", { disk: createDisk() });
    const ended: unknown[] = [];
    alice.agent.handle("job", (input, context) => {
      if (input === "a" && (context.delivery?.attempt ?? 0) < 3) throw new TightbeamError("unavailable", "later");
      ended.push(input);
    });
    for (const input of ["a", "b", "c"]) await here.during(bob.agent.notify("alice", "job", input, durable));
    await here.during(bob.agent.durable.idle());
    expect(ended).toEqual(["b", "c", "a"]);
  });

  test("G-74 one that kills its process is a dead letter after as many starts", async () => {
    const here = await world();
    const disk = createDisk();
    const bob = await here.start("bob", { disk: createDisk() });
    let begun = 0;
    await here.during(bob.agent.notify("alice", "job", "poison", durable));
    await here.during(bob.agent.notify("alice", "job", "fine", durable));
    const handled: unknown[] = [];
    for (let life = 0; life < 6; life++) {
      const alice = await here.start("alice", { disk, durable: { maxDeliveries: 3 } });
      let died = false;
      alice.agent.handle("job", (input) => {
        if (input === "fine") return void handled.push(input);
        begun++;
        died = true;
        return new Promise(() => {});
      });
      await here.until(() => died || bob.agent.durable.status().peers[0]?.queued === 0);
      await here.runtime.advance(500);
      if (!died) expect(await letters(here, alice.agent)).toMatchObject([{ reason: "handler_failed", attempts: 3 }]);
      await alice.crash();
      if (!died) break;
    }
    // The first time nobody knew that it had been begun before.
    expect(begun).toBe(4);
    expect(handled).toEqual(["fine"]);
    expect([...disk.entries.keys()].filter((key) => key.startsWith("try/"))).toEqual([]);
  });

  test("G-79 what is refused for good is a dead letter on both sides, at once", async () => {
    const here = await world();
    const policy = (_: unknown, permission: string) => permission !== "call:secret";
    const alice = await here.start("alice", { disk: createDisk(), policy });
    const bob = await here.start("bob", { disk: createDisk() });
    let ran = 0;
    alice.agent.handle(method("job", { input: z.object({ n: z.number() }) }), () => void ran++);
    alice.agent.handle("secret", () => void ran++);
    await expect(here.during(bob.agent.notify("alice", "job", { n: "x" }, done))).rejects.toMatchObject({ code: "handler_failed" });
    await expect(here.during(bob.agent.notify("alice", "secret", 1, done))).rejects.toMatchObject({ code: "handler_failed" });
    expect(ran).toBe(0);
    expect(await letters(here, alice.agent)).toMatchObject([
      { reason: "invalid_input", side: "receiver", attempts: 1 },
      { reason: "forbidden", side: "receiver" },
    ]);
    expect(await letters(here, bob.agent)).toMatchObject([
      { side: "sender", method: "job", peer: "alice" },
      { side: "sender", method: "secret" },
    ]);
  });

  test("one without a handler waits for it, and is a dead letter of its sender when none comes", async () => {
    const here = await world();
    const alice = await here.start("alice", { disk: createDisk() });
    const bob = await here.start("bob", { disk: createDisk() });
    const waiting = here.during(bob.agent.notify("alice", "late", 1, done));
    const never = here.during(bob.agent.notify("alice", "never", 1, { ...done, timeout: 200_000 })).catch((error: unknown) => error);
    await here.runtime.advance(300);
    alice.agent.handle("late", () => undefined);
    await waiting;
    expect(await never).toMatchObject({ code: "no_handler" });
    expect(await letters(here, bob.agent)).toMatchObject([{ reason: "no_handler", side: "sender", method: "never" }]);
    expect(await letters(here, alice.agent)).toEqual([]);
  });

  test("G-61 a receiver that is full is no failure of the message: it is tried until there is room", async () => {
    const here = await world();
    const alice = await here.start("alice", { disk: createDisk(), limits: { running: 1, queued: 0 }, durable: { maxDeliveries: 1 } });
    const bob = await here.start("bob", { disk: createDisk() });
    const got: unknown[] = [];
    alice.agent.handle("job", async (input, context) => {
      await new Promise<void>((resolve) => here.runtime.timers.after(2_000, resolve));
      got.push([input, context.delivery?.attempt]);
    });
    for (let i = 0; i < 5; i++) await here.during(bob.agent.notify("alice", "job", i, durable));
    await here.during(bob.agent.durable.idle());
    expect(got).toHaveLength(5);
    expect(got.every((each) => (each as unknown[])[1] === 1)).toBe(true);
    expect(await letters(here, alice.agent)).toEqual([]);
  });
});

describe("order", () => {
  test("G-72 handlers begin in lane order and end in any; ordered ones begin when the one before is over", async () => {
    const here = await world();
    const alice = await here.start("alice", { disk: createDisk() });
    const bob = await here.start("bob", { disk: createDisk() });
    const log: string[] = [];
    const work = (name: string) => async (input: unknown) => {
      log.push(`${name}+${input}`);
      await new Promise<void>((resolve) => here.runtime.timers.after(input === 0 ? 500 : 10, resolve));
      log.push(`${name}-${input}`);
    };
    alice.agent.handle("free", work("f"));
    const strict = work("o");
    let failures = 0;
    alice.agent.handle(
      "ordered",
      async (input) => {
        if (input === 1 && failures++ < 2) throw new Error("not yet");
        await strict(input);
      },
      { ordered: true },
    );
    for (let i = 0; i < 4; i++) {
      await here.during(bob.agent.notify("alice", "free", i, durable));
      await here.during(bob.agent.notify("alice", "ordered", i, durable));
    }
    await here.during(bob.agent.durable.idle());
    expect(log.filter((entry) => entry.startsWith("o"))).toEqual(["o+0", "o-0", "o+1", "o-1", "o+2", "o-2", "o+3", "o-3"]);
    expect(log.filter((entry) => entry.startsWith("f+"))).toEqual(["f+0", "f+1", "f+2", "f+3"]);
    expect(log.indexOf("f-3")).toBeLessThan(log.indexOf("f-0"));
  });

  test("G-73 one handler that takes 60 s holds back neither its lane nor 20,000 others", { timeout: 60_000 }, async () => {
    const here = await world();
    const alice = await here.start("alice", { disk: createDisk() });
    const bob = await here.start("bob", { disk: createDisk() });
    let others = 0;
    alice.agent.handle("job", async (input) => {
      if (input === "slow") await new Promise<void>((resolve) => here.runtime.timers.after(60_000, resolve));
      else others++;
    });
    const slow = here.during(bob.agent.notify("alice", "job", "slow", { ...done, timeout: 120_000 }));
    for (let batch = 0; batch < 20; batch++)
      await here.during(Promise.all(Array.from({ length: 1_000 }, (_, i) => bob.agent.notify("alice", "job", i, durable))));
    const begun = here.runtime.now;
    await here.until(() => others === 20_000);
    expect(here.runtime.now - begun).toBeLessThan(50_000);
    await here.runtime.advance(200);
    expect(bob.agent.durable.status().peers).toMatchObject([{ queued: 1 }]);
    // One range for all of them, however many.
    const marks = [...(alice.disk?.entries ?? [])].filter(([key]) => key.startsWith("mark/"));
    expect(marks).toHaveLength(1);
    expect(marks[0]?.[1].length).toBeLessThan(600);
    await slow;
  });
});

describe("links and ends", () => {
  test("a link that ends while the handler runs neither stops it nor runs it twice", async () => {
    const here = await world();
    const alice = await here.start("alice", { disk: createDisk(), goneAfter: 2_000 });
    const bob = await here.start("bob", { disk: createDisk(), goneAfter: 2_000 });
    let runs = 0;
    let aborted = false;
    alice.agent.handle("job", async (_, context) => {
      runs++;
      context.signal.addEventListener("abort", () => (aborted = true));
      await new Promise<void>((resolve) => here.runtime.timers.after(20_000, resolve));
    });
    await here.during(bob.agent.notify("alice", "job", 1, durable));
    await here.until(() => runs === 1);
    here.cut();
    await here.runtime.advance(1_000);
    here.mend();
    for (const link of alice.agent.links()) link.close();
    await here.during(bob.agent.durable.idle());
    expect({ runs, aborted }).toEqual({ runs: 1, aborted: false });
    expect(here.runtime.now).toBeGreaterThan(20_000);
  });

  test("close({ drain }) waits for what runs, marks it, and leaves the rest to the next process", async () => {
    const here = await world();
    const disk = createDisk();
    const alice = await here.start("alice", { disk });
    const bob = await here.start("bob", { disk: createDisk() });
    const ran: unknown[] = [];
    const job = async (input: unknown): Promise<void> => {
      ran.push(input);
      await new Promise<void>((resolve) => here.runtime.timers.after(3_000, resolve));
    };
    alice.agent.handle("job", job);
    await here.during(bob.agent.notify("alice", "job", 1, durable));
    await here.until(() => ran.length === 1);
    const closed = alice.agent.close({ drain: 10_000 });
    await here.runtime.advance(10);
    await here.during(bob.agent.notify("alice", "job", 2, durable));
    await here.during(closed);
    expect(ran).toEqual([1]);
    const next = await here.start("alice", { disk });
    next.agent.handle("job", job);
    await here.during(bob.agent.durable.idle());
    expect(ran).toEqual([1, 2]);
  });

  test("a close without drain leaves what ran to the next process", async () => {
    const here = await world();
    const disk = createDisk();
    const alice = await here.start("alice", { disk });
    const bob = await here.start("bob", { disk: createDisk() });
    const ran: unknown[] = [];
    alice.agent.handle("job", async (input, context) => {
      ran.push(input);
      await new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(context.signal.reason)));
    });
    await here.during(bob.agent.notify("alice", "job", 1, durable));
    await here.until(() => ran.length === 1);
    await alice.close();
    const next = await here.start("alice", { disk });
    next.agent.handle("job", (input) => void ran.push(input));
    await here.during(bob.agent.durable.idle());
    expect(ran).toEqual([1, 1]);
  });

  test("a receiver without a store handles each once while its process lives", async () => {
    const here = await world({ faults: { drop: 0.2, duplicate: 0.1 } });
    const alice = await here.start("alice");
    const bob = await here.start("bob", { disk: createDisk() });
    const got: unknown[] = [];
    alice.agent.handle("job", (input) => void got.push(input));
    alice.agent.handle("bad", () => {
      throw new TightbeamError("invalid_input", "no");
    });
    for (let i = 0; i < 30; i++) {
      await here.during(bob.agent.notify("alice", "job", i, durable));
      if (i % 10 === 5) for (const link of alice.agent.links()) link.close();
    }
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual(Array.from({ length: 30 }, (_, i) => i));
    // It has nowhere to keep a dead letter: its sender does.
    await expect(here.during(bob.agent.notify("alice", "bad", 1, done))).rejects.toMatchObject({ code: "handler_failed" });
    expect(await letters(here, bob.agent)).toMatchObject([{ side: "sender", method: "bad" }]);
  });
});
