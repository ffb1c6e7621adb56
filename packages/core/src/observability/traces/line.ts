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
  /** At the end. A place is in one line at most; it may come again when it has left. */
  enter(place: Place<T>): void;
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

  enter(place: Place<T>): void {
    const last = this.#last;
    place.before = last;
    place.behind = undefined;
    if (last === undefined) this.#first = place;
    else last.behind = place;
    this.#last = place;
    this.size++;
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

export const placeOf = <T>(item: T): Place<T> => ({ item, before: undefined, behind: undefined });

export const createLine = <T>(): Line<T> => new LinkedLine();
