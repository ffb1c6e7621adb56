/** What stands in line, and may leave it from anywhere. */
export interface Line<T> {
  readonly size: number;
  add(item: T): void;
  /** False: it was not there. */
  delete(item: T): boolean;
  /** Leaves it. */
  takeOldest(): T | undefined;
  [Symbol.iterator](): Iterator<T>;
}

/**
 * A Set in which the oldest is found at once: a new iterator would first have to skip all that left before it, so one is kept, which everything that is
 * still there stands behind.
 */
export function createLine<T>(): Line<T> {
  const items = new Set<T>();
  let front = items.values();
  return {
    get size() {
      return items.size;
    },
    add: (item) => void items.add(item),
    delete: (item) => items.delete(item),
    takeOldest() {
      let { value, done } = front.next();
      // One that has come to the end stays there, whatever is added.
      if (done === true) {
        front = items.values();
        ({ value, done } = front.next());
      }
      if (done === true) return undefined;
      items.delete(value as T);
      return value as T;
    },
    [Symbol.iterator]: () => items.values(),
  };
}
