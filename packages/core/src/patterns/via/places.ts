import { isTightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Address } from "../../transport/address.js";
import { TransportError } from "../../transport/transport.js";
import type { Desk, Listener } from "./desk.js";
import { ask, connectMs } from "./patience.js";
import { names } from "./words.js";

/** Where a client wants to listen, for as long as it does. */
export interface Wanted {
  readonly at: Address;
  readonly group: string | undefined;
  /** For clients of our own: how many more agents may listen for them. */
  readonly hops: number | undefined;
  readonly take: Listener["take"];
  readonly lost: Listener["lost"];
}

export interface Place extends Listener {
  readonly wanted: Wanted;
  /** Of the present subscription: each one has a number of its own. */
  id: number;
  /** It was allowed once. */
  settled: boolean;
  /** Resolves when frames sent from now on arrive; rejects when the intermediate refuses, or at the end. */
  readonly confirmed: Promise<void>;
  readonly settle: (error?: TransportError) => void;
}

/** All that one client wants, put on one link after the other. */
export interface Places {
  add(wanted: Wanted): Place;
  /** Subscribes there, and leaves where it was. Rejects with what may go better later; what is refused for good is told to the place. */
  put(place: Place, link: Link): Promise<void>;
  missing(link: Link): Place[];
  /** What is to be heard of, if anyone hears it. */
  remove(place: Place): Promise<void>;
  /** Nothing is to be expected there any more. */
  lose(link: Link): void;
  clear(error: TransportError): Promise<unknown>;
}

export interface PlacesOptions {
  readonly desk: Desk;
  readonly peer: string;
  readonly signal: AbortSignal;
  readonly isCurrent: (link: Link) => boolean;
  /** It refuses what it had allowed. */
  readonly onRefused: (error: TransportError) => void;
}

export function createPlaces({ desk, peer, signal, isCurrent, onRefused }: PlacesOptions): Places {
  const { host } = desk.inside;
  const places = new Set<Place>();

  const unplace = (place: Place): Link | undefined => {
    const { link, id } = place;
    desk.listeners.delete(id);
    place.link = undefined;
    return link;
  };

  /** Also on a link that is silent: when it comes back, nobody's turn goes to who has left. */
  const unsubscribe = async (link: Link | undefined, id: number): Promise<void> => {
    if (link === undefined || link.state === "ended") return;
    await host.system.request(link, names.unsubscribe, { id }, { timeout: connectMs }).catch(() => undefined);
  };

  const remove = (place: Place): Promise<void> => {
    places.delete(place);
    return unsubscribe(unplace(place), place.id);
  };

  return {
    add(wanted) {
      let resolve = (): void => undefined;
      let reject: (error: TransportError) => void = () => undefined;
      const confirmed = new Promise<void>((yes, no) => {
        resolve = yes;
        reject = no;
      });
      confirmed.catch(() => undefined);
      const { take, lost } = wanted;
      const place: Place = {
        wanted,
        take,
        lost,
        id: 0,
        link: undefined,
        settled: false,
        confirmed,
        settle: (error) => (error === undefined ? resolve() : reject(error)),
      };
      places.add(place);
      return place;
    },
    async put(place, link) {
      void unsubscribe(unplace(place), place.id);
      const id = desk.nextNumber();
      place.id = id;
      place.link = link;
      desk.listeners.set(id, place);
      const { at, group, hops } = place.wanted;
      const word = { id, at, ...(group === undefined ? undefined : { group }), ...(hops === undefined ? undefined : { hops }) };
      try {
        await ask(host, link, names.subscribe, word, signal);
      } catch (error) {
        // It may have been taken all the same.
        void unsubscribe(place.id === id ? unplace(place) : undefined, id);
        // On another link it may be another matter; and who gave up is told nothing.
        if (!isCurrent(link) || link.state !== "up" || !places.has(place)) return;
        if (!isTightbeamError(error) || error.retryable) throw error;
        const code = error.code === "forbidden" ? "denied" : "failed";
        const refused = new TransportError(code, `${peer} refused ${at}: ${error.message}`, { cause: error });
        places.delete(place);
        place.settle(refused);
        if (place.settled) onRefused(refused);
        return;
      }
      place.settled = true;
      place.settle();
    },
    missing: (link) => [...places].filter((place) => place.link !== link),
    remove,
    lose(link) {
      for (const place of places) if (place.link === link) void unsubscribe(unplace(place), place.id);
    },
    clear(error) {
      const left = [...places];
      for (const place of left) place.settle(error);
      return Promise.all(left.map(remove));
    },
  };
}
