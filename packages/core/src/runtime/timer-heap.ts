interface Entry {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export interface TimerHeap {
  /** Returns a function that cancels. Equal times keep the order in which they were added. */
  add(at: number, run: () => void): () => void;
  /** When the earliest live timer is due; Infinity when there is none. */
  next(): number;
  /** Removes and returns the earliest live timer due at `until` or before. */
  take(until: number): { readonly at: number; readonly run: () => void } | undefined;
}

/** A binary heap. Cancelled entries stay until they surface or outnumber the live ones, so cancelling is O(1). */
export function timerHeap(): TimerHeap {
  let heap: Entry[] = [];
  let added = 0;
  let cancelled = 0;

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

  function top(): Entry | undefined {
    while (heap.length > 0 && (heap[0] as Entry).run === undefined) {
      pop();
      cancelled--;
    }
    return heap[0];
  }

  function compact(): void {
    if (cancelled < 64 || cancelled * 2 < heap.length) return;
    // A sorted array is a heap.
    heap = heap.filter((entry) => entry.run !== undefined).sort((a, b) => (before(a, b) ? -1 : 1));
    cancelled = 0;
  }

  return {
    add(at, run) {
      const entry: Entry = { at, order: added++, run };
      heap.push(entry);
      up(heap.length - 1);
      return () => {
        if (entry.run === undefined) return;
        entry.run = undefined;
        cancelled++;
        compact();
      };
    },
    next: () => top()?.at ?? Number.POSITIVE_INFINITY,
    take(until) {
      const entry = top();
      if (entry?.run === undefined || entry.at > until) return undefined;
      const { at, run } = entry;
      pop();
      entry.run = undefined;
      return { at, run };
    },
  };
}
