import { isTightbeamError } from "../errors.js";
import { checkNumber, defineStep, type StepRun, type StepWork, timerMax } from "./step.js";
import type { Step, TimeoutStatus } from "./types.js";

export type Timeout = Step<TimeoutStatus>;

class TimeoutWork implements StepWork {
  expired = 0;
  readonly #ms: number;

  constructor(ms: number) {
    this.#ms = ms;
  }

  bind(): void {
    // The run has the clock.
  }

  enter(run: StepRun, at: number): undefined {
    run.slots[at] = run.narrow(this.#ms);
  }

  succeeded(run: StepRun, at: number): void {
    run.widen(run.slots[at] as number);
  }

  failed(run: StepRun, at: number, error: unknown): undefined {
    run.widen(run.slots[at] as number);
    if (isTightbeamError(error) && error.code === "timeout") this.expired++;
  }
}

/**
 * Everything inside it takes at most `ms`: then the signal of the attempt fires, and it rejects with `timeout`. Inside `retry()` it is for each attempt,
 * outside for all of them. Throws `invalid_argument`.
 */
export function timeout(ms: number): Timeout {
  checkNumber("timeout(ms)", ms, 1, timerMax, false);
  const work = new TimeoutWork(ms);
  return defineStep({ kind: "timeout", status: () => ({ kind: "timeout", ms, expired: work.expired }) }, work);
}
