import { describe, expect, it } from "vitest";
import { createDisk } from "../../store/disk.js";
import { createStage, flip, keysOf, message, restart, type Stage, type StageOptions } from "./stage.js";

/** Three checkpoints of "s", 10, 20 and 30, on a disk that a new process opens. */
async function three(options: StageOptions = {}, damage: (stage: Stage) => void = () => undefined): Promise<Stage> {
  const stage = await createStage(options);
  for (const each of [10, 20, 30]) await stage.during(stage.checkpoints.checkpoint("s", each));
  damage(stage);
  return restart(stage);
}

const [list = 0, first = 1, newest = 3] = [];
const key = (stage: Stage, at: number): string => keysOf(stage, "ck/")[at] as string;

describe("a newest checkpoint that is damaged", () => {
  it.each([
    ["flipped", (stage: Stage) => flip(stage, key(stage, newest))],
    ["cut", (stage: Stage) => void stage.disk.entries.set(key(stage, newest), (stage.disk.entries.get(key(stage, newest)) as Uint8Array).subarray(0, 30))],
    ["gone", (stage: Stage) => void stage.disk.entries.delete(key(stage, newest))],
    ["another's value", (stage: Stage) => void stage.disk.entries.set(key(stage, newest), stage.disk.entries.get(key(stage, first)) as Uint8Array)],
  ])("(%s) is reported with its key, and an earlier one is given only to who asks (G-92)", async (_how, damage) => {
    const stage = await three({}, damage);
    await expect(stage.checkpoints.restore("s")).rejects.toMatchObject({ code: "store_damaged" });
    expect(stage.damaged).toMatchObject([{ key: expect.stringMatching(/^ck\/[\w-]{22}\/000000000003$/), error: { code: "store_damaged" } }]);
    expect(await stage.checkpoints.restore("s", { orEarlier: true })).toBe(20);
    expect(stage.damaged).toHaveLength(2);
    expect(await stage.checkpoints.restore("s", { number: 1 })).toBe(10);
    await expect(stage.checkpoints.restore("s", { number: 3 })).rejects.toMatchObject({ code: "store_damaged" });
    await stage.during(stage.checkpoints.checkpoint("s", 40));
    expect(await stage.checkpoints.restore("s")).toBe(40);
    expect((await stage.checkpoints.checkpoints("s")).map(({ number }) => number)).toEqual([4, 3, 2]);
  });

  it("in one of its parts is too (G-92)", async () => {
    const state = new Uint8Array(700_000).fill(3);
    const stage = await createStage({ disk: createDisk({ maxValueBytes: 256 * 1024 }) });
    await stage.during(stage.checkpoints.checkpoint("s", 1));
    await stage.during(stage.checkpoints.checkpoint("s", state));
    flip(stage, keysOf(stage, "ck/").at(-2) as string);
    const after = await restart(stage);
    await expect(after.checkpoints.restore("s")).rejects.toMatchObject({ code: "store_damaged", message: expect.stringContaining("0002/0002") });
    expect(await after.checkpoints.restore("s", { orEarlier: true })).toBe(1);
  });

  it("and all before it too: nothing is made up", async () => {
    const stage = await three({}, (damaged) => {
      for (const at of [1, 2, 3]) flip(damaged, key(damaged, at));
    });
    await expect(stage.checkpoints.restore("s", { orEarlier: true })).rejects.toMatchObject({ code: "store_damaged" });
    expect(stage.damaged).toHaveLength(3);
  });
});

describe("the list of checkpoints", () => {
  it.each([
    ["flipped", (stage: Stage) => flip(stage, key(stage, list))],
    ["gone", (stage: Stage) => void stage.disk.entries.delete(key(stage, list))],
  ])("(%s) is reported, and what is there is found without it by who asks (G-92)", async (_how, damage) => {
    const stage = await three({}, damage);
    await expect(stage.checkpoints.restore("s")).rejects.toMatchObject({ code: "store_damaged" });
    await expect(stage.checkpoints.checkpoints("s")).rejects.toMatchObject({ code: "store_damaged" });
    expect(stage.damaged).toMatchObject([{ key: expect.stringMatching(/^ck\/[\w-]{22}$/) }, { key: expect.stringMatching(/^ck\/[\w-]{22}$/) }]);
    expect(await stage.checkpoints.restore("s", { orEarlier: true })).toBe(30);
    await stage.during(stage.checkpoints.checkpoint("s", 40));
    expect((await stage.checkpoints.checkpoints("s")).map(({ number }) => number)).toEqual([4, 3, 2]);
    expect(await stage.checkpoints.restore("s")).toBe(40);
  });

  it("that is older than a checkpoint beside it is damaged: none is passed over in silence (G-92)", async () => {
    const stage = await createStage();
    await stage.during(stage.checkpoints.checkpoint("s", 10));
    const old = stage.disk.entries.get(key(stage, list)) as Uint8Array;
    await stage.during(stage.checkpoints.checkpoint("s", 20));
    stage.disk.entries.set(key(stage, list), old);
    const after = await restart(stage);
    await expect(after.checkpoints.restore("s")).rejects.toMatchObject({ code: "store_damaged", message: expect.stringContaining("newer") });
    expect(await after.checkpoints.restore("s", { orEarlier: true })).toBe(20);
  });
});

describe("a checkpoint that claims more than was handled", () => {
  /** A store put together by hand: the state holds message 1, and the mark of message 1 is missing. */
  async function forged(change: (stage: Stage, old: Uint8Array) => void): Promise<Stage> {
    const stage = await createStage();
    await stage.during(stage.checkpoints.commit(stage.book, message(0), "with 0", { name: "s" }));
    const [mark = ""] = keysOf(stage, "mark/");
    const old = stage.disk.entries.get(mark) as Uint8Array;
    await stage.during(stage.checkpoints.commit(stage.book, message(1), "with 0 and 1", { name: "s" }));
    change(stage, old);
    return restart(stage);
  }

  it("is refused: its messages would be handled again (G-92)", async () => {
    const stage = await forged((made, old) => void made.disk.entries.set(keysOf(made, "mark/")[0] as string, old));
    await expect(stage.checkpoints.restore("s")).rejects.toMatchObject({
      code: "store_damaged",
      message: expect.stringContaining("claims more than was handled"),
    });
    expect(stage.damaged).toMatchObject([{ key: expect.stringMatching(/^ck\/.*2$/) }]);
    expect(await stage.checkpoints.restore("s", { orEarlier: true })).toBe("with 0");
  });

  it("is refused where all marks of its sender are gone, for as long as they would be kept", async () => {
    const stage = await forged((made) => void made.disk.entries.delete(keysOf(made, "mark/")[0] as string));
    await expect(stage.checkpoints.restore("s", { orEarlier: true })).rejects.toMatchObject({ code: "store_damaged" });
    await stage.runtime.advance(7 * 24 * 3_600_000);
    expect(await stage.checkpoints.restore("s")).toBe("with 0 and 1");
  });

  it("is not, where the marks were forgotten by who sent them, cannot be read, or are newer", async () => {
    const untouched = await forged(() => undefined);
    expect(await untouched.checkpoints.restore("s")).toBe("with 0 and 1");
    const unreadable = await forged((made) => flip(made, keysOf(made, "mark/")[0] as string));
    expect(await unreadable.checkpoints.restore("s")).toBe("with 0 and 1");
    const stage = await createStage();
    await stage.during(stage.checkpoints.commit(stage.book, message(5), "with 5", { name: "s" }));
    stage.book.forget("F".repeat(22));
    await stage.during(stage.checkpoints.commit(stage.book, message(0), "another", { name: "other" }));
    expect(await (await restart(stage)).checkpoints.restore("s")).toBe("with 5");
  });
});
