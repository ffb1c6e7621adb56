import type { HandlerContext } from "@tightbeam/core";
import type { Store } from "@tightbeam/core/store";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { loadParts } from "../agents/clock.js";
import { createDisk, createWorld, type Disk, type DurableWorld, type Mortal, type WorldOptions } from "./world.js";

beforeAll(loadParts);

const world = async (options?: WorldOptions): Promise<DurableWorld> => {
  const made = await createWorld(options);
  onTestFinished(() => made.close());
  return made;
};

interface Pair {
  readonly here: DurableWorld;
  readonly alice: Mortal;
  readonly bob: Mortal;
  readonly disk: Disk;
}

/** Bob sends, Alice handles. */
async function pair(disk = createDisk()): Promise<Pair> {
  const here = await world();
  const alice = await here.start("alice", { disk });
  const bob = await here.start("bob", { disk: createDisk() });
  return { here, alice, bob, disk };
}

const settled = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "kept",
    (error: { code: string }) => error.code,
  );

/** A disk that notes which keys each batch puts. */
function noting(disk: Disk): { readonly disk: Disk; readonly batches: string[][] } {
  const batches: string[][] = [];
  const open = (): Store => {
    const store = disk.open();
    return {
      ...store,
      batch(changes) {
        batches.push(changes.flatMap((change) => ("put" in change ? [change.put.split("/")[0] as string] : [])));
        return store.batch(changes);
      },
    };
  };
  return { disk: { ...disk, open }, batches };
}

describe("a batch", () => {
  test("has a commit's state and its message's mark, or neither (G-89)", async () => {
    const { disk, batches } = noting(createDisk());
    const { here, alice, bob } = await pair(disk);
    let tally = 0;
    alice.agent.handle("add", (input, context) => {
      tally += input as number;
      return context.commit(tally, { name: "tally" });
    });
    for (let i = 0; i < 4; i++) await here.during(bob.agent.notify("alice", "add", i, { durable: true, confirm: "done" }));
    const states = batches.filter((keys) => keys.includes("ck"));
    expect(states).toHaveLength(4);
    expect(states.every((keys) => keys.includes("mark"))).toBe(true);
    expect(batches.filter((keys) => keys.includes("mark"))).toHaveLength(4);
  });

  test("has a checkpoint and the marks of what has settled before it, though those could not be written before (G-88)", async () => {
    const noted = noting(createDisk());
    const { here, alice, bob } = await pair(noted.disk);
    const ran: unknown[] = [];
    alice.agent.handle("add", (input) => void ran.push(input));
    await here.during(bob.agent.notify("alice", "add", 0, { durable: true, confirm: "done" }));
    noted.disk.fail("store_full");
    await here.during(bob.agent.notify("alice", "add", 1, { durable: true }));
    await here.until(() => ran.length === 2);
    await here.runtime.advance(300);
    noted.disk.fail(undefined);
    noted.batches.length = 0;
    const kept = alice.agent.checkpoint("ran", ran);
    await here.during(kept);
    expect(noted.batches[0]).toEqual(expect.arrayContaining(["ck", "mark"]));
    await alice.crash();
    const again = await here.start("alice", { disk: noted.disk });
    expect(await here.during(again.agent.restore("ran"))).toEqual([0, 1]);
    again.agent.handle("add", (input) => void ran.push(input));
    await here.during(bob.agent.durable.idle());
    expect(ran).toEqual([0, 1]);
  });
});

describe("a handler that commits", () => {
  test("finds its store full for a minute: no try of that time counts, and no message becomes a dead letter (G-89)", async () => {
    const { here, alice, bob, disk } = await pair();
    const seen = new Set<unknown>();
    let runs = 0;
    const serve = (at: Mortal): unknown =>
      at.agent.handle("add", async (input, context) => {
        runs++;
        await context.commit([...seen.add(input)], { name: "seen" });
      });
    serve(alice);
    const sent = Array.from({ length: 10 }, (_, n) => bob.agent.notify("alice", "add", n, { durable: true }));
    disk.fail("store_full");
    await here.during(Promise.all(sent));
    await here.runtime.advance(30_000);
    // Those that were under way come again, with their tries counted on disk before they begin: which it refuses, too.
    await alice.crash();
    disk.fail(undefined);
    const again = await here.start("alice", { disk });
    disk.fail("store_full");
    serve(again);
    runs = 0;
    await here.runtime.advance(30_000);
    expect(runs).toBeLessThan(100);
    disk.fail(undefined);
    await here.during(bob.agent.durable.idle());
    expect((await here.during(again.agent.deadLetters.list())).letters).toEqual([]);
    expect(new Set((await here.during(again.agent.restore("seen"))) as number[])).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  });

  test("keeps its state and its message's mark in one batch (G-89)", async () => {
    const { here, alice, bob, disk } = await pair();
    let tally = 0;
    alice.agent.handle("add", async (input, context) => {
      tally += input as number;
      await context.commit(tally, { name: "tally" });
    });
    for (const each of [1, 2, 3]) await here.during(bob.agent.notify("alice", "add", each, { durable: true, confirm: "done" }));
    expect(await here.during(alice.agent.restore("tally"))).toBe(6);
    expect(await here.during(alice.agent.checkpoints("tally"))).toMatchObject([{ number: 3, bytes: 1 }, { number: 2 }, { number: 1 }]);
    await alice.crash();
    const again = await here.start("alice", { disk });
    expect(await here.during(again.agent.restore("tally"))).toBe(6);
    expect(await here.during(again.agent.restore("tally", { number: 2 }))).toBe(3);
    expect(await here.during(again.agent.restore("other"))).toBeUndefined();
  });

  test("and then throws has handled its message: it is reported and never runs again (G-90)", async () => {
    const { here, alice, bob } = await pair();
    let runs = 0;
    alice.agent.handle("add", async (_input, context) => {
      runs++;
      await context.commit({ runs });
      throw new Error("after all");
    });
    await here.during(bob.agent.notify("alice", "add", 1, { durable: true, confirm: "done" }));
    await here.runtime.advance(60_000);
    expect(runs).toBe(1);
    expect(alice.events.filter(({ type }) => type === "handler_failed")).toMatchObject([{ method: "add", peer: "bob" }]);
    expect(await here.during(alice.agent.restore("add"))).toEqual({ runs: 1 });
  });

  test("commits once, while it runs", async () => {
    const { here, alice, bob } = await pair();
    const codes: unknown[] = [];
    let late: HandlerContext | undefined;
    alice.agent.handle("add", async (_input, context) => {
      late = context;
      const first = context.commit(1);
      codes.push(await settled(context.commit(2)), await settled(first), await settled(context.commit(3)));
    });
    await here.during(bob.agent.notify("alice", "add", 1, { durable: true, confirm: "done" }));
    expect(codes).toEqual(["invalid_argument", "kept", "invalid_argument"]);
    expect(await settled((late as HandlerContext).commit(4))).toBe("invalid_argument");
    expect(await here.during(alice.agent.restore("add"))).toBe(1);
  });

  test("of a request, of a plain notification, or without a store is told so", async () => {
    const here = await world();
    const alice = await here.start("alice");
    const bob = await here.start("bob", { disk: createDisk() });
    const said: unknown[] = [];
    alice.agent.handle("add", async (_input, { commit }) => {
      said.push(await settled(commit(1)));
    });
    await here.during(bob.agent.request("alice", "add"));
    await here.during(bob.agent.notify("alice", "add", 1, { confirm: "done" }));
    await here.during(bob.agent.notify("alice", "add", 1, { durable: true, confirm: "done" }));
    expect(said).toEqual(["invalid_argument", "invalid_argument", "invalid_argument"]);
    for (const refused of [alice.agent.checkpoint("a", 1), alice.agent.restore("a"), alice.agent.checkpoints("a")])
      await expect(refused).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("store") });
    expect(() => alice.agent.snapshots("a", () => 1, { every: 100 })).toThrow("store");
  });

  test("a state that cannot be kept leaves the message unhandled, and the next try may commit", async () => {
    const { here, alice, bob } = await pair();
    const codes: unknown[] = [];
    alice.agent.handle("add", async (_input, context) => {
      const states = [undefined, () => 1, new Uint8Array(64 * 1024 * 1024 + 1), { text: "x".repeat(2_000_000) }];
      for (const state of states) codes.push(await settled(context.commit(state)));
      for (const options of [{ name: "" }, { name: "a\nb" }, { keep: 0 }, { keep: 101 }, { kept: 2 } as object])
        codes.push(await settled(context.commit(1, options)));
      await context.commit(1);
    });
    await here.during(bob.agent.notify("alice", "add", 1, { durable: true, confirm: "done" }));
    expect(codes).toEqual(["invalid_argument", "not_serialisable", "too_large", "too_large", ...Array.from({ length: 5 }, () => "invalid_argument")]);
    expect(await here.during(alice.agent.restore("add"))).toBe(1);
  });

  test("that failed too often may commit when its letter is replayed, and the letter goes", async () => {
    const here = await world();
    const alice = await here.start("alice", { disk: createDisk(), durable: { maxDeliveries: 1 } });
    const bob = await here.start("bob", { disk: createDisk() });
    let broken = true;
    alice.agent.handle("add", async (input, context) => {
      if (broken) throw new Error("not yet");
      await context.commit(input, { name: "last" });
      throw new Error("after its commit");
    });
    await here.during(bob.agent.notify("alice", "add", 7, { durable: true }));
    await here.during(bob.agent.durable.idle());
    broken = false;
    expect(await here.during(alice.agent.deadLetters.replay({}))).toMatchObject({ replayed: 1, failedCount: 0 });
    expect(await here.during(alice.agent.restore("last"))).toBe(7);
    expect(await alice.agent.deadLetters.statistics()).toMatchObject({ count: 0 });
  });

  test("what was given up commits nothing", async () => {
    const { here, alice, bob } = await pair();
    const contexts: HandlerContext[] = [];
    alice.agent.handle("add", (_input, context) => {
      contexts.push(context);
      return new Promise(() => {});
    });
    await here.during(bob.agent.notify("alice", "add", 1, { durable: true, ttl: 600_000 }));
    await here.until(() => contexts.length === 1);
    const [context] = contexts as [HandlerContext];
    await here.runtime.advance(500);
    // Nobody cancels a durable message but the agent that closes.
    const closed = alice.agent.close();
    expect(await settled(context.commit(1))).toBe("closed");
    await here.during(closed);
  });
});
