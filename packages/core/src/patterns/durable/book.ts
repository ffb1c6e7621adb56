import type { EnvelopeHeader } from "../../envelope/types.js";
import * as keptLimits from "../../kept-limits.js";
import type { Link } from "../../link/link-types.js";
import { type Delivery, lanes, type Outcome } from "../../link/message.js";
import type { Table } from "../../open-table.js";
import type { Random, Timers } from "../../runtime/runtime.js";
import { numberKey } from "../../store/keys.js";
import type { StoreChange } from "../../store/types.js";
import { createPeerNumberTable } from "../id-table.js";
import { type BookState, bookPrefix, decodeBookEntry, encodeBookEntry, triesPrefix } from "./book-entry.js";
import { createNumbers, type Numbers } from "./numbers.js";
import { Seat } from "./seat.js";
import type { Item, SharedEntry, Writer } from "./writer.js";

const forgetsKept = 16;
const outcomesKept = 256;

/** A message that is not over. */
export interface HeldMessage extends Item {
  readonly header: EnvelopeHeader;
  /** It came once more: this delivery gets the same outcome. */
  join(link: Link, delivery: Delivery): void;
  linkEnded(link: Link): void;
  /** What goes out of the store when it is marked. */
  removals(): readonly StoreChange[];
  /** Its handler is done, and it is not marked. */
  readonly handled: boolean;
  /** It is marked. */
  finish(outcome: "ok"): void;
  /** It could not be marked. */
  unmarked(): void;
  stop(): void;
}

export interface BookHost {
  readonly writer: Writer;
  readonly timers: Pick<Timers, "after">;
  readonly random: Random;
  /** ms since 1970. */
  readonly now: () => number;
}

/** What a receiver remembers of the messages of one sender's store: which were handled, what runs, and how often what failed was tried. */
export class Book implements SharedEntry {
  readonly state: BookState;
  readonly key: string;
  /** What was handled, or is over for another reason that is on disk. */
  marks: Numbers[];
  readonly held: Table<number, HeldMessage>;
  /** Tries of what is not handled, where there were some; on disk too. */
  readonly tries = new Map<number, number>();
  /** Messages, by lane, that wait for their try to be written: those behind them wait too. */
  readonly starting = lanes.map(() => 0);
  /** Live links that its messages come on. */
  readonly links = new Set<Link>();
  /** What handlers see as their link: calls outlive the link they came on. */
  readonly seat: Seat;
  readonly #outcomes = new Map<number, Outcome>();
  readonly #host: BookHost;
  /** Handled, and marked with the next batch. */
  #marking: HeldMessage[] | undefined;
  /** They are with the writer. */
  #asked = false;
  /** How many went with the last batch. */
  #marked = 0;
  #cancel: (() => void) | undefined;

  constructor(key: string, state: BookState, link: Link | undefined, host: BookHost, marks: Numbers[] = lanes.map(() => createNumbers())) {
    this.key = key;
    this.state = state;
    this.marks = marks;
    this.seat = new Seat(link);
    this.held = createPeerNumberTable(host.random);
    this.#host = host;
  }

  get seen(): number[] {
    return this.marks.map(({ top }) => top);
  }

  /** By lane: one above the highest number that it has met at all. */
  get met(): number[] {
    const met = this.seen;
    for (const { lane, number } of [...this.held.values(), ...[...this.tries.keys()].map(itemOf)]) met[lane] = Math.max(met[lane] as number, number + 1);
    return met;
  }

  /** Its sender says that all numbers of this lane below are settled, whatever became of them. */
  raise(lane: number, floor: number): void {
    const marks = this.marks[lane] as Numbers;
    if (floor <= marks.floor) return;
    marks.raise(floor);
    if (this.tries.size > 0) this.#dropTries((item) => item.lane === lane && item.number < floor);
  }

  /** Of what does not run now. */
  #dropTries(which: (item: Item) => boolean): void {
    const over = [...this.tries.keys()].filter((place) => this.held.get(place) === undefined && which(itemOf(place)));
    if (over.length === 0) return;
    for (const place of over) this.tries.delete(place);
    const changes = over.map((place) => ({ remove: this.tryKey(itemOf(place)) }));
    this.#host.writer.add({ changes: () => changes, settled: () => undefined });
  }

  /** How many messages are marked. */
  get marked(): number {
    return this.marks.reduce((sum, { count }) => sum + count, 0);
  }

  /** How many ranges it has to remember. */
  get ranges(): number {
    return this.marks.reduce((sum, { ranges }) => sum + ranges.length / 2, 0);
  }

  /** What became of what was handled already. */
  outcomeOf(of: number): Outcome {
    return this.#outcomes.get(of) ?? "ok";
  }

  remember(of: Item, outcome: Outcome): void {
    if (outcome === "ok") return;
    this.#outcomes.set(placeOf(of), outcome);
    if (this.#outcomes.size <= outcomesKept) return;
    for (const oldest of this.#outcomes.keys()) return void this.#outcomes.delete(oldest);
  }

  /** Everything that was handled is forgotten: the sender said so. */
  forget(forgot: string): void {
    this.marks = lanes.map(() => createNumbers());
    this.#outcomes.clear();
    // Its numbers may begin anew: another message would be taken for what was tried, or for a number given twice.
    this.#dropTries(() => true);
    this.state.forgets = [...this.state.forgets, forgot].slice(-forgetsKept);
  }

  /** Its handler is done: all that are done until the next batch are marked with it. Where there were many the last time, it waits for more. */
  mark(message: HeldMessage): void {
    if (this.#marking !== undefined) return void this.#marking.push(message);
    this.#marking = [message];
    if (this.#marked < keptLimits.marksMany) this.flush();
    else this.#cancel = this.#host.timers.after(keptLimits.marksMs, () => this.flush());
  }

  /** What waits for others waits no longer. */
  flush(): void {
    const items = this.#marking;
    if (items === undefined || this.#asked) return;
    this.#cancel?.();
    this.#asked = true;
    this.#host.writer.add({
      changes: () => {
        this.#marking = undefined;
        this.#asked = false;
        this.#marked = items.length;
        return this.tries.size === 0 ? [] : items.flatMap((item) => item.removals());
      },
      shared: this,
      items,
      settled(error) {
        for (const item of items) {
          if (error === undefined) item.finish("ok");
          else item.unmarked();
        }
      },
    });
  }

  tryKey(item: Item): string {
    return `${triesPrefix}${this.key.slice(bookPrefix.length)}/${item.lane}/${numberKey(item.number)}`;
  }

  with(items: readonly Item[]): { readonly change: StoreChange; readonly keep: () => void } {
    const { marks } = this;
    const copies = marks.map((numbers) => numbers.copy());
    for (const { lane, number } of items) (copies[lane] as Numbers).add(number);
    this.state.at = this.#host.now();
    return {
      change: { put: this.key, value: encodeBookEntry(this.state, copies) },
      keep: () => {
        // They are those of before unless all was forgotten meanwhile; the floor may have risen.
        if (this.marks === marks) for (const { lane, number } of items) (marks[lane] as Numbers).add(number);
      },
    };
  }
}

/** One number for lane and number together. */
export const placeOf = ({ lane, number }: Item): number => number * lanes.length + lane;
export const itemOf = (place: number): Item => ({ lane: place % lanes.length, number: Math.floor(place / lanes.length) });

/** Throws `store_damaged`. */
export function decodeBook(key: string, value: Uint8Array, host: BookHost): Book {
  const { state, marks } = decodeBookEntry(value);
  return new Book(key, state, undefined, host, marks);
}
