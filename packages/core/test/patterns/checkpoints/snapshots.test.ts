import { describe, expect, it } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import { createDisk } from "../../store/disk.js";
import { createStage, restart } from "./stage.js";

describe("snapshots", () => {
  it("are taken again and again, and once more at the end (G-88)", async () => {
    const stage = await createStage();
    let state = 0;
    stage.checkpoints.snapshots("s", () => state, { every: 100, keep: 5 });
    const wait = (ms: number): Promise<unknown> => stage.during(new Promise((resolve) => stage.runtime.timers.after(ms, () => resolve(undefined))));
    state = 1;
    await wait(150);
    expect(await stage.checkpoints.restore("s")).toBe(1);
    state = 2;
    await wait(150);
    expect((await stage.checkpoints.checkpoints("s")).length).toBeGreaterThanOrEqual(2);
    state = 3;
    stage.checkpoints.stop(new TightbeamError("closed", "over"));
    await stage.during(stage.checkpoints.idle());
    expect(await (await restart(stage)).checkpoints.restore("s")).toBe(3);
  });

  it("end when they are told to", async () => {
    const stage = await createStage();
    let asked = 0;
    const end = stage.checkpoints.snapshots("s", () => ++asked, { every: 10 });
    await stage.during(new Promise((resolve) => stage.runtime.timers.after(35, () => resolve(undefined))));
    end();
    const before = asked;
    stage.checkpoints.stop(new TightbeamError("closed", "over"));
    await stage.runtime.advance(1_000);
    expect(before).toBeGreaterThan(1);
    expect(asked).toBe(before);
  });

  it("never overlap: one that waits holds up the next", async () => {
    const disk = createDisk({ manual: true });
    const opening = createStage({ disk });
    await new Promise((resolve) => setImmediate(resolve));
    disk.flush();
    const stage = await opening;
    let asked = 0;
    stage.checkpoints.snapshots("s", () => ++asked, { every: 10 });
    await stage.runtime.advance(1_000);
    expect(asked).toBe(1);
    disk.flush();
    await stage.runtime.advance(15);
    expect(asked).toBe(2);
  });

  it("that fail are told, and the next is tried", async () => {
    const stage = await createStage();
    let state: unknown = () => 1;
    stage.checkpoints.snapshots("s", () => state, { every: 10 });
    const wait = (): Promise<unknown> => stage.during(new Promise((resolve) => stage.runtime.timers.after(12, () => resolve(undefined))));
    await wait();
    stage.checkpoints.snapshots("thrown", () => JSON.parse("{"), { every: 10 });
    await wait();
    expect(stage.failed.map(({ name, error }) => [name, error.code])).toContainEqual(["s", "not_serialisable"]);
    expect(stage.failed.map(({ name, error }) => [name, error.code])).toContainEqual(["thrown", "handler_failed"]);
    state = 7;
    await wait();
    await wait();
    expect(await stage.checkpoints.restore("s")).toBe(7);
  });

  it.each([
    ["a short time", "s", () => 1, { every: 9 }],
    ["no time", "s", () => 1, { every: Number.NaN }],
    ["no name", "", () => 1, { every: 100 }],
    ["no function", "s", 1, { every: 100 }],
  ])("refuse %s", async (_what, name, state, options) => {
    const stage = await createStage();
    expect(() => stage.checkpoints.snapshots(name, state as () => unknown, options)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("are of one function for each name", async () => {
    const stage = await createStage();
    const end = stage.checkpoints.snapshots("s", () => 1, { every: 100 });
    expect(() => stage.checkpoints.snapshots("s", () => 2, { every: 100 })).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    end();
    stage.checkpoints.snapshots("s", () => 2, { every: 100 });
  });
});
