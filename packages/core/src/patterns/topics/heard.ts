import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Lane } from "../../link/message.js";

interface Event {
  readonly link: Pick<Link, "peer">;
  readonly topic: string;
  readonly lane: Lane;
  readonly header: { readonly id: string };
}

/**
 * What a subscription with `replay` has had of each publisher's instance: the last event of each topic and lane, in which they come in order.
 * Over another link with the same instance a replay brings some of them again.
 */
export interface Heard {
  note(event: Event): void;
  had(event: Event): boolean;
}

export function createHeard(): Heard {
  const last = new Map<string, string>();
  const keyOf = ({ link: { peer }, topic, lane }: Event): string => `${peer.id} ${peer.instance} ${lane} ${topic}`;
  return {
    note(event) {
      const key = keyOf(event);
      // The one that was there first goes: publishers choose how many topics they have.
      if (last.size >= limits.topicsHeard && !last.has(key)) last.delete(last.keys().next().value as string);
      last.set(key, event.header.id);
    },
    had: (event) => event.header.id <= (last.get(keyOf(event)) ?? ""),
  };
}
