import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { loadParts } from "../agents/clock.js";
import { createDisk, createWorld, type Disk, type DurableWorld, type Mortal, type WorldOptions } from "./world.js";

beforeAll(loadParts);

const world = async (options?: WorldOptions): Promise<DurableWorld> => {
  const made = await createWorld(options);
  onTestFinished(() => made.close());
  return made;
};
const durable = { durable: true } as const;
const done = { durable: true, confirm: "done" } as const;

const backup = (disk: Disk) => new Map([...disk.entries].map(([key, value]) => [key, value.slice()]));
const restore = (disk: Disk, copy: Map<string, Uint8Array>): void => {
  disk.entries.clear();
  for (const [key, value] of copy) disk.entries.set(key, value.slice());
};
const rollbacks = ({ events }: Mortal) => events.filter(({ type }) => type === "store_rolled_back");

describe("a store that is not what it was", () => {
  test("G-77 a receiver restored from a copy is found out, takes nothing, and goes on once its sender says so", async () => {
    const here = await world();
    const disk = createDisk();
    const bob = await here.start("bob", { disk: createDisk() });
    const got: unknown[] = [];
    const start = async () => {
      const alice = await here.start("alice", { disk });
      alice.agent.handle("job", (input) => void got.push(input));
      return alice;
    };
    let alice = await start();
    await here.during(bob.agent.notify("alice", "job", 1, done));
    await here.runtime.advance(100);
    const copy = backup(disk);
    await here.during(bob.agent.notify("alice", "job", 2, done));
    await alice.crash();
    restore(disk, copy);
    alice = await start();
    const waiting = bob.agent.notify("alice", "job", 3, durable);
    await here.during(waiting);
    await here.until(() => rollbacks(bob).length > 0);
    await here.runtime.advance(60_000);
    expect(got).toEqual([1, 2]);
    expect(bob.agent.durable.status().peers).toMatchObject([{ blocked: "store_rolled_back", queued: 1 }]);
    await expect(here.during(bob.agent.notify("alice", "job", 4, durable))).rejects.toMatchObject({ code: "store_rolled_back" });
    expect(rollbacks(bob)).toHaveLength(1);
    await here.during(bob.agent.durable.forget("alice"));
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual([1, 2, 3]);
    await here.during(bob.agent.notify("alice", "job", 5, done));
  });

  test("G-77 a sender restored from a copy is found out, although it has given new numbers since", async () => {
    const here = await world();
    const disk = createDisk();
    const alice = await here.start("alice", { disk: createDisk() });
    const got: unknown[] = [];
    alice.agent.handle("job", (input) => void got.push(input));
    let bob = await here.start("bob", { disk });
    await here.during(bob.agent.notify("alice", "job", "a", done));
    await here.runtime.advance(200);
    const copy = backup(disk);
    await here.during(bob.agent.notify("alice", "job", "b", done));
    await bob.crash();
    restore(disk, copy);
    bob = await here.start("bob", { disk });
    here.cut();
    for (const input of ["c", "d", "e"]) await here.during(bob.agent.notify("alice", "job", input, durable));
    here.mend();
    await here.until(() => rollbacks(bob).length > 0);
    expect(rollbacks(alice).length).toBeGreaterThan(0);
    await here.runtime.advance(60_000);
    expect(got).toEqual(["a", "b"]);
    await here.during(bob.agent.durable.forget("alice"));
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual(["a", "b", "c", "d", "e"]);
    // Once more: what was said the last time counts no more.
    await here.during(bob.agent.notify("alice", "job", "f", done));
    await bob.crash();
    restore(disk, copy);
    bob = await here.start("bob", { disk });
    await here.during(bob.agent.notify("alice", "job", "g", durable).catch(() => undefined));
    await here.until(() => rollbacks(bob).length > 0);
    expect(got).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  test("G-77 two processes with copies of one store are found out", async () => {
    const here = await world();
    const disk = createDisk();
    const alice = await here.start("alice", { disk: createDisk() });
    alice.agent.handle("job", () => undefined);
    const bob = await here.start("bob", { disk });
    await here.during(bob.agent.notify("alice", "job", 1, done));
    await bob.crash();
    const twin = createDisk();
    restore(twin, backup(disk));
    const one = await here.start("bob", { disk });
    await here.during(one.agent.notify("alice", "job", 2, done));
    const other = await here.start("bob", { disk: twin });
    await here.during(other.agent.notify("alice", "job", 3, durable).catch(() => undefined));
    await here.until(() => other.agent.durable.status().peers[0]?.blocked === "store_rolled_back");
  });

  test("what was sent and has lost its entry about the peer is not numbered anew without a word", async () => {
    const here = await world();
    const disk = createDisk();
    const alice = await here.start("alice", { disk: createDisk() });
    const got: unknown[] = [];
    alice.agent.handle("job", (input) => void got.push(input));
    let bob = await here.start("bob", { disk });
    for (let i = 0; i < 3; i++) await here.during(bob.agent.notify("alice", "job", i, done));
    await here.runtime.advance(200);
    await bob.crash();
    await alice.close();
    bob = await here.start("bob", { disk });
    await here.during(bob.agent.notify("alice", "job", "kept", durable));
    await bob.crash();
    const key = [...disk.entries.keys()].find((name) => name.startsWith("chan/")) as string;
    (disk.entries.get(key) as Uint8Array)[40] = 0;
    bob = await here.start("bob", { disk });
    expect(bob.agent.durable.status().peers).toEqual([]);
    await expect(here.during(bob.agent.notify("alice", "job", "new", durable))).rejects.toMatchObject({ code: "store_damaged" });
    await here.during(bob.agent.durable.forget("alice"));
    await here.during(bob.agent.notify("alice", "job", "new", durable));
    const again = await here.start("alice", { disk: createDisk() });
    again.agent.handle("job", (input) => void got.push(input));
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual([0, 1, 2, "kept", "new"]);
  });

  test("a damaged entry loses its messages and nothing else, and is told", async () => {
    const here = await world();
    const disk = createDisk();
    let bob = await here.start("bob", { disk });
    for (let i = 0; i < 3; i++) await here.during(bob.agent.notify("alice", "job", i, durable));
    await bob.crash();
    const keys = [...disk.entries.keys()].filter((key) => key.startsWith("out/")).sort();
    expect(keys).toHaveLength(3);
    (disk.entries.get(keys[1] as string) as Uint8Array)[30] = 0;
    bob = await here.start("bob", { disk });
    const alice = await here.start("alice", { disk: createDisk() });
    const got: unknown[] = [];
    alice.agent.handle("job", (input) => void got.push(input));
    await here.during(bob.agent.durable.idle());
    await here.during(bob.agent.notify("alice", "job", 3, done));
    expect(got).toEqual([0, 2, 3]);
    expect(bob.agent.durable.status().damaged).toEqual([keys[1]]);
  });
});

describe("a peer of several instances", () => {
  test("G-78 all messages go to one store, wherever the link leads, and wait for it", async () => {
    const here = await world();
    const disks = [createDisk(), createDisk()] as const;
    const got: string[] = [];
    const start = async (index: 0 | 1) => {
      const alice = await here.start("alice", { disk: disks[index], goneAfter: 3_000 });
      alice.agent.handle("job", (input) => void got.push(`${index}:${input}`));
      return alice;
    };
    const bob = await here.start("bob", { disk: createDisk(), goneAfter: 3_000 });
    const first = await start(0);
    await here.during(bob.agent.notify("alice", "job", 1, done));
    await start(1);
    await here.during(bob.agent.notify("alice", "job", 2, done));
    await first.crash();
    await here.during(bob.agent.notify("alice", "job", 3, durable));
    await here.runtime.advance(60_000);
    expect(got).toEqual(["0:1", "0:2"]);
    expect(bob.agent.durable.status().peers).toMatchObject([{ queued: 1, epoch: 0 }]);
    await start(0);
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual(["0:1", "0:2", "0:3"]);
    expect(bob.events.filter(({ type }) => type === "rebound")).toEqual([]);
  });

  test("G-78 rebindAfter moves them to another, at least once, and says so", async () => {
    const here = await world();
    const disks = [createDisk(), createDisk()] as const;
    const got: string[] = [];
    const start = async (index: 0 | 1) => {
      const alice = await here.start("alice", { disk: disks[index], goneAfter: 3_000 });
      alice.agent.handle("job", (input) => void got.push(`${index}:${input}`));
      return alice;
    };
    const bob = await here.start("bob", { disk: createDisk(), goneAfter: 3_000, durable: { rebindAfter: 20_000 } });
    const first = await start(0);
    await here.during(bob.agent.notify("alice", "job", 1, done));
    await start(1);
    await first.crash();
    const begun = here.runtime.now;
    await here.during(bob.agent.notify("alice", "job", 2, { ...done, timeout: 120_000 }));
    expect(here.runtime.now - begun).toBeGreaterThan(15_000);
    expect(here.runtime.now - begun).toBeLessThan(60_000);
    expect(got).toEqual(["0:1", "1:2"]);
    expect(bob.events.filter(({ type }) => type === "rebound")).toMatchObject([{ peer: "alice" }]);
    expect(bob.agent.durable.status().peers).toMatchObject([{ epoch: 1 }]);
    await start(0);
    await here.during(bob.agent.notify("alice", "job", 3, done));
    expect(got).toEqual(["0:1", "1:2", "1:3"]);
  });

  test("G-78 an instance without a store is replaced as soon as it is gone", async () => {
    const here = await world();
    const got: string[] = [];
    const start = async (name: string) => {
      const alice = await here.start("alice", { goneAfter: 3_000 });
      alice.agent.handle("job", (input) => void got.push(`${name}:${input}`));
      return alice;
    };
    const bob = await here.start("bob", { disk: createDisk(), goneAfter: 3_000 });
    const first = await start("first");
    await here.during(bob.agent.notify("alice", "job", 1, done));
    await first.crash();
    await start("second");
    await here.during(bob.agent.notify("alice", "job", 2, { ...done, timeout: 120_000 }));
    expect(got).toEqual(["first:1", "second:2"]);
    expect(bob.events.filter(({ type }) => type === "rebound")).toHaveLength(1);
  });
});
