import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { loadParts } from "../agents/clock.js";
import { createDisk, createWorld, type DurableWorld, type WorldOptions } from "./world.js";

beforeAll(loadParts);

const world = async (options?: WorldOptions): Promise<DurableWorld> => {
  const made = await createWorld(options);
  onTestFinished(() => made.close());
  return made;
};

describe("durable messages", () => {
  test("arrive, are done, and leave nothing behind", async () => {
    const here = await world();
    const disks = { alice: createDisk(), bob: createDisk() };
    const alice = await here.start("alice", { disk: disks.alice });
    const bob = await here.start("bob", { disk: disks.bob });
    const got: unknown[] = [];
    alice.agent.handle("job", (input, context) => void got.push([input, context.delivery?.attempt]));
    for (let i = 0; i < 5; i++) await here.during(bob.agent.notify("alice", "job", i, { durable: true }));
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual([0, 1, 2, 3, 4].map((i) => [i, 1]));
    await here.runtime.advance(1_000);
    expect([...disks.bob.entries.keys()].filter((key) => key.startsWith("out/"))).toEqual([]);
    expect([...disks.alice.entries.keys()].filter((key) => key.startsWith("mark/"))).toHaveLength(1);
    await here.during(bob.agent.notify("alice", "job", "last", { durable: true, confirm: "done" }));
    expect(got).toHaveLength(6);
  });

  test("wait for a peer that is not there, across a restart of their sender", async () => {
    const here = await world();
    const disk = createDisk();
    const before = await here.start("bob", { disk });
    await here.during(before.agent.notify("alice", "job", 1, { durable: true }));
    await here.during(before.agent.notify("alice", "job", 2, { durable: true }));
    await before.crash();
    await here.runtime.advance(1_000);
    const bob = await here.start("bob", { disk });
    expect(bob.agent.durable.status().peers).toMatchObject([{ peer: "alice", queued: 2 }]);
    const alice = await here.start("alice", { disk: createDisk() });
    const got: unknown[] = [];
    alice.agent.handle("job", (input) => void got.push(input));
    await here.during(bob.agent.notify("alice", "job", 3, { durable: true }));
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual([1, 2, 3]);
  });

  test("G-71 a receiver that dies while its handler runs gets it again, and what it had marked it does not", async () => {
    const here = await world();
    const disk = createDisk();
    const bob = await here.start("bob", { disk: createDisk() });
    const first = await here.start("alice", { disk });
    const begun: unknown[] = [];
    first.agent.handle("job", (input) => {
      begun.push(input);
      return input === 2 ? new Promise(() => {}) : undefined;
    });
    for (const i of [1, 2, 3]) await here.during(bob.agent.notify("alice", "job", i, { durable: true }));
    await here.until(() => begun.length === 3);
    await here.runtime.advance(500);
    expect(begun).toEqual([1, 2, 3]);
    expect(bob.agent.durable.status().peers).toMatchObject([{ queued: 1, inFlight: 1 }]);
    await first.crash();
    const second = await here.start("alice", { disk });
    const again: unknown[] = [];
    second.agent.handle("job", (input, context) => void again.push([input, context.delivery?.attempt]));
    await here.during(bob.agent.durable.idle());
    expect(again).toEqual([[2, 1]]);
  });
});
