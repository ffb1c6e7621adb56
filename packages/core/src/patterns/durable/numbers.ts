/** Numbers of one lane that are settled: all below `floor`, and ranges above it. What lies between is not. */
export interface Numbers {
  /** The lowest that is not settled. */
  readonly floor: number;
  /** One above the highest that was added; `raise` does not count. */
  readonly top: number;
  /** `from, to` of each, `to` excluded, ascending: none touches the next, or the floor. */
  readonly ranges: readonly number[];
  /** How many are settled. */
  readonly count: number;
  has(number: number): boolean;
  /** What is settled already may be added again. */
  add(number: number): void;
  /** All from `from` up to `to`, `to` excluded. */
  addRange(from: number, to: number): void;
  /** All below it are settled, whatever they were. */
  raise(floor: number): void;
  copy(): Numbers;
}

class SettledNumbers implements Numbers {
  floor: number;
  top: number;
  ranges: number[];

  constructor(floor: number, top: number, ranges: number[]) {
    this.floor = floor;
    this.top = top;
    this.ranges = ranges;
  }

  get count(): number {
    return this.ranges.reduce((sum, bound, at) => (at % 2 === 0 ? sum - bound : sum + bound), this.floor);
  }

  has(number: number): boolean {
    if (number < this.floor) return true;
    const at = this.#after(number);
    // Behind an odd number of bounds: within a range.
    return at % 2 === 1;
  }

  add(number: number): void {
    if (number >= this.top) this.top = number + 1;
    if (number === this.floor && this.ranges.length === 0) this.floor++;
    else this.#insert(number, number + 1);
  }

  addRange(from: number, to: number): void {
    if (to <= from) return;
    if (to > this.top) this.top = to;
    this.#insert(from, to);
  }

  raise(floor: number): void {
    if (floor <= this.floor) return;
    this.floor = floor;
    this.#absorb();
  }

  copy(): Numbers {
    return new SettledNumbers(this.floor, this.top, [...this.ranges]);
  }

  /** How many bounds are at most `number`. */
  #after(number: number): number {
    const { ranges } = this;
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ranges[middle] as number) <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(from: number, to: number): void {
    if (to <= this.floor) return;
    const { ranges } = this;
    let at = this.#after(from);
    let begin = from;
    if (at % 2 === 1) begin = ranges[--at] as number;
    else if (at > 0 && ranges[at - 1] === from) {
      at -= 2;
      begin = ranges[at] as number;
    }
    let end = to;
    let until = at;
    while (until < ranges.length && (ranges[until] as number) <= to) {
      end = Math.max(end, ranges[until + 1] as number);
      until += 2;
    }
    ranges.splice(at, until - at, begin, end);
    this.#absorb();
  }

  #absorb(): void {
    const { ranges } = this;
    let count = 0;
    while (count < ranges.length && (ranges[count] as number) <= this.floor) {
      this.floor = Math.max(this.floor, ranges[count + 1] as number);
      count += 2;
    }
    if (count > 0) ranges.splice(0, count);
  }
}

export const createNumbers = (floor = 0, top = 0, ranges: readonly number[] = []): Numbers => new SettledNumbers(floor, top, [...ranges]);
