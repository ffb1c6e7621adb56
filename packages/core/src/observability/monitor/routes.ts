import { addRoute, createRoute, otherName, type Route, type RouteDirection, type RouteKey, type RouteType, routeDirections, routeTypes } from "./route.js";

/** Of all rows, what peers may bring about by what they send; and of that, one peer. */
const receivedShare = 3 / 4;
const peerShare = 1 / 4;

/**
 * The rows of a monitor: at most so many. A route that finds no place is counted in the one that is called `(other)`. What an agent receives is
 * named by its peers: that may fill three quarters of the rows, and a quarter for one peer, so that the agent's own calls keep a place.
 */
export interface Routes {
  /** Those an agent has seen. */
  of(agent: string): AgentRoutes;
  /** What found no place. `now`: the monotonic clock's. */
  other(now: number): Route;
  /** Puts back a row that was kept, or adds it to `other` when there is no place. */
  put(route: Route, now: number): void;
  /** Without `other`, in the order of their names. */
  all(): readonly Route[];
  readonly size: number;
  readonly overflow: Route | undefined;
  clear(): void;
}

export interface AgentRoutes {
  /** Undefined for a route that has no row so far. */
  find(direction: RouteDirection, type: RouteType, peer: string, method: string): Route | undefined;
  /** The route's row, made when there is a place for it; otherwise `other`. */
  take(direction: RouteDirection, type: RouteType, peer: string, method: string, now: number): Route;
}

/** By peer, then by method. */
type Peers = Map<string, Map<string, Route>>;

export function createRoutes(max: number): Routes {
  const books = new Map<string, AgentRoutes & { readonly peers: readonly Peers[]; add(route: Route): void }>();
  const receivedOf = new Map<string, number>();
  let received = 0;
  let size = 0;
  let overflow: Route | undefined;

  const hasPlace = ({ direction, from }: RouteKey): boolean => {
    if (size >= max) return false;
    return direction === "sent" || (received < max * receivedShare && (receivedOf.get(from) ?? 0) < max * peerShare);
  };
  const other = (now: number): Route => {
    overflow ??= createRoute({ direction: "sent", type: "request", from: otherName, to: otherName, method: otherName }, now);
    return overflow;
  };

  const open = (agent: string) => {
    const tables = { sent: byType(), received: byType() };
    const add = (route: Route): void => {
      const { direction, type, from, to, method } = route;
      const peers = tables[direction][type];
      const peer = direction === "sent" ? to : from;
      const methods = peers.get(peer);
      if (methods === undefined) peers.set(peer, new Map([[method, route]]));
      else methods.set(method, route);
      size += 1;
      if (direction === "sent") return;
      received += 1;
      receivedOf.set(from, (receivedOf.get(from) ?? 0) + 1);
    };
    const find: AgentRoutes["find"] = (direction, type, peer, method) => tables[direction][type].get(peer)?.get(method);
    const book = {
      peers: routeDirections.flatMap((direction) => routeTypes.map((type) => tables[direction][type])),
      add,
      find,
      take(direction: RouteDirection, type: RouteType, peer: string, method: string, now: number): Route {
        const known = find(direction, type, peer, method);
        if (known !== undefined) return known;
        const sent = direction === "sent";
        const key = { direction, type, from: sent ? agent : peer, to: sent ? peer : agent, method };
        if (!hasPlace(key)) return other(now);
        const route = createRoute(key, now);
        add(route);
        return route;
      },
    };
    books.set(agent, book);
    return book;
  };
  const bookOf = (agent: string) => books.get(agent) ?? open(agent);

  return {
    of: bookOf,
    other,
    put(route, now) {
      if (route.method === otherName || !hasPlace(route)) addRoute(other(now), route);
      else bookOf(route.direction === "sent" ? route.from : route.to).add(route);
    },
    all: () =>
      [...books.values()]
        .flatMap(({ peers }) => peers)
        .flatMap((each) => [...each.values()])
        .flatMap((methods) => [...methods.values()])
        .sort(compare),
    get size() {
      return size;
    },
    get overflow() {
      return overflow;
    },
    clear() {
      for (const { peers } of books.values()) for (const each of peers) each.clear();
      receivedOf.clear();
      received = 0;
      size = 0;
      overflow = undefined;
    },
  };
}

const byType = (): Record<RouteType, Peers> => ({ request: new Map(), notification: new Map(), event: new Map(), stream: new Map() });

const order = ["from", "to", "method", "type", "direction"] as const;

function compare(a: RouteKey, b: RouteKey): number {
  for (const name of order) if (a[name] !== b[name]) return a[name] < b[name] ? -1 : 1;
  return 0;
}
