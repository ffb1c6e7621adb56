import type { Outcome } from "../outcome.js";

/** One invariant: says what breaks it, one line each. Pure. */
export interface Check {
  readonly name: string;
  /** What holds. */
  readonly claim: string;
  readonly run: (outcome: Outcome) => readonly string[];
}
