import { TightbeamError } from "../../errors.js";
import type { Checkpoints } from "./checkpoints.js";
import type { AgentCheckpoints } from "./types.js";

type Part = Omit<Checkpoints, "commit" | "stop" | "idle"> & Pick<AgentCheckpoints, "recover">;

/** Checkpoints as an agent has them. `part`: undefined without a store; with one their code is loaded before the agent is there. */
export function checkpointsFor(part: () => Part | undefined): AgentCheckpoints {
  const use = (): Part => {
    const found = part();
    if (found === undefined) throw noStore();
    return found;
  };
  return {
    checkpoint: async (name, state, options) => use().checkpoint(name, state, options),
    restore: async (name, options) => use().restore(name, options),
    checkpoints: async (name) => use().checkpoints(name),
    recover: async () => use().recover(),
    snapshots: (name, state, options) => use().snapshots(name, state, options),
  };
}

export const noStore = (): TightbeamError => new TightbeamError("invalid_argument", "Checkpoints are kept in a store: createAgent({ store, storeKey, ... }).");
