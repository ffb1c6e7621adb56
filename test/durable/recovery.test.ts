import type { RecoveryReport } from "@tightbeam/core";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { loadParts } from "../agents/clock.js";
import { createDisk, createWorld, type Disk, type DurableWorld, type Mortal } from "./world.js";

beforeAll(loadParts);

const world = async (): Promise<DurableWorld> => {
  const made = await createWorld();
  onTestFinished(() => made.close());
  return made;
};

const reportOf = (here: DurableWorld, { agent }: Mortal): Promise<RecoveryReport> => here.during(agent.recover());

const flip = (disk: Disk, prefix: string): string => {
  const [key, value] = [...disk.entries].filter(([each]) => each.startsWith(prefix)).sort(([a], [b]) => (a < b ? 1 : -1))[0] as [string, Uint8Array];
  const bytes = value.slice();
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  disk.entries.set(key, bytes);
  return key;
};

/** Alice has handled four of Bob's messages, keeps two for Carol who is away, a dead letter, a reply and checkpoints of two names. */
async function busy(here: DurableWorld, disk: Disk): Promise<{ readonly alice: Mortal; readonly bob: Mortal }> {
  const alice = await here.start("alice", { disk, durable: { maxDeliveries: 1 } });
  const bob = await here.start("bob", { disk: createDisk() });
  let tally = 0;
  alice.agent.handle("add", async (_input, context) => {
    tally++;
    if (context.idempotencyKey === undefined) await context.commit(tally, { name: "tally" });
  });
  alice.agent.handle("bad", () => {
    throw new Error("no");
  });
  for (let i = 0; i < 4; i++) await here.during(bob.agent.notify("alice", "add", i, { durable: true, confirm: "done" }));
  await here.during(bob.agent.notify("alice", "bad", 1, { durable: true }));
  await here.during(bob.agent.durable.idle());
  await here.during(bob.agent.request("alice", "add", 1, { idempotencyKey: "k" }));
  await here.during(alice.agent.checkpoint("other", "state"));
  await here.during(alice.agent.notify("carol", "job", 1, { durable: true }));
  await here.during(alice.agent.notify("carol", "job", 2, { durable: true }));
  return { alice, bob };
}

describe("a start", () => {
  test("tells what it found, and how the process before it ended (G-92)", async () => {
    const here = await world();
    const disk = createDisk();
    const { alice } = await busy(here, disk);
    const first = await reportOf(here, alice);
    expect(first).toMatchObject({
      incarnation: 1,
      clean: undefined,
      resumed: [],
      senders: [],
      deadLetters: 0,
      idempotencyKeys: 0,
      checkpoints: [],
      damaged: [],
    });
    await alice.crash();
    const second = await here.start("alice", { disk });
    const report = await reportOf(here, second);
    expect(report).toMatchObject({
      store: first.store,
      incarnation: 2,
      clean: false,
      resumed: [{ peer: "carol", messages: 2 }],
      senders: [{ peer: "bob", marked: 5 }],
      interrupted: 0,
      deadLetters: 1,
      idempotencyKeys: 1,
      damaged: [],
      damagedCount: 0,
    });
    expect([...report.checkpoints].sort((a, b) => (a.name < b.name ? -1 : 1))).toMatchObject([
      { name: "other", newest: { number: 1 }, kept: 1 },
      { name: "tally", newest: { number: 4, bytes: 1 }, kept: 3 },
    ]);
    await second.close();
    const third = await here.start("alice", { disk });
    expect(await reportOf(here, third)).toMatchObject({ incarnation: 3, clean: true, resumed: [{ peer: "carol", messages: 2 }] });
    expect(await reportOf(here, third)).toBe(await reportOf(here, third));
    await third.crash();
    expect(await reportOf(here, await here.start("alice", { disk }))).toMatchObject({ incarnation: 4, clean: false });
  });

  test("says it once in an event, after whoever made the agent could listen", async () => {
    const here = await world();
    const { agent, events } = await here.start("alice", { disk: createDisk() });
    const report = await here.during(agent.recover());
    await here.runtime.advance(1_000);
    expect(events.filter(({ type }) => type === "recovered")).toEqual([{ type: "recovered", report }]);
    await here.during(agent.close());
    expect(await agent.recover()).toBe(report);
  });

  test("names every entry that cannot be read (G-92)", async () => {
    const here = await world();
    const disk = createDisk();
    const { alice } = await busy(here, disk);
    await alice.crash();
    const keys = ["ck/", "dead/body/", "dead/head/", "idem/", "mark/", "out/"].map((prefix) => flip(disk, prefix));
    const report = await reportOf(here, await here.start("alice", { disk }));
    expect(report.damaged.map(({ key }) => key)).toEqual(expect.arrayContaining(keys));
    expect(report.damaged.every(({ error }) => error.code === "store_damaged")).toBe(true);
    expect(report.damagedCount).toBe(report.damaged.length);
  });

  test("finds a checkpoint that claims more than the marks beside it, and restore refuses it (G-92)", async () => {
    const here = await world();
    const disk = createDisk();
    const alice = await here.start("alice", { disk });
    const bob = await here.start("bob", { disk: createDisk() });
    let tally = 0;
    alice.agent.handle("add", (_input, context) => context.commit(++tally, { name: "tally" }));
    const send = (): Promise<void> => here.during(bob.agent.notify("alice", "add", 1, { durable: true, confirm: "done" }));
    await send();
    const [mark = "", old] = [...disk.entries].find(([key]) => key.startsWith("mark/")) ?? [];
    await send();
    await alice.crash();
    disk.entries.set(mark, old as Uint8Array);
    const again = await here.start("alice", { disk });
    const { damaged } = await reportOf(here, again);
    expect(damaged).toMatchObject([{ key: expect.stringMatching(/^ck\/.*2$/), error: { code: "store_damaged" } }]);
    expect(damaged[0]?.error.message).toContain("claims more than was handled");
    await expect(here.during(again.agent.restore("tally"))).rejects.toMatchObject({ code: "store_damaged" });
    expect(again.events.filter(({ type }) => type === "store_damaged")).toMatchObject([{ key: damaged[0]?.key }]);
    expect(await here.during(again.agent.restore("tally", { orEarlier: true }))).toBe(1);
  });

  test("of an agent without a store has nothing to tell", async () => {
    const here = await world();
    const { agent } = await here.start("alice");
    await expect(agent.recover()).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("store") });
  });
});
