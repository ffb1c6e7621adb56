import type { Listed } from "./faults/types.js";
import type { TraceEvent } from "./trace.js";

/** What became of one run. */
export interface Outcome {
  readonly seed: number;
  readonly faults: readonly Listed[];
  readonly trace: readonly TraceEvent[];
  /** When everything had settled, ms; undefined when it had not by the bound. */
  readonly drainedAt: number | undefined;
  /** ms of the run. */
  readonly endedAt: number;
  readonly secrets: readonly Uint8Array[];
}

export interface Violation {
  /** The invariant's name, or `check` for one's own. */
  readonly invariant: string;
  readonly text: string;
}

export interface Judged extends Outcome {
  readonly violations: readonly Violation[];
}
