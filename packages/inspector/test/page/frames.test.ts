import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { expect, test } from "vitest";
import { createFrames } from "../../src/page/frames.js";

/** Asks for a drawing whenever the one before is done, each of which takes `cost` ms, for ten seconds. */
async function draw(cost: number): Promise<{ readonly drawn: number; readonly busy: number }> {
  const runtime = createVirtualRuntime({ seed: 1 });
  let shift = 0;
  const clock = { ...runtime.clock, monotonic: () => runtime.clock.monotonic() + shift };
  const frames = createFrames({ ...runtime, clock }, (run) => void runtime.timers.after(16, run));
  let drawn = 0;
  const ask = (): void =>
    frames(() => {
      drawn += 1;
      shift += cost;
      runtime.timers.after(0, ask);
    });
  ask();
  await runtime.advance(10_000);
  return { drawn, busy: (drawn * cost) / (10_000 + shift) };
}

test("what is drawn quickly is drawn every frame; what is slow takes a quarter of the time at most", async () => {
  expect((await draw(1)).drawn).toBeGreaterThan(500);
  for (const cost of [20, 50, 150]) expect((await draw(cost)).busy).toBeLessThanOrEqual(0.26);
});
