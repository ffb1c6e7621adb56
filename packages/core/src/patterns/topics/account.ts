import type { MemoryShare } from "../../link/budget.js";
import type { Published } from "./published.js";

/** What waits here for the subscribers of one agent, over all its instances, as its share of the memory: an event counts once, for however many of them it waits. */
export interface QueueAccount {
  /** False when it is more than one agent's share. */
  take(event: Published): boolean;
  give(event: Published): void;
}

export function createQueueAccount(share: MemoryShare): QueueAccount {
  const waiting = new Map<Published, number>();
  return {
    take(event) {
      const queues = waiting.get(event) ?? 0;
      if (queues === 0 && !share.charge(event.cost)) return false;
      waiting.set(event, queues + 1);
      return true;
    },
    give(event) {
      const queues = waiting.get(event) ?? 0;
      if (queues > 1) {
        waiting.set(event, queues - 1);
        return;
      }
      if (waiting.delete(event)) share.discharge(event.cost);
    },
  };
}
