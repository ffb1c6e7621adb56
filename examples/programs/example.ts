import type { Screen } from "../demo/screen.js";
import type { Place } from "./place.js";

/** A small program that verifies itself. */
export interface Example {
  readonly name: string;
  /** What it shows, in one sentence. */
  readonly about: string;
  /** Resolves with what went wrong: nothing, if it does what it says. */
  run(place: Place, screen: Screen): Promise<readonly string[]>;
}

/** A list of what went wrong, from checks that name what they expect. */
export function createChecks(): { readonly faults: string[]; check(holds: boolean, expectation: string): void } {
  const faults: string[] = [];
  return {
    faults,
    check(holds, expectation) {
      if (!holds) faults.push(expectation);
    },
  };
}
