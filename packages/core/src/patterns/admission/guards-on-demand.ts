import { onDemand } from "../../on-demand.js";
import type { Rate } from "../../resilience/token-bucket.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Guards } from "./guards.js";
import type { Policy } from "./policy.js";

const loadGuards = onDemand(() => import("./guards.js"));

/** Undefined for an agent that has neither policy nor rate. Rejects with `invalid_argument` for one that is none, and with `unavailable`. */
export const guardsFor = async (runtime: Runtime, policy: Policy | undefined, rate: Rate | undefined): Promise<Guards | undefined> =>
  policy === undefined && rate === undefined ? undefined : (await loadGuards()).createGuards(runtime, policy, rate);
