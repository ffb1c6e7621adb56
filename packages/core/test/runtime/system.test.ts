import { afterEach, describe, expect, it, vi } from "vitest";
import { isZero, toHex } from "../../src/bytes.js";
import { systemRuntime } from "../../src/runtime/index.js";

async function freshModule(): Promise<typeof import("../../src/runtime/system.js")> {
  vi.resetModules();
  return await import("../../src/runtime/system.js");
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("systemRuntime", () => {
  it("is one frozen object", () => {
    expect(systemRuntime()).toBe(systemRuntime());
    expect(Object.isFrozen(systemRuntime()) && Object.isFrozen(systemRuntime().random)).toBe(true);
  });

  it("has clocks that go forward and agree with the machine", () => {
    const { clock } = systemRuntime();
    const first = clock.monotonic();
    expect(clock.monotonic()).toBeGreaterThanOrEqual(first);
    expect(Math.abs(clock.wall() - Date.now())).toBeLessThan(5_000);
    expect(Number.isInteger(clock.wall())).toBe(true);
  });

  it("gives bytes of every length, never the same twice, owned by the caller", () => {
    const { random } = systemRuntime();
    for (const length of [0, 1, 255, 256, 257, 4_096, 70_000, 200_000]) expect(random.bytes(length)).toHaveLength(length);
    const seen = new Set(Array.from({ length: 1_000 }, () => toHex(random.bytes(16))));
    expect(seen.size).toBe(1_000);
    expect(isZero(random.bytes(70_000).subarray(65_536))).toBe(false);
    const bytes = random.bytes(32);
    expect(bytes.buffer.byteLength).toBe(32);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 60])("refuses %s bytes", (length) => {
    expect(() => systemRuntime().random.bytes(length)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("throws when the generator fails, and works again when it recovers", async () => {
    const { systemRuntime: fresh } = await freshModule();
    const real = globalThis.crypto;
    vi.stubGlobal("crypto", {
      getRandomValues: () => {
        throw new Error("entropy");
      },
    });
    const { random } = fresh();
    expect(() => random.bytes(16)).toThrowError(expect.objectContaining({ code: "internal" }));
    expect(() => random.bytes(300)).toThrowError(expect.objectContaining({ code: "internal" }));
    vi.stubGlobal("crypto", {});
    expect(() => random.bytes(16)).toThrowError(expect.objectContaining({ code: "unsupported" }));
    vi.stubGlobal("crypto", real);
    expect(isZero(random.bytes(16))).toBe(false);
  });

  it("`soon` runs after the promises that are ready, and before what waits for another turn", async () => {
    const { timers } = systemRuntime();
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        setImmediate(() => order.push("immediate"));
        timers.turn(() => {
          order.push("turn");
          resolve();
        });
        timers.soon(() => order.push("soon"));
        process.nextTick(() => order.push("tick"));
        void Promise.resolve()
          .then(() => order.push("promise"))
          .then(() => order.push("its promise"));
      });
    });
    expect(order).toEqual(["tick", "promise", "its promise", "soon", "immediate", "turn"]);
  });

  it("`soon` is the next turn where the runtime has no ticks, as in pages", async () => {
    const { systemRuntime: fresh } = await freshModule();
    vi.stubGlobal("process", undefined);
    const { timers } = fresh();
    vi.unstubAllGlobals();
    const order: string[] = [];
    timers.soon(() => order.push("soon"));
    await Promise.resolve();
    await Promise.resolve();
    expect(order).toEqual([]);
    await new Promise<void>((resolve) => timers.turn(resolve));
    expect(order).toEqual(["soon"]);
  });

  it("runs and cancels timers, also ones longer than setTimeout can hold", () => {
    vi.useFakeTimers();
    const { timers } = systemRuntime();
    const ran: string[] = [];
    timers.after(10, () => ran.push("a"));
    timers.after(20, () => ran.push("b"), { background: true });
    timers.after(5, () => ran.push("never"))();
    const month = 30 * 24 * 3_600_000;
    timers.after(month, () => ran.push("month"));
    const cancel = timers.after(2 * month, () => ran.push("cancelled"));
    vi.advanceTimersByTime(month - 1);
    expect(ran).toEqual(["a", "b"]);
    vi.advanceTimersByTime(1);
    expect(ran).toEqual(["a", "b", "month"]);
    cancel();
    vi.advanceTimersByTime(2 * month);
    expect(ran).toEqual(["a", "b", "month"]);
    expect(() => timers.after(Number.NaN, () => undefined)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("runs turns in order after the microtasks of this turn", async () => {
    const ran: string[] = [];
    await new Promise<void>((resolve) => {
      systemRuntime().timers.turn(() => ran.push("turn 1"));
      systemRuntime().timers.turn(() => {
        ran.push("turn 2");
        resolve();
      });
      void Promise.resolve().then(() => ran.push("microtask"));
    });
    expect(ran).toEqual(["microtask", "turn 1", "turn 2"]);
  });

  it.each([["MessageChannel"], ["setTimeout"]])("has turns where there is only %s", async (which) => {
    vi.stubGlobal("setImmediate", undefined);
    if (which === "setTimeout") vi.stubGlobal("MessageChannel", undefined);
    const { systemRuntime: fresh } = await freshModule();
    const ran: number[] = [];
    await new Promise<void>((resolve) => {
      for (const i of [1, 2, 3]) fresh().timers.turn(() => ran.push(i) === 3 && resolve());
    });
    expect(ran).toEqual([1, 2, 3]);
  });
});
