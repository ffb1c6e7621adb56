import { TightbeamError } from "@tightbeam/core";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { durableBytes } from "../../packages/core/src/envelope/layout.js";
import { encodeEnvelope } from "../../packages/core/src/envelope/wire.js";
import { lanePrefix, segmentKey } from "../../packages/core/src/patterns/durable/out-keys.js";
import { OutLane } from "../../packages/core/src/patterns/durable/out-lane.js";
import { OutMessage } from "../../packages/core/src/patterns/durable/out-message.js";
import { readOn } from "../../packages/core/src/patterns/durable/out-reading.js";
import { OutSegment } from "../../packages/core/src/patterns/durable/out-segment.js";
import type { State } from "../../packages/core/src/store/state.js";
import { loadParts } from "../agents/clock.js";
import { createDisk, createWorld, type DurableWorld, storeKey } from "./world.js";

beforeAll(loadParts);

const world = async (): Promise<DurableWorld> => {
  const made = await createWorld();
  onTestFinished(() => made.close());
  return made;
};
const durable = { durable: true } as const;
const done = { durable: true, confirm: "done" } as const;

describe("nothing is lost", () => {
  test("a number that could not be written is not said to be settled: the next process gives it to another message", async () => {
    const here = await world();
    const disks = { alice: createDisk(), bob: createDisk() };
    const got: unknown[] = [];
    let release: (() => void) | undefined;
    const start = async () => {
      const alice = await here.start("alice", { disk: disks.alice, goneAfter: 3_000 });
      alice.agent.handle("job", (input) => void got.push(input));
      alice.agent.handle("slow", () => new Promise<void>((resolve) => (release = resolve)));
      return alice;
    };
    let alice = await start();
    let bob = await here.start("bob", { disk: disks.bob, goneAfter: 3_000 });
    await here.during(bob.agent.notify("alice", "slow", 0, { ...durable, priority: "low" }));
    const first = bob.agent.notify("alice", "job", "first", done);
    await here.during(bob.agent.durable.flush());
    disks.bob.fail("store_full");
    await expect(here.during(bob.agent.notify("alice", "job", "lost", durable))).rejects.toMatchObject({ code: "store_full" });
    await here.during(first);
    await here.until(() => release !== undefined);
    await alice.close();
    alice = await start();
    release = undefined;
    // Opened anew, by a link that begins after the number was given up.
    await here.until(() => release !== undefined);
    await bob.crash();
    disks.bob.fail(undefined);
    bob = await here.start("bob", { disk: disks.bob, goneAfter: 3_000 });
    await here.during(bob.agent.notify("alice", "job", "second", done));
    expect(got).toEqual(["first", "second"]);
  });

  test("many damaged entries in a row take nothing with them that lies behind", async () => {
    const here = await world();
    const disk = createDisk();
    let bob = await here.start("bob", { disk });
    for (let i = 0; i < 16; i++) await here.during(bob.agent.notify("alice", "job", i, durable));
    await bob.crash();
    const keys = [...disk.entries.keys()].filter((key) => key.startsWith("out/")).sort();
    expect(keys).toHaveLength(16);
    for (const key of keys.slice(1, 13)) (disk.entries.get(key) as Uint8Array)[30] = 0;
    bob = await here.start("bob", { disk });
    const alice = await here.start("alice", { disk: createDisk() });
    const got: unknown[] = [];
    alice.agent.handle("job", (input) => void got.push(input));
    await here.during(bob.agent.durable.idle());
    expect(got).toEqual([0, 13, 14, 15]);
    expect(bob.agent.durable.status().damaged).toHaveLength(12);
  });

  test("what is on disk is not given up when messages come back from a link while it is read, and there is no memory for it", async () => {
    const lane = new OutLane(2, 9);
    lane.onDisk = 1;
    const segment = new OutSegment(2, 1);
    const header = { type: "notification", id: "01890a5d-ac96-774b-bcce-b302099a8057", timestamp: 1, priority: "normal", method: "m" } as const;
    const envelope = encodeEnvelope({ ...header, durable: { number: 1, floor: 0, again: false } }, undefined);
    for (let i = 1; i < 9; i++) segment.append(envelope, envelope.length - durableBytes, 0);
    const owner = { onDone: () => undefined };
    const state: Pick<State, "scan"> = {
      async *scan() {
        lane.recall([new OutMessage(owner, 0, segment, 3, true, undefined)]);
        yield [segmentKey("x", 2, 1), segment.value().slice()];
      },
    };
    let gone = 0;
    await readOn(lane, {
      state: state as State,
      budget: { take: () => false },
      prefix: lanePrefix("x", 2),
      make: (number, of, start) => new OutMessage(owner, number, of, start, true, undefined),
      empty: () => undefined,
      gone(count) {
        gone += count;
      },
      onDamaged: () => undefined,
    });
    expect([gone, lane.onDisk, lane.settled.has(1)]).toEqual([0, 1, false]);
  });

  test("G-78 rebindAfter counts from when the bound store went away, not while a link leads to it", async () => {
    const here = await world();
    const got: string[] = [];
    const start = async (index: number) => {
      const alice = await here.start("alice", { disk: createDisk(), goneAfter: 3_000 });
      alice.agent.handle("job", (input) => void got.push(`${index}:${input}`));
      alice.agent.handle("slow", () => new Promise(() => {}));
      return alice;
    };
    const bob = await here.start("bob", { disk: createDisk(), durable: { rebindAfter: 20_000 } });
    bob.agent.handle("hello", () => undefined);
    await start(0);
    await here.during(bob.agent.notify("alice", "job", 1, done));
    await here.during(bob.agent.notify("alice", "slow", 1, durable));
    await here.runtime.advance(60_000);
    const other = await start(1);
    await here.during(other.agent.request("bob", "hello"));
    await here.runtime.advance(10_000);
    await here.during(bob.agent.notify("alice", "job", 2, done));
    expect(got).toEqual(["0:1", "0:2"]);
    expect(bob.events.filter(({ type }) => type === "rebound")).toEqual([]);
  });
});

describe("what is asked settles", () => {
  test("a peer whose messages could not be read is read again for the next message, and nobody waits for ever", async () => {
    const here = await world();
    const disk = createDisk();
    const before = await here.start("bob", { disk });
    await here.during(before.agent.notify("alice", "job", 1, durable));
    await before.crash();
    const store = disk.open();
    let failures = 2;
    const scan: typeof store.scan = (prefix, options) => {
      if (prefix.startsWith("out/") && failures-- > 0) throw new Error("as the test wants it");
      return store.scan(prefix, options);
    };
    const bob = await here.start("bob", { store: { ...store, scan }, storeKey });
    await here.runtime.advance(1_000);
    await expect(here.during(bob.agent.notify("alice", "job", 2, durable))).rejects.toMatchObject({ code: "store_failed" });
    await here.during(bob.agent.notify("alice", "job", 3, durable));
    expect(bob.agent.durable.status().peers).toMatchObject([{ queued: 2 }]);
    await bob.close();
  });

  test("a message that nobody handles leaves nothing in its receiver's store", async () => {
    const here = await world();
    const disk = createDisk();
    await here.start("alice", { disk });
    const bob = await here.start("bob", { disk: createDisk() });
    await expect(here.during(bob.agent.notify("alice", "none", 1, { ...done, timeout: 300_000 }))).rejects.toMatchObject({ code: "no_handler" });
    await here.runtime.advance(1_000);
    expect([...disk.entries.keys()].filter((key) => key.startsWith("try/"))).toEqual([]);
  });

  test("a store that takes no more for a moment, since its server is slow, has not failed", async () => {
    const here = await world();
    const store = createDisk().open();
    let refuses = false;
    const batch: typeof store.batch = (changes) => (refuses ? Promise.reject(new TightbeamError("unavailable", "as the test wants it")) : store.batch(changes));
    const alice = await here.start("alice", { disk: createDisk() });
    alice.agent.handle("job", () => undefined);
    const bob = await here.start("bob", { store: { ...store, batch }, storeKey });
    refuses = true;
    await expect(here.during(bob.agent.notify("alice", "job", 1, durable))).rejects.toMatchObject({ code: "unavailable" });
    refuses = false;
    await here.during(bob.agent.notify("alice", "job", 2, done));
    expect(bob.agent.durable.status()).toMatchObject({ failed: undefined });
    await bob.close();
  });

  test("the first message of a sender that kills its process each time is a dead letter in the end", async () => {
    const here = await world();
    const disk = createDisk();
    const bob = await here.start("bob", { disk: createDisk(), goneAfter: 3_000 });
    await here.during(bob.agent.notify("alice", "poison", 1, durable));
    let begun = 0;
    for (let life = 0; life < 8; life++) {
      const before = begun;
      const alice = await here.start("alice", { disk, goneAfter: 3_000 });
      alice.agent.handle("poison", () => {
        begun++;
        return new Promise(() => {});
      });
      await here.until(() => begun > before || bob.agent.durable.status().peers[0]?.queued === 0);
      await alice.crash();
    }
    expect(begun).toBeLessThanOrEqual(6);
    expect(bob.agent.durable.status().peers).toMatchObject([{ queued: 0 }]);
  });
});
