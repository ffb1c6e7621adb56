/** Values by id, as a `Map` holds them. */
export interface Table<K extends string | number, T> {
  readonly size: number;
  get(id: K): T | undefined;
  set(id: K, value: T): void;
  /** False: it is not in it. */
  delete(id: K): boolean;
  /** A copy, by ascending ids: of ids of one origin, the order in which they were made. */
  values(): T[];
}

const smallest = 8;
/** Room for more is given back when the table is empty and had no use for it since it was the last time. */
const keptRoom = 512;

/**
 * For what comes and goes with each message. A `Map` makes a new table of itself after every few dozen of those, and each old table points to the next: as
 * soon as one has grown old, the engine's cheap collections carry along all tables after it and all they held, as if it were alive (1 KB for each request,
 * a third of its CPU). This one keeps its arrays: open addressing, at most half full.
 */
class OpenTable<K extends string | number, T> implements Table<K, T> {
  size = 0;
  readonly #hash: (id: K) => number;
  #ids: (K | undefined)[] = room(smallest);
  #values: (T | undefined)[] = room(smallest);
  /** The most since it was empty. */
  #most = 0;
  /** What of a hash is a place: its upper bits. */
  #shift = 32 - Math.log2(smallest);

  constructor(hash: (id: K) => number) {
    this.#hash = hash;
  }

  get(id: K): T | undefined {
    return this.size === 0 ? undefined : this.#values[this.#placeOf(id)];
  }

  set(id: K, value: T): void {
    if ((this.size + 1) * 2 > this.#ids.length) this.#resize(this.#ids.length * 2);
    const at = this.#placeOf(id);
    if (this.#ids[at] === undefined && ++this.size > this.#most) this.#most = this.size;
    this.#ids[at] = id;
    this.#values[at] = value;
  }

  delete(id: K): boolean {
    if (this.size === 0) return false;
    const ids = this.#ids;
    const mask = ids.length - 1;
    let hole = this.#placeOf(id);
    if (ids[hole] === undefined) return false;
    // Those behind it move up, none before the place where it is looked for first.
    for (let at = (hole + 1) & mask, there = ids[at]; there !== undefined; at = (at + 1) & mask, there = ids[at]) {
      const passed = (at - (this.#hash(there) >>> this.#shift)) & mask;
      if (passed < ((at - hole) & mask)) continue;
      ids[hole] = there;
      this.#values[hole] = this.#values[at];
      hole = at;
    }
    ids[hole] = undefined;
    this.#values[hole] = undefined;
    if (--this.size === 0) this.#empty();
    return true;
  }

  #empty(): void {
    const { length } = this.#ids;
    if (length > keptRoom && this.#most * 8 <= length) this.#resize(length / 2);
    this.#most = 0;
  }

  values(): T[] {
    const ids = this.#ids.filter((id) => id !== undefined).sort((a, b) => (a < b ? -1 : 1));
    return ids.map((id) => this.get(id) as T);
  }

  /** Where it is, or would be. */
  #placeOf(id: K): number {
    const ids = this.#ids;
    const mask = ids.length - 1;
    let at = this.#hash(id) >>> this.#shift;
    for (let there = ids[at]; there !== undefined && there !== id; there = ids[at]) at = (at + 1) & mask;
    return at;
  }

  #resize(length: number): void {
    const ids = this.#ids;
    const values = this.#values;
    this.#ids = room(length);
    this.#values = room(length);
    this.#shift = 32 - Math.log2(length);
    this.size = 0;
    for (const [at, id] of ids.entries()) if (id !== undefined) this.set(id, values[at] as T);
  }
}

const room = <T>(length: number): (T | undefined)[] => new Array<T | undefined>(length).fill(undefined);

/** `hash`: 32 bits, of which the upper ones say where an id is looked for. */
export const createTable = <K extends string | number, T>(hash: (id: K) => number): Table<K, T> => new OpenTable(hash);

/** For whole numbers of this side's own, below 2^53, that follow each other. */
export const createNumberTable = <T>(): Table<number, T> => createTable((id) => Math.imul(id, goldenRatio));

/** 2^32 divided by it: numbers that follow each other are far apart. */
const goldenRatio = 0x9e37_79b1;
