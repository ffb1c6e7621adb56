import { systemRuntime } from "@tightbeam/core/runtime";
import type { Runtime } from "@tightbeam/core/transport";

/** The machine's runtime with a wall clock that a test can move. Timers run as always. */
export function movableRuntime(): Runtime & { move(ms: number): void } {
  const { clock, random, timers } = systemRuntime();
  let moved = 0;
  return {
    clock: { monotonic: clock.monotonic, wall: () => clock.wall() + moved },
    random,
    timers,
    move(ms) {
      moved += ms;
    },
  };
}
