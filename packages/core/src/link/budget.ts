/** One agent's memory for windows, reorder buffers and reassembly, shared by its links. */
export interface MemoryBudget {
  /** False, and nothing taken, when so much is not left. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  readonly used: number;
  readonly most: number;
}

export function createMemoryBudget(most: number): MemoryBudget {
  let used = 0;
  return {
    take(bytes) {
      if (used + bytes > most) return false;
      used += bytes;
      return true;
    },
    give(bytes) {
      used -= bytes;
    },
    get used() {
      return used;
    },
    most,
  };
}
