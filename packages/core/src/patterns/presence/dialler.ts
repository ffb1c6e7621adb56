import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Links } from "../../link/links-types.js";
import type { Runtime } from "../../runtime/runtime.js";
import { type Allowance, createAllowance } from "./allowance.js";

/** Makes links for hints, which anybody may have sent: so many in all, and so many for each agent that is named in them. */
export interface Dialler {
  /** Undefined when there were too many. Resolves with undefined when nobody answered who could prove to be it. */
  dial(id: string, instance: string): Promise<Link | undefined> | undefined;
}

export function createDialler(runtime: Runtime, links: Pick<Links, "connect">): Dialler {
  const { clock } = runtime;
  const all = createAllowance(clock, limits.hintDialsBurst, limits.hintDialsPerSecond);
  const ofAgents = new Map<string, Allowance>();
  let underWay = 0;

  const ofAgent = (id: string): Allowance => {
    const own = ofAgents.get(id) ?? createAllowance(clock, limits.hintDialsOfAgentBurst, limits.hintDialsOfAgentPerSecond);
    ofAgents.delete(id);
    ofAgents.set(id, own);
    if (ofAgents.size > limits.hintsKept) ofAgents.delete(ofAgents.keys().next().value as string);
    return own;
  };

  return {
    dial(id, instance) {
      // The agent's own share first: what is beyond it must not use up what others have.
      if (underWay >= limits.hintDialsBurst || !ofAgent(id).take() || !all.take()) return undefined;
      underWay++;
      return links
        .connect({ id, instance }, { timeout: limits.handshakeDeadlineMs })
        .catch(() => undefined)
        .finally(() => underWay--);
    },
  };
}
