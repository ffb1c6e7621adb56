import { TightbeamError } from "../../errors.js";
import { onDemand } from "../../on-demand.js";
import type { DeadLetterOffice, DeadLettersOptions } from "./dead-letters.js";
import type { DeadLetterOptions, DeadLetters } from "./types.js";

const load = onDemand(() => import("./dead-letters.js"));

type Given = Omit<DeadLettersOptions, "options" | "state"> & {
  /** False: none, although there is a state. */
  readonly options: DeadLetterOptions | false | undefined;
  readonly state: DeadLettersOptions["state"] | undefined;
};

/** Undefined for an agent that keeps none: it has neither a state nor the option. Rejects as `createDeadLetters` does, and with `unavailable`. */
export async function deadLettersFor({ options, state, ...rest }: Given): Promise<DeadLetterOffice | undefined> {
  if (options === false || (options === undefined && state === undefined)) return undefined;
  const { createDeadLetters, memoryState } = await load();
  return createDeadLetters({ ...rest, options: options ?? {}, state: state ?? (await memoryState(rest.runtime)) });
}

const refuse = (): Promise<never> =>
  Promise.reject(
    new TightbeamError("unsupported", "This agent keeps no dead letters: give createAgent a `store`, or `deadLetters: {}` for letters in memory."),
  );

/** Of an agent that keeps none. */
export const noDeadLetters: DeadLetters = Object.freeze({ list: refuse, get: refuse, replay: refuse, discard: refuse, statistics: refuse });
