import type { Outcome } from "../outcome.js";
import type { Check } from "./check.js";

/** Places in the trace at which the header of an agent's store was damaged, once. */
function spoiled({ trace, faults }: Outcome): readonly { readonly agent: string; readonly place: number }[] {
  const agents = new Map(faults.flatMap((fault) => (fault.kind === "header" ? [[fault.id, fault.agent]] : [])));
  const places = trace.flatMap((event, place) => {
    const agent = event.type === "fault" && event.what === "changed meta/state" ? agents.get(event.fault) : undefined;
    return agent === undefined ? [] : [{ agent, place }];
  });
  // A second bit may be the first one again.
  return places.filter(({ agent }) => places.filter((other) => other.agent === agent).length === 1);
}

export const header: Check = {
  name: "header",
  claim: "A store whose header was damaged is opened by nobody, and nothing in it is changed.",
  run(outcome) {
    return spoiled(outcome).flatMap(({ agent, place }) => {
      const before = outcome.trace.slice(0, place).findLast((event) => event.agent === agent && event.type === "process" && event.what === "started");
      for (const event of outcome.trace.slice(place + 1)) {
        if (event.agent !== agent || event.type !== "write") continue;
        if (event.incarnation !== before?.incarnation) return [`${agent}/${event.incarnation} wrote ${event.key} at ${event.at.toFixed(1)} ms`];
        // Whoever had read it before has written it anew.
        if (event.key === "meta/state") return [];
      }
      return [];
    });
  },
};
