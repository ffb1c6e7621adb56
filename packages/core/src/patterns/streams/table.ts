import type { Part } from "../../envelope/part-head.js";
import type { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { MemoryBudget } from "../../link/budget.js";
import type { Link } from "../../link/link-types.js";
import { createShares } from "../../link/share.js";

/** One side of a stream, as the table knows it. */
export interface StreamEnd {
  /** What the other side says. */
  take(part: Part): void;
  /** What it says cannot be taken: the stream is over on both sides. */
  broken(error: TightbeamError): void;
  linkEnded(error: TightbeamError): void;
}

/** The streams of one link. */
export interface Place {
  readonly link: Link;
  /** What waits to be read here, within the peer's share of the agent's memory. */
  readonly budget: MemoryBudget;
  readonly opened: Map<number, StreamEnd>;
  readonly served: Map<number, StreamEnd>;
  /** Of the next stream opened here. */
  next: number;
  /** The highest number the peer opened. */
  highest: number;
  /** Opened by the peer and not settled by the handler: a cancelled one counts until its handler is through. */
  serving: number;
}

export interface StreamTable {
  /** The place of a link, made when there is none. */
  at(link: Link): Place;
  find(link: Link): Place | undefined;
  end(link: Link, error: TightbeamError): void;
  readonly places: Iterable<Place>;
  /** One more that is served. False when there are too many, of this link or in all. */
  enter(place: Place): boolean;
  leave(place: Place): void;
  /** The same for those that are opened here. */
  mayOpen(place: Place): boolean;
  readonly opened: number;
  readonly serving: number;
}

export function createStreamTable(budget: MemoryBudget): StreamTable {
  const places = new Map<Link, Place>();
  const shares = createShares(budget);
  let last: Place | undefined;
  let serving = 0;
  const openedInAll = (): number => {
    let opened = 0;
    for (const place of places.values()) opened += place.opened.size;
    return opened;
  };
  return {
    at(link) {
      const known = places.get(link);
      if (known !== undefined) return known;
      const share = shares.change(link.peer.id, 1, 0);
      const place: Place = { link, budget: share.budget, opened: new Map(), served: new Map(), next: 0, highest: -1, serving: 0 };
      places.set(link, place);
      return place;
    },
    find(link) {
      if (last?.link !== link) last = places.get(link);
      return last;
    },
    end(link, error) {
      const place = places.get(link);
      if (place === undefined) return;
      places.delete(link);
      last = undefined;
      for (const stream of [...place.opened.values(), ...place.served.values()]) stream.linkEnded(error);
      shares.change(link.peer.id, -1, 0);
    },
    get places() {
      return places.values();
    },
    enter(place) {
      if (place.serving >= limits.streamsPerLink || serving >= limits.streamsPerAgent) return false;
      place.serving++;
      serving++;
      return true;
    },
    leave(place) {
      place.serving--;
      serving--;
    },
    mayOpen: (place) => place.opened.size < limits.streamsPerLink && place.next < 2 ** 32,
    get opened() {
      return openedInAll();
    },
    get serving() {
      return serving;
    },
  };
}
