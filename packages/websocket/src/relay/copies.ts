import type { Address, Clock } from "@tightbeam/core/transport";

/** How many copies of its frames one agent has made, over all its sockets: a frame to where thousands listen costs what thousands of frames do. */
export interface Copies {
  /** A frame to this address became so many more. */
  made(to: Address, count: number): void;
  /** No more of frames to where several listen, for now. */
  refuses(to: Address): boolean;
}

const addressesMax = 1_024;

export interface CopiesByAgent {
  of(id: string): Copies;
}

/** `perSecond`, also at once; one frame may overshoot, and is paid for afterwards. When there are too many agents, whoever logged in longest ago is forgotten. */
export function createCopies(clock: Clock, perSecond: number, agentsMax: number): CopiesByAgent {
  const agents = new Map<string, Copies>();
  const begin = (): Copies => {
    let left = perSecond;
    let at = clock.monotonic();
    const wide = new Set<Address>();
    const grant = (): void => {
      const now = clock.monotonic();
      left = Math.min(perSecond, left + ((now - at) * perSecond) / 1_000);
      at = now;
    };
    return {
      made(to, count) {
        grant();
        left -= count;
        if (wide.size >= addressesMax) wide.clear();
        wide.add(to);
      },
      refuses(to) {
        if (left > 0 || !wide.has(to)) return false;
        grant();
        return left <= 0;
      },
    };
  };
  return {
    of(id) {
      const copies = agents.get(id) ?? begin();
      agents.delete(id);
      agents.set(id, copies);
      if (agents.size > agentsMax) agents.delete(agents.keys().next().value as string);
      return copies;
    },
  };
}
