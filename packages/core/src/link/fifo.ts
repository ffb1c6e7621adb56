/** A queue with O(1) push, shift and indexed access from its head. A ring: no allocation once it has its size. */
export interface Fifo<T> {
  readonly length: number;
  push(item: T): void;
  shift(): T | undefined;
  peek(): T | undefined;
  at(index: number): T | undefined;
  /** Drops what does not pass, in place. */
  retain(keep: (item: T) => boolean): void;
}

const smallest = 8;
/** A ring this large is not kept once it is empty. */
const keepUpTo = 1_024;

export function createFifo<T>(): Fifo<T> {
  let ring: (T | undefined)[] = [];
  let mask = -1;
  let head = 0;
  let length = 0;

  const resize = (size: number): void => {
    const next = new Array<T | undefined>(size).fill(undefined);
    for (let index = 0; index < length; index++) next[index] = ring[(head + index) & mask];
    ring = next;
    mask = size - 1;
    head = 0;
  };

  return {
    get length() {
      return length;
    },
    push(item) {
      if (length > mask) resize(Math.max(smallest, length * 2));
      ring[(head + length++) & mask] = item;
    },
    shift() {
      if (length === 0) return undefined;
      const item = ring[head];
      ring[head] = undefined;
      head = (head + 1) & mask;
      if (--length === 0 && mask >= keepUpTo) resize(smallest);
      return item;
    },
    peek: () => (length === 0 ? undefined : ring[head]),
    at: (index) => (index >= 0 && index < length ? ring[(head + index) & mask] : undefined),
    retain(keep) {
      let kept = 0;
      for (let index = 0; index < length; index++) {
        const item = ring[(head + index) & mask] as T;
        if (keep(item)) ring[(head + kept++) & mask] = item;
      }
      for (let index = kept; index < length; index++) ring[(head + index) & mask] = undefined;
      length = kept;
    },
  };
}
