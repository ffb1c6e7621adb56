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
    const before = run.narrow(this.#ms);
    // Mostly the operation's own limit, which need not be kept.
    if (before !== run.whole || run.kept(at) !== undefined) run.keep(at, before);
  }

  succeeded(run: StepRun, at: number): void {
    run.widen((run.kept(at) as number | undefined) ?? run.whole);
  }

  failed(run: StepRun, at: number, error: unknown): undefined {
    run.widen((run.kept(at) as number | undefined) ?? run.whole);
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
