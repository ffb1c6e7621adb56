import { conversation, judge, type Listed, SimulationFailure, type SimulationOptions, simulate, warmUp } from "@tightbeam/simulation";

/** What a simulation of the project's own is: everything else follows from the seed. */
export interface Task {
  readonly seed: number;
  /** Of the faults drawn, those with these ids. Default: all. */
  readonly faults?: readonly number[];
}

/** So many seeds apart, a simulation is run twice and compared. */
const twiceEvery = 50;

const optionsOf = (seed: number): SimulationOptions => ({ ...conversation(seed), seed, twice: seed % twiceEvery === 0 });

/** Runs it. Resolves with what to print about a failure, or undefined. */
export async function runTask({ seed, faults }: Task): Promise<string | undefined> {
  await warmUp();
  const options = optionsOf(seed);
  const chosen = faults === undefined ? {} : { faults: (await drawnFaults(seed)).filter(({ id }) => faults.includes(id)) };
  try {
    await simulate({ ...options, ...chosen });
    return undefined;
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    return `${error.message}\nOr: npm run simulate -- --seed ${seed} --faults ${error.faults.map(({ id }) => id).join() || "none"}`;
  }
}

/** The faults that a seed draws. */
export async function drawnFaults(seed: number): Promise<readonly Listed[]> {
  return (await judge({ ...optionsOf(seed), twice: false })).faults;
}
