import type { MemoryBudget, MemoryShare } from "./budget.js";

/** What one peer agent holds, over all its instances, of what all peers share. Kept for as long as it has a link or a session, or holds anything. */
export interface Shares {
  /** Counts links and sessions that came and went. */
  change(id: string, links: number, sessions: number): { readonly budget: MemoryShare };
  sessionsOf(id: string): number;
}

interface Share {
  readonly budget: MemoryShare;
  links: number;
  sessions: number;
}

export function createShares(budget: MemoryBudget): Shares {
  const shares = new Map<string, Share>();

  /** What an agent left here counts when it comes back: who reconnects for ever gets no more than who stays. */
  const forget = (id: string, { links, sessions, budget: { used } }: Share): void => {
    if (links === 0 && sessions === 0 && used === 0) shares.delete(id);
  };

  const begin = (id: string): Share => {
    const share: Share = { budget: new Part(budget, () => forget(id, share)), links: 0, sessions: 0 };
    shares.set(id, share);
    return share;
  };

  return {
    change(id, links, sessions) {
      const share = shares.get(id) ?? begin(id);
      share.links += links;
      share.sessions += sessions;
      forget(id, share);
      return share;
    },
    sessionsOf: (id) => shares.get(id)?.sessions ?? 0,
  };
}

/** A part that never holds more than it leaves to all others: an agent that takes all it can get has half, and n of them leave one part in n + 1. */
class Part implements MemoryShare {
  readonly #whole: MemoryBudget;
  readonly #onEmpty: () => void;
  used = 0;

  constructor(whole: MemoryBudget, onEmpty: () => void) {
    this.#whole = whole;
    this.#onEmpty = onEmpty;
  }

  get most(): number {
    return this.#whole.most;
  }

  take(bytes: number): boolean {
    if (!this.#mayHold(bytes) || !this.#whole.take(bytes)) return false;
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#whole.give(bytes);
    this.discharge(bytes);
  }

  charge(bytes: number): boolean {
    if (!this.#mayHold(bytes)) return false;
    this.used += bytes;
    return true;
  }

  discharge(bytes: number): void {
    this.used -= bytes;
    if (this.used === 0) this.#onEmpty();
  }

  #mayHold(bytes: number): boolean {
    return this.used + bytes <= this.most - this.#whole.used - bytes;
  }
}
