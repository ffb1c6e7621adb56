let count = 0;

/** How much of this process's work is where no promise can be run to its end: in threads, in files. A virtual clock stands still meanwhile. */
export const workUnderWay = (): number => count;

/** Counts the work until it settles. Returns its promise. */
export function counted<T>(work: Promise<T>): Promise<T> {
  count++;
  return work.finally(() => count--);
}
