import type { Link, LinkTarget } from "../../link/link-types.js";
import { onDemand } from "../../on-demand.js";
import type { Runtime } from "../../runtime/runtime.js";
import { checkOperation, type NotifyOptions } from "../asking/operation.js";
import type { BroadcastTarget, Route } from "../asking/target.js";
import type { Presence } from "../presence/presence.js";
import type { Peers } from "./peers.js";
import type { PeerOutcome, PeerStream, Router, StreamsOptions, Waiting } from "./route.js";

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
  streams<S>(target: BroadcastTarget, options: StreamsOptions, open: (to: LinkTarget) => S): Promise<readonly PeerStream<S>[]>;
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

  return {
    async connect(route, waiting) {
      const { kind, strategy = "least-loaded" } = route;
      return kind === undefined ? connect(route, waiting) : (await routerOf()).connect(kind, strategy, waiting);
    },
    streams: async (...streams) => (await loadRoute()).broadcastStreams(routerOf, ...streams),
    broadcast: async (target, operation, run) => {
      checkOperation(operation);
      const start = clock.monotonic();
      return (await loadRoute()).broadcast(routerOf, () => clock.monotonic() - start, target, operation, run);
    },
  };
}
