/** The last so many things, the oldest first. */
export interface Ring<T> {
  readonly size: number;
  /** How many were ever pushed. */
  readonly pushed: number;
  push(item: T): void;
  /** Undefined outside 0 to size - 1; negative counts from the end. */
  at(index: number): T | undefined;
  /** A copy, the oldest first. */
  list(): T[];
  clear(): void;
}

export function createRing<T>(capacity: number): Ring<T> {
  let items: T[] = [];
  let start = 0;
  let pushed = 0;
  return {
    get size() {
      return items.length;
    },
    get pushed() {
      return pushed;
    },
    push(item) {
      pushed += 1;
      if (items.length < capacity) {
        items.push(item);
        return;
      }
      items[start] = item;
      start = (start + 1) % capacity;
    },
    at(index) {
      const from = index < 0 ? items.length + index : index;
      return from < 0 || from >= items.length ? undefined : items[(start + from) % items.length];
    },
    list: () => [...items.slice(start), ...items.slice(0, start)],
    clear() {
      items = [];
      start = 0;
    },
  };
}
