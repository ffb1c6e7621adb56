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
const keepUpTo = 256;
/** Of every queue that has held nothing yet. */
const unallocated: never[] = [];

class Ring<T> implements Fifo<T> {
  length = 0;
  #ring: (T | undefined)[] = unallocated;
  #mask = -1;
  #head = 0;

  push(item: T): void {
    if (this.length > this.#mask) this.#resize(Math.max(smallest, this.length * 2));
    this.#ring[(this.#head + this.length++) & this.#mask] = item;
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    if (--this.length === 0 && this.#mask >= keepUpTo) this.#resize(smallest);
    return item;
  }

  peek(): T | undefined {
    return this.length === 0 ? undefined : this.#ring[this.#head];
  }

  at(index: number): T | undefined {
    return index >= 0 && index < this.length ? this.#ring[(this.#head + index) & this.#mask] : undefined;
  }

  retain(keep: (item: T) => boolean): void {
    let kept = 0;
    for (let index = 0; index < this.length; index++) {
      const item = this.#ring[(this.#head + index) & this.#mask] as T;
      if (keep(item)) this.#ring[(this.#head + kept++) & this.#mask] = item;
    }
    for (let index = kept; index < this.length; index++) this.#ring[(this.#head + index) & this.#mask] = undefined;
    this.length = kept;
  }

  #resize(size: number): void {
    const next = new Array<T | undefined>(size).fill(undefined);
    for (let index = 0; index < this.length; index++) next[index] = this.#ring[(this.#head + index) & this.#mask];
    this.#ring = next;
    this.#mask = size - 1;
    this.#head = 0;
  }
}

export const createFifo = <T>(): Fifo<T> => new Ring<T>();
