import { isTightbeamError } from "../../errors.js";
import type { Link, LinkTarget } from "../../link/link-types.js";
import { type Closed, createClosed, createTransportState } from "../../transport/state.js";
import { type StateChange, TransportError, type TransportState } from "../../transport/transport.js";
import type { Desk } from "./desk.js";
import { createOutlet, type Outlet } from "./outlet.js";
import { ask, connectMs, lingering, pauseBefore } from "./patience.js";
import { createPlaces, type Place, type Wanted } from "./places.js";
import { isJoined, names, version } from "./words.js";

/** A client's hold on an intermediate, over as many links as it takes: what is wanted is wanted again on each. */
export interface Through {
  readonly state: TransportState;
  readonly closed: Closed["closed"];
  /** Settles with the first link on which the intermediate has agreed. Goes on by itself afterwards. */
  begin(timeout: number): Promise<void>;
  /** Goes on until the intermediate agrees. */
  look(): Promise<void>;
  change(change: StateChange): void;
  /** Bytes that wait for the link. */
  readonly waiting: number;
  /** Why `send` would reject now. */
  refusal(): TransportError | undefined;
  /** The message becomes the link's. Resolves when another may be sent. */
  send(message: Uint8Array): Promise<void>;
  listen(wanted: Wanted): { readonly confirmed: Promise<void>; leave(): Promise<void> };
  finish(cause: TransportError | undefined): Promise<void>;
}

/** What may wait for the link before `send` makes its caller wait. */
const highWaterBytes = 256 * 1024;
const open: Promise<void> = Promise.resolve();

/** `onRefused`: the intermediate refuses what it had allowed. */
export function createThrough(desk: Desk, target: LinkTarget, onRefused: (error: TransportError) => void): Through {
  const { host, parts } = desk.inside;
  const { state, change } = createTransportState("down");
  const end = createClosed();
  const abort = new AbortController();
  let cause: TransportError | undefined;
  /** The intermediate has agreed on it. */
  let current: Link | undefined;
  let outlet: Outlet | undefined;
  let gate: { readonly promise: Promise<void>; readonly open: () => void } | undefined;
  let looking = false;

  const openGate = (): void => {
    gate?.open();
    gate = undefined;
  };
  const goDown = (why: string): void => {
    // Nothing that waits leaves later: who sent it has moved on.
    outlet?.clear();
    openGate();
    change({ type: "down", cause: new TransportError("unavailable", `${why}; send again when the state is up.`) });
  };

  const places = createPlaces({ desk, peer: target.id, signal: abort.signal, isCurrent: (link) => link === current, onRefused });

  /** Everything that is wanted is there before the state is up. */
  const resume = async (link: Link): Promise<void> => {
    for (;;) {
      const missing = places.missing(link);
      if (missing.length === 0 || link !== current || link.state !== "up") break;
      await Promise.all(missing.map((place) => places.put(place, link)));
    }
    if (link === current && link.state === "up" && !end.settled) change({ type: "up" });
  };

  const enter = async (link: Link, timeout: number): Promise<void> => {
    if (link !== current) {
      const answer = await ask(host, link, names.join, { version }, abort.signal, timeout);
      if (!isJoined(answer)) throw new TransportError("unsupported", `${target.id} forwards in another way than this agent knows.`);
      if (end.settled) return;
      current = link;
      const own = createOutlet(link, () => {
        if (gate !== undefined && outlet === own && own.waiting <= highWaterBytes) openGate();
      });
      outlet = own;
    }
    await resume(link);
  };

  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    for (let attempt = 0; !end.settled; attempt++) {
      try {
        await enter(await host.links.connect(target, { timeout: connectMs, signal: abort.signal }), connectMs);
        if (current?.state === "up" || current?.state === "down") break;
      } catch (error) {
        const refused = refusalOf(target.id, error);
        if (!end.settled && refused instanceof TransportError && refused.code === "denied") onRefused(refused);
      }
      await pauseBefore(attempt, host.runtime, abort.signal);
    }
    looking = false;
  };
  const lose = (link: Link, why: string): void => {
    if (link !== current || end.settled) return;
    current = undefined;
    places.lose(link);
    goDown(why);
    void look();
  };

  const stopped = (link: Link): void => lose(link, `${target.id} forwards no longer`);
  const stopListening = desk.inside.onLink((link, linkState) => {
    if (link !== current || end.settled) return;
    if (linkState === "up") resume(link).catch(() => lose(link, `${target.id} did not answer`));
    else if (linkState === "down") goDown("The transport under this one is down");
    else if (linkState === "ended") lose(link, `The link with ${target.id} ended`);
    else {
      goDown(`${target.id} is silent`);
      void look();
    }
  });
  const part = { stop: () => void finish(new TransportError("closed", "The agent under this transport was closed.")) };
  desk.onStopped.add(stopped);
  parts.push(part);

  const finish = async (why: TransportError | undefined): Promise<void> => {
    if (!end.settle(why)) return;
    cause = why;
    const last = current;
    current = undefined;
    abort.abort();
    stopListening();
    desk.onStopped.delete(stopped);
    parts.splice(parts.indexOf(part), 1);
    openGate();
    change({ type: "down", cause: why });
    const told = places.clear(gone(why));
    if (last?.state === "up" && why === undefined) await lingering(host.runtime, told);
  };

  const refusal = (): TransportError | undefined => {
    if (end.settled) return gone(cause);
    return state.current === "up" ? undefined : new TransportError("unavailable", `${target.id} cannot be reached now; send again when the state is up.`);
  };

  return {
    state,
    closed: end.closed,
    change,
    finish,
    look,
    refusal,
    get waiting() {
      return outlet?.waiting ?? 0;
    },
    async begin(timeout) {
      const start = host.runtime.clock.monotonic();
      looking = true;
      try {
        const link = await host.links.connect(target, { timeout, signal: abort.signal });
        await enter(link, Math.max(1, timeout - (host.runtime.clock.monotonic() - start)));
      } catch (error) {
        await finish(undefined);
        throw refusalOf(target.id, error);
      } finally {
        looking = false;
      }
      if (current?.state !== "up") void look();
    },
    send(message) {
      const refused = refusal();
      if (refused !== undefined) return Promise.reject(refused);
      if (outlet?.push(message) !== true) return Promise.reject(new TransportError("unavailable", `The link with ${target.id} takes nothing now.`));
      if (outlet.waiting <= highWaterBytes) return open;
      gate ??= createGate();
      return gate.promise.then(() => {
        if (cause !== undefined) throw gone(cause);
      });
    },
    listen(wanted) {
      const place: Place = places.add(wanted);
      if (end.settled) void places.clear(gone(cause));
      else if (current !== undefined && state.current === "up") {
        places.put(place, current).catch((error: unknown) => {
          void places.remove(place);
          place.settle(new TransportError("failed", `${target.id} did not take the subscription at ${wanted.at}; try again later.`, { cause: error }));
        });
      }
      return {
        confirmed: place.confirmed,
        async leave() {
          const up = place.link?.state === "up";
          place.settle(gone(cause));
          const told = places.remove(place);
          if (up) await lingering(host.runtime, told);
        },
      };
    },
  };
}

function createGate() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, open: () => resolve() };
}

const gone = (cause: TransportError | undefined): TransportError => new TransportError("closed", "This transport has ended; connect another one.", { cause });

/** What the intermediate's answer means for a transport. */
function refusalOf(id: string, cause: unknown): unknown {
  if (!isTightbeamError(cause) || cause instanceof TransportError) return cause;
  if (cause.code === "forbidden") return new TransportError("denied", `${id} forwards nothing for this agent.`, { cause });
  if (cause.code === "no_handler") return new TransportError("unsupported", `${id} does not forward: it has to call agent.forward().`, { cause });
  return cause;
}
