import { TightbeamError } from "@tightbeam/core";

/** How many wait for a place at most. */
const waitingMax = 1_024;

/** So many at a time; the others wait for their turn. */
export interface Places {
  /** Resolves with what gives the place back. Rejects `overloaded` when too many wait already. */
  take(): Promise<() => void>;
  use<T>(work: () => Promise<T>): Promise<T>;
}

export function createPlaces(most: number): Places {
  let free = most;
  const waiting: (() => void)[] = [];

  async function take(): Promise<() => void> {
    if (free > 0) free -= 1;
    else if (waiting.length >= waitingMax) throw new TightbeamError("overloaded", "Too many messages wait for a program here: try again later.");
    else await new Promise<void>((resolve) => waiting.push(resolve));
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    };
  }

  return {
    take,
    async use(work) {
      const release = await take();
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
