import * as limits from "../../limits.js";
import type { Arrival } from "./listener.js";

/**
 * What a subscription with `replay` has had of each publisher's instance: the last event of each topic and lane, in which they come in order.
 * Over another link with the same instance a replay brings some of them again.
 */
export interface Heard {
  note(arrival: Arrival): void;
  had(arrival: Arrival): boolean;
}

export function createHeard(): Heard {
  const last = new Map<string, string>();
  const keyOf = ({ link: { peer }, topic, lane }: Arrival): string => `${peer.id} ${peer.instance} ${lane} ${topic}`;
  return {
    note(arrival) {
      const key = keyOf(arrival);
      // The one that was there first goes: publishers choose how many topics they have.
      if (last.size >= limits.topicsHeard && !last.has(key)) last.delete(last.keys().next().value as string);
      last.set(key, arrival.header.id);
    },
    had: (arrival) => arrival.header.id <= (last.get(keyOf(arrival)) ?? ""),
  };
}
