import type { MemoryBudget } from "./budget.js";

/** What one peer agent holds, over all its instances, of what all peers share. Kept for as long as it has a link or a session. */
export interface Shares {
  /** Counts links and sessions that came and went. */
  change(id: string, links: number, sessions: number): { readonly budget: MemoryBudget };
  sessionsOf(id: string): number;
}

interface Share {
  readonly budget: MemoryBudget;
  links: number;
  sessions: number;
}

export function createShares(budget: MemoryBudget): Shares {
  const shares = new Map<string, Share>();
  return {
    change(id, links, sessions) {
      const share = shares.get(id) ?? { budget: new Part(budget), links: 0, sessions: 0 };
      share.links += links;
      share.sessions += sessions;
      if (share.links === 0 && share.sessions === 0) shares.delete(id);
      else shares.set(id, share);
      return share;
    },
    sessionsOf: (id) => shares.get(id)?.sessions ?? 0,
  };
}

/** A part that never holds more than it leaves to all others: an agent that takes all it can get has half, and n of them leave one part in n + 1. */
class Part implements MemoryBudget {
  readonly #whole: MemoryBudget;
  used = 0;

  constructor(whole: MemoryBudget) {
    this.#whole = whole;
  }

  get most(): number {
    return this.#whole.most;
  }

  take(bytes: number): boolean {
    if (this.used + bytes > this.most - this.#whole.used - bytes || !this.#whole.take(bytes)) return false;
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
    this.#whole.give(bytes);
  }
}
