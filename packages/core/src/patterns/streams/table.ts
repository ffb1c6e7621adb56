import type { Part } from "../../envelope/part-head.js";
import type { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";

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
  /** One more that is served. False when there are too many, of this link, of its peer agent or in all. */
  enter(place: Place): boolean;
  leave(place: Place): void;
  /** The same for those that are opened here. */
  mayOpen(place: Place): boolean;
  readonly opened: number;
  readonly serving: number;
}

export function createStreamTable(): StreamTable {
  const places = new Map<Link, Place>();
  let last: Place | undefined;
  let serving = 0;
  /** By peer agent: a handler that never settles outlives its link, and its peer may come back with another. */
  const servedFor = new Map<string, number>();
  const openedInAll = (): number => {
    let opened = 0;
    for (const place of places.values()) opened += place.opened.size;
    return opened;
  };
  return {
    at(link) {
      const known = places.get(link);
      if (known !== undefined) return known;
      const place: Place = { link, opened: new Map(), served: new Map(), next: 0, highest: -1, serving: 0 };
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
    },
    get places() {
      return places.values();
    },
    enter(place) {
      const { id } = place.link.peer;
      const own = servedFor.get(id) ?? 0;
      if (place.serving >= limits.streamsPerLink || own >= limits.streamsPerPeer || serving >= limits.streamsPerAgent) return false;
      servedFor.set(id, own + 1);
      place.serving++;
      serving++;
      return true;
    },
    leave(place) {
      const { id } = place.link.peer;
      const left = (servedFor.get(id) ?? 1) - 1;
      if (left === 0) servedFor.delete(id);
      else servedFor.set(id, left);
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
