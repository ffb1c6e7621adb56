import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link, LinkTarget } from "../../link/link-types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { NotifyOptions } from "../asking/operation.js";
import { isBroadcast, notATarget, type Strategy } from "../asking/target.js";
import type { Peers } from "./peers.js";

/** What became of an operation at one of several peers. */
export type PeerOutcome<T> =
  | { readonly peer: { readonly id: string; readonly instance: string }; readonly ok: true; readonly value: T }
  | { readonly peer: { readonly id: string; readonly instance: string }; readonly ok: false; readonly error: TightbeamError };

/** One of the streams of a broadcast. */
export interface PeerStream<S> {
  readonly peer: { readonly id: string; readonly instance: string };
  readonly stream: S;
}

export interface StreamsOptions {
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly source?: unknown;
}

export interface Waiting {
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/** Which of the peers of a kind an operation goes to. */
export interface Router {
  /** One of them; waits until there is one. Rejects with `no_answer` when there is none in time, `cancelled` when the signal fires. */
  connect(kind: string, strategy: Strategy, waiting: Waiting): Promise<Link>;
  /** All of them, at least one; who is only being met may still come. Rejects as `connect` does. */
  gather(kind: string, waiting: Waiting): Promise<readonly Link[]>;
}

export interface RouterOptions {
  readonly runtime: Runtime;
  readonly peers: Pick<Peers, "list" | "loadOf" | "onChange">;
  /** Operations of ours that are under way on this link. */
  readonly inFlight: (link: Link) => number;
  /** For the error when nobody is found. */
  readonly presence: () => string;
}

/** A transport that is down is no fault of the peer. */
const answers = ({ state }: Link): boolean => state === "up" || state === "down";

export function createRouter({ runtime, peers, inFlight, presence }: RouterOptions): Router {
  const { clock, timers, random } = runtime;
  /** When this link was chosen last: whose turn it is. */
  const chosen = new WeakMap<Link, number>();
  let choices = 0;
  /** Chosen in this turn: they are not under way yet. */
  const placed = new Map<Link, number>();
  const began = clock.monotonic();

  const able = (kind: string): Link[] => {
    const all = peers.list(kind).filter(answers);
    const willing = all.filter(({ declines }) => !declines);
    return willing.length > 0 ? willing : all;
  };

  const turnOf = (link: Link): number => chosen.get(link) ?? 0;
  const workOf = (link: Link): number => (peers.loadOf(link) ?? 0) + inFlight(link) + (placed.get(link) ?? 0);

  const least = (links: readonly Link[], of: (link: Link) => number): Link | undefined => {
    let best = links[0];
    for (const link of links) {
      if (best === undefined) break;
      const difference = of(link) - of(best);
      if (difference < 0 || (difference === 0 && turnOf(link) < turnOf(best))) best = link;
    }
    return best;
  };

  const choose: Record<Strategy, (links: readonly Link[]) => Link | undefined> = {
    direct: (links) => links[0],
    "round-robin": (links) => least(links, turnOf),
    "least-loaded": (links) => least(links, workOf),
    random: (links) => links[Math.floor((new DataView(random.bytes(4).buffer).getUint32(0) / 2 ** 32) * links.length)],
  };

  const pick = (kind: string, strategy: Strategy): Link | undefined => {
    const link = choose[strategy](able(kind));
    if (link === undefined) return undefined;
    chosen.set(link, ++choices);
    if (placed.size === 0) timers.turn(() => placed.clear());
    placed.set(link, (placed.get(link) ?? 0) + 1);
    return link;
  };

  const nobody = (kind: string, ms: number): TightbeamError =>
    new TightbeamError(
      "no_answer",
      `No agent of the kind '${kind}' was found within ${Math.round(ms)} ms (presence is ${presence()}). Its own token must permit serve:${kind}, and it must be in this realm or be linked with. See docs/presence.md.`,
    );

  /** Until `take` gives something: asked now, and whenever a peer comes or changes. */
  const until = <T>(take: () => T | undefined, { timeout, signal }: Waiting, late: () => TightbeamError): Promise<T> => {
    const now = take();
    if (now !== undefined) return Promise.resolve(now);
    return new Promise((resolve, reject) => {
      const over = (): void => {
        stop();
        cancel();
        signal?.removeEventListener("abort", aborted);
      };
      const aborted = (): void => {
        over();
        reject(new TightbeamError("cancelled", "The operation was cancelled while it waited for a peer.", { cause: signal?.reason }));
      };
      const stop = peers.onChange(() => {
        const found = take();
        if (found === undefined) return;
        over();
        resolve(found);
      });
      const cancel = timers.after(timeout, () => {
        over();
        reject(late());
      });
      if (signal?.aborted) aborted();
      else signal?.addEventListener("abort", aborted, { once: true });
    });
  };

  return {
    connect: (kind, strategy, waiting) =>
      until(
        () => pick(kind, strategy),
        waiting,
        () => nobody(kind, waiting.timeout),
      ),
    async gather(kind, waiting) {
      const start = clock.monotonic();
      const some = (): readonly Link[] | undefined => {
        const links = able(kind);
        return links.length > 0 ? links : undefined;
      };
      const first = await until(some, waiting, () => nobody(kind, waiting.timeout));
      // Who has looked for peers for a moment only has met a few of them.
      const now = clock.monotonic();
      const rest = Math.min(began + limits.gatherMs, start + waiting.timeout / 2) - now;
      if (rest <= 0) return first;
      await new Promise<void>((resolve) => timers.after(rest, resolve));
      return some() ?? first;
    },
  };
}

type RouterOf = () => Promise<Pick<Router, "gather">>;

/** All of a kind. Rejects with `invalid_argument` for what is no broadcast. */
async function everyone(routerOf: RouterOf, target: unknown, waiting: Waiting): Promise<readonly Required<LinkTarget>[]> {
  if (!isBroadcast(target)) return notATarget();
  const links = await (await routerOf()).gather(target.kind, waiting);
  return links.map(({ peer: { id, instance } }) => ({ id, instance }));
}

/** Opens a stream at each. */
export async function broadcastStreams<S>(
  routerOf: RouterOf,
  target: unknown,
  { timeout = limits.requestTimeoutMs, signal, source }: StreamsOptions,
  open: (to: LinkTarget) => S,
): Promise<readonly PeerStream<S>[]> {
  if (source !== undefined)
    throw new TightbeamError("invalid_argument", "A broadcast opens several streams, and one source cannot feed them all: write to each.");
  return (await everyone(routerOf, target, { timeout, signal })).map((peer) => ({ peer, stream: open(peer) }));
}

/** Does the same with each, and tells what became of it. `passed`: ms since it was asked for. */
export async function broadcast<T, O extends NotifyOptions>(
  routerOf: RouterOf,
  passed: () => number,
  target: unknown,
  operation: O,
  run: (to: LinkTarget, operation: O) => Promise<T>,
): Promise<readonly PeerOutcome<T>[]> {
  const timeout = operation.timeout ?? limits.requestTimeoutMs;
  const peers = await everyone(routerOf, target, { timeout, signal: operation.signal });
  const left = Math.max(timeout - passed(), 1);
  return forEach(peers, (to) => run(to, { ...operation, timeout: left }));
}

/** Never rejects. */
function forEach<T>(peers: readonly Required<LinkTarget>[], run: (peer: LinkTarget) => Promise<T>): Promise<readonly PeerOutcome<T>[]> {
  return Promise.all(
    peers.map(async (peer): Promise<PeerOutcome<T>> => {
      try {
        return { peer, ok: true, value: await run(peer) };
      } catch (error) {
        return { peer, ok: false, error: isTightbeamError(error) ? error : new TightbeamError("internal", "The operation failed.", { cause: error }) };
      }
    }),
  );
}
