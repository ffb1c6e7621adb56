import { TightbeamError } from "../errors.js";
import * as limits from "../limits.js";
import type { Link, LinkTarget } from "../link/link-types.js";
import { onDemand } from "../on-demand.js";
import type { Runtime } from "../runtime/runtime.js";
import { checkOperation, type NotifyOptions } from "./operation.js";
import type { Peers } from "./peers.js";
import type { Presence } from "./presence/presence.js";
import type { PeerOutcome, Router, Waiting } from "./route.js";
import { type BroadcastTarget, isBroadcast, notATarget, type Route } from "./target.js";

/** One of the streams of a broadcast. */
export interface PeerStream<S> {
  readonly peer: { readonly id: string; readonly instance: string };
  readonly stream: S;
}

export interface RoutingOptions {
  readonly runtime: Runtime;
  readonly peers: Peers;
  readonly presence: Pick<Presence, "status">;
  /** Operations of ours that are under way on this link. */
  readonly inFlight: (link: Link) => number;
  readonly connect: (target: LinkTarget, waiting: Waiting) => Promise<Link>;
}

/** Links for targets of every sort. What chooses among the peers of a kind is loaded when it is first asked. */
export interface Routing {
  /** The link for a target, dialled or waited for. */
  connect(route: Route, waiting: Waiting): Promise<Link>;
  /** The same with streams, which tell what becomes of them themselves. Rejects with `no_answer` when there is nobody of the kind. */
  streams<S>(
    target: BroadcastTarget,
    options: { readonly timeout?: number; readonly signal?: AbortSignal; readonly source?: unknown },
    open: (to: LinkTarget) => S,
  ): Promise<readonly PeerStream<S>[]>;
  /** Does the same with all of a kind. Rejects with `invalid_argument` for what is no broadcast. */
  broadcast<T, O extends NotifyOptions>(target: unknown, operation: O, run: (to: LinkTarget, operation: O) => Promise<T>): Promise<readonly PeerOutcome<T>[]>;
}

const loadRoute = onDemand(() => import("./route.js"));

export function createRouting({ runtime, peers, presence, inFlight, connect }: RoutingOptions): Routing {
  const { clock } = runtime;
  let router: Router | undefined;

  const routerOf = async (): Promise<Router> => {
    peers.seek();
    if (router !== undefined) return router;
    const { createRouter } = await loadRoute();
    router ??= createRouter({ runtime, peers, inFlight, presence: () => presence.status().state });
    return router;
  };

  const all = async (target: unknown, waiting: Waiting): Promise<readonly Required<LinkTarget>[]> => {
    if (!isBroadcast(target)) return notATarget();
    const links = await (await routerOf()).gather(target.kind, waiting);
    return links.map(({ peer: { id, instance } }) => ({ id, instance }));
  };

  return {
    async connect(route, waiting) {
      const { kind, strategy = "least-loaded" } = route;
      return kind === undefined ? connect(route, waiting) : (await routerOf()).connect(kind, strategy, waiting);
    },
    async streams(target, { timeout = limits.requestTimeoutMs, signal, source }, open) {
      if (source !== undefined)
        throw new TightbeamError("invalid_argument", "A broadcast opens several streams, and one source cannot feed them all: write to each.");
      return (await all(target, { timeout, signal })).map((peer) => ({ peer, stream: open(peer) }));
    },
    async broadcast(target, operation, run) {
      checkOperation(operation);
      const start = clock.monotonic();
      const timeout = operation.timeout ?? limits.requestTimeoutMs;
      const peersOfKind = await all(target, { timeout, signal: operation.signal });
      const { forEach } = await loadRoute();
      const left = Math.max(timeout - (clock.monotonic() - start), 1);
      return forEach(peersOfKind, (to) => run(to, { ...operation, timeout: left }));
    },
  };
}
