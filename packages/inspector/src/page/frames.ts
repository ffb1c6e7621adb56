import type { Runtime } from "@tightbeam/core/runtime";

/** Of the time between two drawings, how much the one before may have taken: 1 to this. */
const rest = 3;

/**
 * Draws before the next frame, and never more than a quarter of the time: where drawing is slow, because there is much or the machine is busy,
 * it is done less often, and whoever clicks waits for one drawing at most.
 */
export function createFrames({ clock, timers }: Runtime, nextFrame: (run: () => void) => void): (draw: () => void) => void {
  let notBefore = 0;
  return (draw) => {
    const begin = (): void =>
      nextFrame(() => {
        const from = clock.monotonic();
        draw();
        // What draws does so when this task is over: a task later it is done.
        timers.turn(() => {
          const to = clock.monotonic();
          notBefore = to + rest * (to - from);
        });
      });
    const wait = notBefore - clock.monotonic();
    if (wait > 0) timers.after(wait, begin);
    else begin();
  };
}
