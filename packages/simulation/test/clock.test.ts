import { describe, expect, it } from "vitest";
import { createScheduler } from "../src/clock/scheduler.js";
import { createClocks, createProcess, wallStart } from "../src/world/process.js";

const place = () => {
  const scheduler = createScheduler();
  const clocks = createClocks(scheduler);
  return { scheduler, clocks, process: createProcess({ agent: "alice", incarnation: 0, seed: 1, scheduler, clocks }) };
};

describe("virtual time", () => {
  it("runs what is due in order, equal times in the order of asking, promises in between", async () => {
    const scheduler = createScheduler();
    const seen: string[] = [];
    scheduler.at(20, () => seen.push(`c ${scheduler.now}`));
    scheduler.at(10, () => {
      seen.push("a");
      void Promise.resolve().then(async () => {
        for (let depth = 0; depth < 50; depth++) await Promise.resolve();
        seen.push("a, then");
      });
      scheduler.soon(() => seen.push("a, soon"));
    });
    scheduler.at(10, () => seen.push("b"));
    scheduler.at(15, () => seen.push("cancelled"))();
    await scheduler.run(30);
    expect(seen).toEqual(["a", "a, then", "a, soon", "b", "c 20"]);
    expect(scheduler.now).toBe(30);
  });

  it("ends when it is over, and says when something never comes to rest", async () => {
    const scheduler = createScheduler();
    let count = 0;
    const again = (): void => {
      count += 1;
      scheduler.at(scheduler.now + 1, again);
    };
    again();
    await scheduler.run(1_000, () => count === 5);
    expect(scheduler.now).toBe(4);
    const ever = (): void => scheduler.soon(ever);
    ever();
    await expect(scheduler.run(1_000)).rejects.toThrow("for ever");
  });

  it("rejects with what a callback throws", async () => {
    const scheduler = createScheduler();
    scheduler.at(1, () => {
      throw new Error("thrown");
    });
    await expect(scheduler.run(2)).rejects.toThrow("thrown");
  });
});

describe("a process", () => {
  it("does nothing while it is stopped, then all of it in order, and nothing once it is dead", async () => {
    const { scheduler, process } = place();
    const seen: string[] = [];
    process.runtime.timers.after(10, () => seen.push(`timer ${scheduler.now}`));
    const cancel = process.runtime.timers.after(20, () => seen.push("cancelled"));
    process.runtime.timers.turn(() => seen.push("turn"));
    process.pause();
    scheduler.at(30, () => {
      process.post(() => seen.push("frame"));
      cancel();
      process.resume();
    });
    await scheduler.run(40);
    expect(seen).toEqual(["turn", "timer 30", "frame"]);
    process.runtime.timers.after(1, () => seen.push("of a dead process"));
    process.kill();
    process.post(() => seen.push("of a dead process"));
    await scheduler.run(50);
    expect(seen).toHaveLength(3);
  });

  it("has clocks that jump and drift: a jump moves the wall clock only, drift both, and timers go by them", async () => {
    const { scheduler, clocks, process } = place();
    const { clock, timers } = process.runtime;
    await scheduler.run(100);
    expect([clock.monotonic(), clock.wall()]).toEqual([100, wallStart + 100]);
    clocks.jump(-5_000);
    expect([clock.monotonic(), clock.wall()]).toEqual([100, wallStart - 4_900]);
    clocks.setRate(2);
    let fired = 0;
    timers.after(100, () => {
      fired = scheduler.now;
    });
    await scheduler.run(200);
    expect([fired, clock.monotonic(), clock.wall()]).toEqual([150, 300, wallStart - 4_700]);
  });

  it("draws the same bytes in the same process of the same seed, and others in every other", () => {
    const { scheduler, clocks } = place();
    const bytes = (seed: number, agent: string, incarnation: number) =>
      Buffer.from(createProcess({ agent, incarnation, seed, scheduler, clocks }).runtime.random.bytes(16)).toString("hex");
    expect(bytes(1, "alice", 0)).toBe(bytes(1, "alice", 0));
    expect(new Set([bytes(1, "alice", 0), bytes(1, "alice", 1), bytes(1, "bob", 0), bytes(2, "alice", 0)]).size).toBe(4);
  });
});
