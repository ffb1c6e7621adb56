import { invariants } from "./checks/index.js";
import type { Judged, Outcome, Violation } from "./outcome.js";
import { run } from "./run.js";
import { traceHash } from "./trace.js";
import type { SimulationOptions } from "./types.js";

/** Of each invariant so many are told. */
const perInvariant = 5;

/** Runs it and says what does not hold. Throws `invalid_argument`. */
export async function judge(options: SimulationOptions): Promise<Judged> {
  const outcome = await run(options);
  const without = options.without ?? [];
  const violations = invariants
    .filter(({ name }) => !without.includes(name))
    .flatMap(({ name, run: check }) =>
      check(outcome)
        .slice(0, perInvariant)
        .map((text): Violation => ({ invariant: name, text })),
    );
  return {
    ...outcome,
    violations: [...violations, ...(await own(options, outcome)), ...(options.twice === true ? differences(outcome, await run(options)) : [])],
  };
}

function differences({ trace }: Outcome, again: Outcome): Violation[] {
  if (traceHash(trace) === traceHash(again.trace)) return [];
  const index = trace.findIndex((event, place) => traceHash([event]) !== traceHash(again.trace.slice(place, place + 1)));
  const event = trace[index];
  const where = event === undefined ? "at its end" : `at event ${index}, ${event.type} of ${event.agent} at ${event.at.toFixed(1)} ms`;
  return [{ invariant: "deterministic", text: `the second run differs from the first ${where}: a program waits for something from outside the simulation` }];
}

async function own({ check }: SimulationOptions, outcome: Outcome): Promise<Violation[]> {
  if (check === undefined) return [];
  try {
    const found = await check(outcome);
    const texts = Array.isArray(found) ? found : typeof found === "string" ? [found] : [];
    return texts.map((text) => ({ invariant: "check", text: String(text) }));
  } catch (error) {
    return [{ invariant: "check", text: error instanceof Error ? error.message : "the check threw something that is no error" }];
  }
}
