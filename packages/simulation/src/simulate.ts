import { faultText } from "./faults/text.js";
import type { Listed } from "./faults/types.js";
import { judge } from "./judge.js";
import type { Judged, Violation } from "./outcome.js";
import { shrink } from "./shrink.js";
import { traceHash } from "./trace.js";
import type { SimulationOptions } from "./types.js";
import { warmUp } from "./warm-up.js";

/** A simulation in which something did not hold, with as few faults as it needs. Its message says all that is needed to see it again. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";
  readonly seed: number;
  readonly faults: readonly Listed[];
  readonly violations: readonly Violation[];
  /** Of the run with these faults. */
  readonly judged: Judged;

  constructor(judged: Judged, drawn: readonly Listed[], options: SimulationOptions) {
    super(failureText(judged, drawn, options));
    this.judged = judged;
    this.seed = judged.seed;
    this.faults = judged.faults;
    this.violations = judged.violations;
  }
}

/** What a run was, when everything held. */
export interface Simulated extends Judged {
  /** SHA-256 of the trace: the same for the same seed and options. */
  readonly hash: string;
}

/**
 * Runs agents in a simulated world and rejects with `SimulationFailure` when an invariant does not hold, or `check` finds something. Runs one
 * after the other in a process: beside each other they would share what their programs share.
 */
export async function simulate(options: SimulationOptions): Promise<Simulated> {
  await warmUp();
  const judged = await judge(options);
  if (judged.violations.length === 0) return simulated(judged);
  const kinds = new Set(judged.violations.map(({ invariant }) => invariant));
  const faults = await shrink(judged.faults, async (part) =>
    (await judge({ ...options, faults: part })).violations.some(({ invariant }) => kinds.has(invariant)),
  );
  const smallest = faults.length === judged.faults.length ? judged : await judge({ ...options, faults });
  throw new SimulationFailure(smallest, judged.faults, options);
}

/** The hash is taken when it is asked for: few ask, and it costs as much as a handshake. */
const simulated = (judged: Judged): Simulated => ({
  ...judged,
  get hash() {
    return traceHash(judged.trace);
  },
});

function failureText({ seed, faults, violations }: Judged, drawn: readonly Listed[], options: SimulationOptions): string {
  const { duration, drain } = options;
  const settings = { ...(duration === undefined ? {} : { duration }), ...(drain === undefined ? {} : { drain }) };
  const of = faults.length === drawn.length ? "" : ` of ${drawn.length}`;
  return [
    `Seed ${seed}, with ${faults.length}${of} faults, agents ${Object.keys(options.agents).join(", ")}:`,
    ...violations.map(({ invariant, text }) => `  ${invariant}: ${text}`),
    ...(faults.length === 0 ? [] : ["Faults:", ...faults.map((fault) => `  ${faultText(fault)}`)]),
    `Again: simulate({ ...the same agents and check, ${JSON.stringify({ seed, ...settings, faults }).slice(1)})`,
  ].join("\n");
}
