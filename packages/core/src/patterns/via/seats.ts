import type { Link } from "../../link/link-types.js";
import type { Outlet } from "./outlet.js";

/** One subscription of a client at an intermediate. */
export interface Seat {
  readonly link: Link;
  /** As the client numbers it. */
  readonly id: number;
  readonly outlet: Outlet;
  /** The client listens for clients of its own: what it has forwarded itself does not go back there. */
  readonly relays: boolean;
  readonly bench: Bench;
}

/** All who listen at one address in one group, or in none. */
export interface Bench {
  readonly at: string;
  readonly group: string | undefined;
  readonly seats: Seat[];
  turn: number;
}

/** Who listens at one address. */
export interface Place {
  readonly plain: Bench;
  readonly groups: Map<string, Bench>;
  /** Nobody listens here any more, and it is not in the table. */
  gone: boolean;
}

/** Who listens where, at an intermediate. */
export interface Seats {
  readonly size: number;
  at(address: string): Place | undefined;
  /** The bench is new when it has one seat. */
  add(address: string, group: string | undefined, seat: Omit<Seat, "bench">): Seat;
  /** Idempotent. */
  remove(seat: Seat): void;
  benches(): Iterable<Bench>;
}

export function createSeats(): Seats {
  const places = new Map<string, Place>();
  let size = 0;

  const benchOf = (place: Place, at: string, group: string | undefined): Bench => {
    if (group === undefined) return place.plain;
    const bench = place.groups.get(group) ?? { at, group, seats: [], turn: 0 };
    place.groups.set(group, bench);
    return bench;
  };

  return {
    get size() {
      return size;
    },
    at: (address) => places.get(address),
    add(address, group, given) {
      const place = places.get(address) ?? { plain: { at: address, group: undefined, seats: [], turn: 0 }, groups: new Map(), gone: false };
      places.set(address, place);
      const bench = benchOf(place, address, group);
      const seat: Seat = { ...given, bench };
      bench.seats.push(seat);
      size++;
      return seat;
    },
    remove(seat) {
      const { bench } = seat;
      const index = bench.seats.indexOf(seat);
      if (index < 0) return;
      bench.seats.splice(index, 1);
      size--;
      const place = places.get(bench.at);
      if (place === undefined || bench.seats.length > 0) return;
      if (bench.group !== undefined) place.groups.delete(bench.group);
      if (place.plain.seats.length > 0 || place.groups.size > 0) return;
      place.gone = true;
      places.delete(bench.at);
    },
    *benches() {
      for (const { plain, groups } of places.values()) {
        if (plain.seats.length > 0) yield plain;
        yield* groups.values();
      }
    },
  };
}

/** Who of a bench gets a frame that came over `from`: all of the plain ones, the next of a group. */
export function choose(bench: Bench, from: Link | undefined, into: Seat[]): void {
  const { seats } = bench;
  if (bench.group === undefined) {
    for (const seat of seats) if (!isBack(seat, from)) into.push(seat);
    return;
  }
  for (let tried = 0; tried < seats.length; tried++) {
    if (bench.turn >= seats.length) bench.turn = 0;
    const seat = seats[bench.turn++] as Seat;
    // One whose link does not answer is not live.
    if (isBack(seat, from) || (seat.link.state !== "up" && tried < seats.length - 1)) continue;
    into.push(seat);
    return;
  }
}

const isBack = (seat: Seat, from: Link | undefined): boolean => seat.relays && seat.link === from;
