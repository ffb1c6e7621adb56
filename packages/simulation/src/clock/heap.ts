interface Entry {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** What is due when: equal times keep the order in which they were added. */
export interface Heap {
  /** Returns a function that cancels. */
  add(at: number, run: () => void): () => void;
  /** Removes and returns the earliest that is due at `until` or before. */
  take(until: number): { readonly at: number; readonly run: () => void } | undefined;
}

export function createHeap(): Heap {
  const heap: Entry[] = [];
  let added = 0;

  const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

  function up(index: number): void {
    const entry = heap[index] as Entry;
    let i = index;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(entry, heap[parent] as Entry)) break;
      heap[i] = heap[parent] as Entry;
      i = parent;
    }
    heap[i] = entry;
  }

  function pop(): void {
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!before(heap[child] as Entry, last)) break;
      heap[i] = heap[child] as Entry;
      i = child;
    }
    heap[i] = last;
  }

  return {
    add(at, run) {
      const entry: Entry = { at, order: added++, run };
      heap.push(entry);
      up(heap.length - 1);
      return () => {
        entry.run = undefined;
      };
    },
    take(until) {
      for (let top = heap[0]; top !== undefined && top.at <= until; top = heap[0]) {
        pop();
        const { at, run } = top;
        top.run = undefined;
        if (run !== undefined) return { at, run };
      }
      return undefined;
    },
  };
}
