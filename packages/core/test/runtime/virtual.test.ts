import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes.js";
import { trust } from "../../src/identity/index.js";
import { onDemand } from "../../src/on-demand.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";
import { forge, ISSUER, issuerKey, NOW, publish } from "../identity/fixtures.js";

describe("createVirtualRuntime", () => {
  it("has time that moves only when told", async () => {
    const runtime = createVirtualRuntime({ seed: 1, start: 1_000 });
    expect([runtime.now, runtime.clock.monotonic(), runtime.clock.wall()]).toEqual([0, 0, 1_000]);
    await runtime.advance(1.5);
    runtime.advanceSync(2);
    expect([runtime.now, runtime.clock.monotonic(), runtime.clock.wall()]).toEqual([3.5, 3.5, 1_003]);
  });

  it("gives the same bytes for the same seed, others for another", () => {
    const bytes = (seed: number) => toHex(createVirtualRuntime({ seed }).random.bytes(33));
    expect(bytes(7)).toBe(bytes(7));
    expect(new Set([0, 1, 2, 3, 7].map(bytes)).size).toBe(5);
    const counts = new Array<number>(256).fill(0);
    for (const byte of createVirtualRuntime({ seed: 3 }).random.bytes(256_000)) counts[byte] = (counts[byte] ?? 0) + 1;
    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1_200);
  });

  it("runs what is due in order of time, then of asking; cancelled timers never", () => {
    const step = fc.record({ ms: fc.nat({ max: 50 }), cancel: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const runtime = createVirtualRuntime({ seed: 1 });
        const ran: number[] = [];
        const cancels = steps.map(({ ms }, i) =>
          runtime.timers.after(ms, () => {
            expect(runtime.now).toBe(ms);
            ran.push(i);
          }),
        );
        for (const [i, { cancel }] of steps.entries()) if (cancel) cancels[i]?.();
        runtime.advanceSync(25);
        runtime.advanceSync(25);
        for (const cancel of cancels) cancel();
        const expected = steps.map(({ ms, cancel }, i) => ({ ms, cancel, i })).filter(({ cancel }) => !cancel);
        expect(ran).toEqual(expected.sort((a, b) => a.ms - b.ms || a.i - b.i).map(({ i }) => i));
      }),
    );
  });

  it("runs timers made by timers, and turns between them", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    const ran: string[] = [];
    runtime.timers.after(10, () => {
      ran.push(`a ${runtime.now}`);
      runtime.timers.turn(() => ran.push(`turn ${runtime.now}`));
      runtime.timers.after(5, () => ran.push(`b ${runtime.now}`));
    });
    runtime.timers.after(12, () => ran.push(`c ${runtime.now}`));
    await runtime.advance(20);
    expect(ran).toEqual(["a 10", "turn 10", "c 12", "b 15"]);
  });

  it("lets native crypto and promise chains settle between timers", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    const ran: string[] = [];
    runtime.timers.after(10, () => {
      void (async () => {
        for (let i = 0; i < 20; i++) await Promise.resolve();
        await crypto.subtle.digest("SHA-256", new Uint8Array(10));
        runtime.timers.after(1, () => ran.push(`after crypto ${runtime.now}`));
      })();
    });
    runtime.timers.after(10_000, () => ran.push("deadline"));
    await runtime.advance(20_000);
    expect(ran).toEqual(["after crypto 11", "deadline"]);
  });

  it("stands still while core loads a part or verifies a token, however small the steps", async () => {
    const runtime = createVirtualRuntime({ seed: 1, longGap: 1e9 });
    let loadedAt = Number.NaN;
    const load = onDemand(() => new Promise((resolve) => setTimeout(resolve, 30, "part")));
    runtime.timers.after(10, () => void load().then(() => (loadedAt = runtime.now)));
    await runtime.advance(20);
    expect(loadedAt).toBe(10);

    const token = await forge({});
    const trusted = trust.jwks({ keys: [publish(issuerKey)] }, { issuer: ISSUER });
    let verifiedAt = Number.NaN;
    const verify = async (): Promise<void> => {
      for (let n = 0; n < 5; n++) await trusted.verify(token, { now: NOW });
      verifiedAt = runtime.now;
    };
    const busy = Array.from({ length: 16 }, () => crypto.subtle.digest("SHA-256", new Uint8Array(4 << 20)));
    runtime.timers.after(1, () => void verify());
    for (let n = 0; n < 10; n++) await runtime.advance(1);
    expect(verifiedAt).toBe(21);
    await Promise.all(busy);
  });

  it("gives native work its time in small advances too", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    let done = Number.NaN;
    void crypto.subtle.digest("SHA-256", new Uint8Array(1 << 20)).then(() => {
      done = runtime.now;
    });
    for (let i = 0; i < 100; i++) await runtime.advance(20);
    expect(done).toBeLessThan(1_000);
  });

  it("queues concurrent advances and survives a callback that throws", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    await Promise.all([runtime.advance(10), runtime.advance(5)]);
    expect(runtime.now).toBe(15);
    runtime.timers.after(1, () => {
      throw new Error("callback");
    });
    let later = 0;
    runtime.timers.after(2, () => later++);
    await expect(runtime.advance(5)).rejects.toThrow("callback");
    await runtime.advance(5);
    expect(later).toBe(1);
  });

  it("reports a turn that never ends, and refuses to go back", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    expect(() => runtime.advanceSync(-1)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
    await expect(runtime.advance(Number.NaN)).rejects.toMatchObject({ code: "invalid_argument" });
    const again = (): void => runtime.timers.turn(again);
    again();
    expect(() => runtime.advanceSync(1)).toThrowError(expect.objectContaining({ code: "internal" }));
  });
});
