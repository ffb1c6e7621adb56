import { describe, expect, it } from "vitest";
import * as keptLimits from "../../../src/kept-limits.js";
import { createDisk } from "../../store/disk.js";
import { createStage, keysOf, message, restart } from "./stage.js";

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31) % 251);

describe("a checkpoint", () => {
  it.each([null, 0, "", "text", [1, { a: "ä" }], { deep: { er: [true] } }, new Uint8Array(0), bytes(1_000)])("gives back what was kept: %j", async (value) => {
    const stage = await createStage();
    await stage.during(stage.checkpoints.checkpoint("s", value));
    expect(await stage.checkpoints.restore("s")).toEqual(value);
    expect(await (await restart(stage)).checkpoints.restore("s")).toEqual(value);
  });

  it("is of what was given when it was called", async () => {
    const stage = await createStage();
    const state = { list: [1] };
    const raw = bytes(10);
    const both = Promise.all([stage.checkpoints.checkpoint("json", state), stage.checkpoints.checkpoint("bytes", raw)]);
    state.list.push(2);
    raw.fill(0);
    await stage.during(both);
    expect(await stage.checkpoints.restore("json")).toEqual({ list: [1] });
    expect(await stage.checkpoints.restore("bytes")).toEqual(bytes(10));
  });

  it("is kept with the last so many, and the older ones go in the same batch (G-88)", async () => {
    const stage = await createStage();
    for (const each of [1, 2, 3, 4, 5]) await stage.during(stage.checkpoints.checkpoint("s", each));
    expect((await stage.checkpoints.checkpoints("s")).map(({ number }) => number)).toEqual([5, 4, 3]);
    const after = await restart(stage);
    expect((await after.checkpoints.checkpoints("s")).map(({ number }) => number)).toEqual([5, 4, 3]);
    expect(keysOf(after, "ck/")).toHaveLength(4);
    const { flushes } = after.disk;
    await after.during(after.checkpoints.checkpoint("s", 6, { keep: 1 }));
    expect(after.disk.flushes).toBe(flushes + 1);
    expect(keysOf(after, "ck/")).toHaveLength(2);
    expect(await after.checkpoints.restore("s", { number: 5 })).toBeUndefined();
  });

  it("of a state larger than a value of the store lies in several entries, and is one all the same (G-88)", async () => {
    const stage = await createStage({ disk: createDisk({ maxValueBytes: 256 * 1024 }) });
    const state = bytes(1_000_000);
    await stage.during(stage.checkpoints.checkpoint("s", state));
    expect(keysOf(stage, "ck/")).toHaveLength(6);
    const after = await restart(stage);
    expect(Buffer.compare((await after.checkpoints.restore("s")) as Uint8Array, state)).toBe(0);
    await after.during(after.checkpoints.checkpoint("s", 1, { keep: 1 }));
    expect(keysOf(after, "ck/")).toHaveLength(2);
  });

  it("shows neither its name nor its state in the store", async () => {
    const stage = await createStage();
    await stage.during(stage.checkpoints.checkpoint("the name", "the state"));
    for (const [key, value] of stage.disk.entries) {
      expect(key).not.toContain("name");
      expect(Buffer.from(value).toString("latin1")).not.toMatch(/the (name|state)/);
    }
  });
});

describe("checkpoints of one name", () => {
  it("that wait together are one: the last, with the marks of all (G-91)", async () => {
    const disk = createDisk({ manual: true });
    const opening = createStage({ disk });
    await new Promise((resolve) => setImmediate(resolve));
    disk.flush();
    const stage = await opening;
    const first = stage.checkpoints.commit(stage.book, message(0), "a", { name: "s" });
    await stage.runtime.advance(10);
    const others = [1, 2, 3].map((number) => stage.checkpoints.commit(stage.book, message(number), `state ${number}`, { name: "s" }));
    await stage.runtime.advance(10);
    disk.flush();
    await first;
    await stage.runtime.advance(10);
    disk.flush();
    await Promise.all(others);
    expect(await stage.checkpoints.restore("s")).toBe("state 3");
    expect((await stage.checkpoints.checkpoints("s")).map(({ number }) => number)).toEqual([2, 1]);
    expect([0, 1, 2, 3].every((number) => stage.book.marks[2]?.has(number))).toBe(true);
    expect(stage.used()).toBe(0);
  });

  it("wait for room where the store has none, and keep their order (G-91)", async () => {
    const stage = await createStage();
    stage.disk.fail("store_full");
    const kept: number[] = [];
    const all = [0, 1, 2].map((number) => stage.checkpoints.commit(stage.book, message(number), number, { name: "s" }).then(() => kept.push(number)));
    await stage.runtime.advance(2_500);
    const late = stage.checkpoints.commit(stage.book, message(3), 3, { name: "s" }).then(() => kept.push(3));
    await stage.runtime.advance(2_500);
    expect(kept).toEqual([]);
    expect(keysOf(stage, "mark/")).toEqual([]);
    stage.disk.fail(undefined);
    await stage.during(Promise.all([...all, late]));
    expect(kept).toEqual([0, 1, 2, 3]);
    expect(await (await restart(stage)).checkpoints.restore("s")).toBe(3);
    expect(stage.used()).toBe(0);
  });

  it("reject when the store fails for good, and nothing of them is there", async () => {
    const stage = await createStage();
    stage.disk.fail("store_failed");
    await expect(stage.during(stage.checkpoints.checkpoint("s", 1))).rejects.toMatchObject({ code: "store_failed" });
    await expect(stage.during(stage.checkpoints.checkpoint("s", 2))).rejects.toMatchObject({ code: "store_failed" });
    expect(keysOf(stage, "ck/")).toEqual([]);
    expect(stage.used()).toBe(0);
  });

  it("may be restored while newer ones take the place of what is read", async () => {
    const stage = await createStage();
    await stage.during(stage.checkpoints.checkpoint("s", 0, { keep: 1 }));
    const restored: unknown[] = [];
    for (let i = 1; i <= 30; i++) {
      const written = stage.checkpoints.checkpoint("s", i, { keep: 1 });
      restored.push(stage.checkpoints.restore("s"));
      await stage.during(written);
    }
    const values = (await Promise.all(restored)) as number[];
    expect(values.every((value, i) => value === i || value === i + 1)).toBe(true);
    expect(stage.damaged).toEqual([]);
  });
});

describe("bounds", () => {
  it("of names", async () => {
    const stage = await createStage();
    for (let i = 0; i < keptLimits.checkpointNames; i++) await stage.checkpoints.checkpoints(`n${i}`);
    await expect(stage.checkpoints.checkpoint("one more", 1)).rejects.toMatchObject({ code: "overloaded" });
    await expect(stage.checkpoints.restore("one more")).rejects.toMatchObject({ code: "overloaded" });
    await stage.during(stage.checkpoints.checkpoint("n0", 1));
  });

  it("of memory: what waits is taken from the agent's budget, one state of each name", async () => {
    const stage = await createStage({ memory: 2_500 });
    stage.disk.fail("store_full");
    const waiting = Array.from({ length: 20 }, () => stage.checkpoints.checkpoint("a", bytes(1_000)));
    await stage.runtime.advance(10);
    expect(stage.used()).toBe(1_000);
    const other = stage.checkpoints.checkpoint("b", bytes(1_000));
    await expect(stage.checkpoints.checkpoint("c", bytes(1_000))).rejects.toMatchObject({ code: "overloaded" });
    stage.disk.fail(undefined);
    await stage.during(Promise.all([...waiting, other]));
    expect(stage.used()).toBe(0);
  });

  it("of calls that wait", async () => {
    const stage = await createStage();
    stage.disk.fail("store_full");
    const waiting: Promise<unknown>[] = [];
    for (let i = 0; i < keptLimits.checkpointsWaiting; i++) waiting.push(stage.checkpoints.checkpoint("a", 1));
    await expect(stage.checkpoints.checkpoint("a", 1)).rejects.toMatchObject({ code: "overloaded" });
    stage.disk.fail(undefined);
    await stage.during(Promise.all(waiting));
  });

  it.each([
    ["", {}],
    ["x".repeat(257), {}],
    ["a\u0000b", {}],
    [7, {}],
    ["a", { keep: 0 }],
    ["a", { keep: 1.5 }],
    ["a", { keep: 101 }],
    ["a", { kep: 1 }],
  ])("refuse the name %j with %j", async (name, options) => {
    const stage = await createStage();
    await expect(stage.checkpoints.checkpoint(name as string, 1, options as object)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("end with the agent: what waits for room and what comes later is refused, what can be written is", async () => {
    const stage = await createStage();
    await stage.during(stage.checkpoints.checkpoint("s", 1));
    stage.disk.fail("store_full");
    const stuck = stage.checkpoints.checkpoint("s", 2);
    stuck.catch(() => undefined);
    await stage.runtime.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
    const { TightbeamError } = await import("../../../src/errors.js");
    stage.checkpoints.stop(new TightbeamError("closed", "over"));
    await expect(stage.during(stuck)).rejects.toMatchObject({ code: expect.stringMatching(/closed|store_full/) });
    await expect(stage.checkpoints.checkpoint("s", 3)).rejects.toMatchObject({ code: "closed" });
    await stage.checkpoints.idle();
    expect(stage.used()).toBe(0);
  });
});
