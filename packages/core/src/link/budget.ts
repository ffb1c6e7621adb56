/** One agent's memory for windows, reorder buffers and reassembly, shared by its links. */
export interface MemoryBudget {
  /** False, and nothing taken, when so much is not left. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  readonly used: number;
  readonly most: number;
}

/** What one peer agent holds of it, over all its instances. */
export interface MemoryShare extends MemoryBudget {
  /** Counts what several peers keep waiting, and the whole has paid for already. False, and nothing counted, when it is too much for one of them. */
  charge(bytes: number): boolean;
  discharge(bytes: number): void;
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
