import type { TraceDetail } from "../trace.js";

/** What the recorder needs of the simulation. */
export interface Recorder {
  /** Nothing is recorded of a process that has ended. */
  readonly record: (detail: TraceDetail) => void;
  /** Numbers that are given once. */
  readonly next: () => number;
}

export type Loose = (...args: unknown[]) => unknown;
