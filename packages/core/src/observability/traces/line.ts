/** A place in a line. */
export interface Place<T> {
  readonly item: T;
  before: Place<T> | undefined;
  behind: Place<T> | undefined;
}

/** What stands in line, and may leave it from anywhere: a linked list, which costs a hot path less than a Set that is filled at one end and emptied at the other. */
export interface Line<T> {
  readonly size: number;
  readonly oldest: T | undefined;
  add(item: T): Place<T>;
  /** Once for each place. */
  leave(place: Place<T>): void;
  [Symbol.iterator](): Iterator<T>;
}

class LinkedLine<T> implements Line<T> {
  size = 0;
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;

  get oldest(): T | undefined {
    return this.#first?.item;
  }

  add(item: T): Place<T> {
    const last = this.#last;
    const place: Place<T> = { item, before: last, behind: undefined };
    if (last === undefined) this.#first = place;
    else last.behind = place;
    this.#last = place;
    this.size++;
    return place;
  }

  leave({ before, behind }: Place<T>): void {
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    this.size--;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let place = this.#first; place !== undefined; place = place.behind) yield place.item;
  }
}

export const createLine = <T>(): Line<T> => new LinkedLine();
