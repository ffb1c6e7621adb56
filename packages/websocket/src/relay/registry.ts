import type { Reason } from "../reasons.js";

/** Whoever is logged in as one instance: a socket or a transport of this process. */
export interface Occupant {
  /** RFC 7638 thumbprint of the key it logged in with; follows renewals. */
  readonly thumbprint: string;
  end(reason: Reason): void;
}

/** One place for each agent and instance. */
export interface Registry {
  /** Takes the place, ending who held it with the same key (`replaced`). False when another key holds it. */
  claim(id: string, instance: string, occupant: Occupant): boolean;
  /** Gives the place back, if it is still this occupant's. */
  leave(id: string, instance: string, occupant: Occupant): void;
}

export function createRegistry(): Registry {
  const places = new Map<string, Occupant>();
  // Neither part can hold a space.
  const place = (id: string, instance: string) => `${id} ${instance}`;
  return {
    claim(id, instance, occupant) {
      const name = place(id, instance);
      const before = places.get(name);
      if (before !== undefined && before.thumbprint !== occupant.thumbprint) return false;
      places.set(name, occupant);
      before?.end("replaced");
      return true;
    },
    leave(id, instance, occupant) {
      const name = place(id, instance);
      if (places.get(name) === occupant) places.delete(name);
    },
  };
}
