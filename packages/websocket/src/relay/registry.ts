import type { Reason } from "../reasons.js";

/** Whoever is logged in as one instance: a socket or a transport of this process. */
export interface Occupant {
  /** RFC 7638 thumbprint of the key it logged in with; follows renewals. */
  readonly thumbprint: string;
  end(reason: Reason): void;
}

/** One place for each agent and instance. */
export interface Registry {
  /** Takes the place, ending who held it with the same key (`replaced`). `instance_taken` when another key holds it, `too_many` when the agent has no place left. */
  claim(id: string, instance: string, occupant: Occupant): "instance_taken" | "too_many" | undefined;
  /** Gives the place back, if it is still this occupant's. */
  leave(id: string, instance: string, occupant: Occupant): void;
}

export function createRegistry({ placesPerAgent }: { readonly placesPerAgent: number }): Registry {
  const agents = new Map<string, Map<string, Occupant>>();
  return {
    claim(id, instance, occupant) {
      const places = agents.get(id) ?? new Map<string, Occupant>();
      const before = places.get(instance);
      if (before !== undefined && before.thumbprint !== occupant.thumbprint) return "instance_taken";
      if (before === undefined && places.size >= placesPerAgent) return "too_many";
      agents.set(id, places);
      places.set(instance, occupant);
      before?.end("replaced");
      return undefined;
    },
    leave(id, instance, occupant) {
      const places = agents.get(id);
      if (places?.get(instance) !== occupant) return;
      places.delete(instance);
      if (places.size === 0) agents.delete(id);
    },
  };
}
