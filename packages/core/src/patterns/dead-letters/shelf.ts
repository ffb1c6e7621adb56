import { TightbeamError } from "../../errors.js";
import type { DeadLetter, DeadLetterFilter, DeadLetterSide } from "./types.js";

/** A letter in memory, without its message. */
export interface Shelved {
  readonly number: number;
  letter: DeadLetter;
  /** Its batch is not flushed yet: it has its room, and nobody sees it. */
  pending: boolean;
  /** It is about to go, when a batch is flushed: its room is for others. */
  leaving: boolean;
}

export interface ShelfBounds {
  readonly count: number;
  readonly bytes: number;
  /** When there is no room: nothing is taken, instead of the oldest going. */
  readonly refuses: boolean;
}

/** The heads of all letters, in their order, and who holds how much of the room. */
export interface Shelf {
  readonly count: number;
  readonly bytes: number;
  get(number: number): Shelved | undefined;
  /** In order, without those that are pending. */
  matching(filter: DeadLetterFilter): Iterable<Shelved>;
  /** Takes the room of a letter. Returns it with those that go instead, which are leaving from now on. Throws `store_full`, `too_large`. */
  take(number: number, letter: DeadLetter): { readonly entry: Shelved; readonly instead: readonly Shelved[] };
  /** One that is in the store, whatever room there is. */
  place(number: number, letter: DeadLetter): void;
  remove(entry: Shelved): void;
  /** Its room is free from now on, although it is still there. */
  leave(entry: Shelved): void;
  /** What was leaving stays. */
  keep(entry: Shelved): void;
}

interface Held {
  count: number;
  bytes: number;
}

/** Letters of one side, or of one peer: what peers send must not push out what this agent sent, nor one of them all the others. */
interface Holder extends Held {
  readonly entries: Set<Shelved>;
}

const newHolder = (): Holder => ({ entries: new Set(), count: 0, bytes: 0 });

const none = newHolder();

/** A letter costs this much beside its message. */
const entryBytes = 512;

const roomOf = ({ bytes, kept }: DeadLetter): number => (kept ? bytes : 0) + entryBytes;

class LetterShelf implements Shelf {
  readonly #bounds: ShelfBounds;
  /** Numbers only grow, so that the order of the map is theirs. */
  readonly #entries = new Map<number, Shelved>();
  readonly #sides: Readonly<Record<DeadLetterSide, Holder>> = { sender: newHolder(), receiver: newHolder() };
  /** What came here, by peer agent. */
  readonly #peers = new Map<string, Holder>();

  constructor(bounds: ShelfBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#sides.sender.count + this.#sides.receiver.count;
  }

  get bytes(): number {
    return this.#sides.sender.bytes + this.#sides.receiver.bytes;
  }

  get(number: number): Shelved | undefined {
    const entry = this.#entries.get(number);
    return entry?.pending === true ? undefined : entry;
  }

  *matching({ reason, peer, method, side, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }: DeadLetterFilter): Iterable<Shelved> {
    const reasons = reason === undefined ? undefined : new Set([reason].flat());
    for (const entry of this.#entries.values()) {
      const { letter } = entry;
      if (entry.pending || letter.lastAt < from || letter.lastAt >= to) continue;
      if (peer !== undefined && letter.peer !== peer) continue;
      if (method !== undefined && letter.method !== method) continue;
      if (side !== undefined && letter.side !== side) continue;
      if (reasons?.has(letter.reason) === false) continue;
      yield entry;
    }
  }

  take(number: number, letter: DeadLetter): { readonly entry: Shelved; readonly instead: readonly Shelved[] } {
    const { count, bytes, refuses } = this.#bounds;
    const room = roomOf(letter);
    const instead: Shelved[] = [];
    const makeRoom = (part: number, held: () => Held, from: () => Holder): void => {
      const most = { count: Math.max(Math.floor(count * part), 1), bytes: Math.floor(bytes * part) };
      if (room > most.bytes) throw tooLarge(letter.bytes);
      for (let now = held(); now.count + 1 > most.count || now.bytes + room > most.bytes; now = held()) {
        const oldest = refuses ? undefined : oldestOf(from());
        if (oldest === undefined) throw full();
        instead.push(oldest);
        this.leave(oldest);
      }
    };
    try {
      if (letter.side === "receiver") {
        const peer = (): Holder => this.#peers.get(letter.peer) ?? none;
        const side = (): Holder => this.#sides.receiver;
        makeRoom(1 / 2, peer, peer);
        makeRoom(3 / 4, side, side);
      }
      // What came has at most three quarters: what was sent gives way to it down to the last one.
      const { sender, receiver } = this.#sides;
      makeRoom(
        1,
        () => this,
        () => (sender.count > 0 ? sender : receiver),
      );
    } catch (error) {
      for (const entry of instead) this.keep(entry);
      throw error;
    }
    return { entry: this.#put({ number, letter, pending: true, leaving: false }), instead };
  }

  place(number: number, letter: DeadLetter): void {
    this.#put({ number, letter, pending: false, leaving: false });
  }

  remove(entry: Shelved): void {
    if (!this.#entries.delete(entry.number)) return;
    this.leave(entry);
    const { side, peer } = entry.letter;
    for (const holder of this.#holdersOf(entry.letter)) holder.entries.delete(entry);
    if (side === "receiver" && this.#peers.get(peer)?.entries.size === 0) this.#peers.delete(peer);
  }

  leave(entry: Shelved): void {
    if (entry.leaving) return;
    entry.leaving = true;
    this.#count(entry.letter, -1);
  }

  keep(entry: Shelved): void {
    if (!entry.leaving) return;
    entry.leaving = false;
    this.#count(entry.letter, 1);
  }

  #put(entry: Shelved): Shelved {
    const { side, peer } = entry.letter;
    this.#entries.set(entry.number, entry);
    if (side === "receiver" && !this.#peers.has(peer)) this.#peers.set(peer, newHolder());
    for (const holder of this.#holdersOf(entry.letter)) holder.entries.add(entry);
    this.#count(entry.letter, 1);
    return entry;
  }

  #holdersOf({ side, peer }: DeadLetter): readonly Holder[] {
    const holder = side === "receiver" ? this.#peers.get(peer) : undefined;
    return holder === undefined ? [this.#sides[side]] : [this.#sides[side], holder];
  }

  #count(letter: DeadLetter, by: 1 | -1): void {
    for (const holder of this.#holdersOf(letter)) {
      holder.count += by;
      holder.bytes += by * roomOf(letter);
    }
  }
}

function oldestOf({ entries }: Holder): Shelved | undefined {
  for (const entry of entries) if (!entry.pending && !entry.leaving) return entry;
  return undefined;
}

const full = (): TightbeamError =>
  new TightbeamError("store_full", "There is no room for another dead letter: replay or discard some, or raise deadLetters.retention.");
const tooLarge = (bytes: number): TightbeamError =>
  new TightbeamError("too_large", `A message of ${bytes} bytes is more than deadLetters.retention.bytes has room for.`);

export const createShelf = (bounds: ShelfBounds): Shelf => new LetterShelf(bounds);
