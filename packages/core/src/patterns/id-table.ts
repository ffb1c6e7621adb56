import type { Random } from "../runtime/runtime.js";

/** Values by id, as a `Map` holds them. */
export interface IdTable<T> {
  readonly size: number;
  get(id: string): T | undefined;
  set(id: string, value: T): void;
  /** False: it is not in it. */
  delete(id: string): boolean;
  /** A copy, by ascending ids: of ids of one origin, the order in which they were made. */
  values(): T[];
}

const smallest = 8;
/** Room for more is given back once the table is empty. */
const keptRoom = 512;

/**
 * For what comes and goes with each message. A `Map` makes a new table of itself after every few dozen of those, and each old table points to the next: as
 * soon as one has grown old, the engine's cheap collections carry along all tables after it and all they held, as if it were alive (1 KB for each request,
 * a third of its CPU). This one keeps its arrays: open addressing, at most half full.
 */
class OpenTable<T> implements IdTable<T> {
  size = 0;
  readonly #hash: (id: string) => number;
  #ids: (string | undefined)[] = room(smallest);
  #values: (T | undefined)[] = room(smallest);
  /** What of a hash is a place: its upper bits. */
  #shift = 32 - Math.log2(smallest);

  constructor(hash: (id: string) => number) {
    this.#hash = hash;
  }

  get(id: string): T | undefined {
    return this.size === 0 ? undefined : this.#values[this.#placeOf(id)];
  }

  set(id: string, value: T): void {
    if ((this.size + 1) * 2 > this.#ids.length) this.#resize(this.#ids.length * 2);
    const at = this.#placeOf(id);
    if (this.#ids[at] === undefined) this.size++;
    this.#ids[at] = id;
    this.#values[at] = value;
  }

  delete(id: string): boolean {
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
    if (--this.size === 0 && ids.length > keptRoom) this.#resize(smallest);
    return true;
  }

  values(): T[] {
    const ids = this.#ids.filter((id) => id !== undefined).sort();
    return ids.map((id) => this.get(id) as T);
  }

  /** Where it is, or would be. */
  #placeOf(id: string): number {
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

/** 28 bits of an id's random ones. */
const lastDigits = 7;

/** For ids that are made here: their last digits are random. */
export const createOwnIdTable = <T>(): IdTable<T> => new OpenTable<T>((id) => hashFrom(id.length - lastDigits, id, 0x9e37_79b1));

/** For ids that others choose, and could choose to be in each other's way: all of each counts, by a number that nobody knows. */
export function createPeerIdTable<T>(random: Random): IdTable<T> {
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
  const secret = (a << 24) | (b << 16) | (c << 8) | d | 1;
  return new OpenTable<T>((id) => hashFrom(0, id, secret));
}

function hashFrom(start: number, id: string, factor: number): number {
  let hash = 0;
  for (let at = start; at < id.length; at++) hash = Math.imul(hash + id.charCodeAt(at), factor);
  return hash;
}
