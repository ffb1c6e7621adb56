import * as limits from "../limits.js";
import type { Link, LinkTarget } from "../link/link-types.js";
import { onDemand } from "../on-demand.js";
import type { Runtime } from "../runtime/runtime.js";
import { checkOperation, type NotifyOptions } from "./operation.js";
import type { Peers } from "./peers.js";
import type { Presence } from "./presence/presence.js";
import type { PeerOutcome, Router, Waiting } from "./route.js";
import { isBroadcast, notATarget, type Route } from "./target.js";

export interface RoutingOptions {
  readonly runtime: Runtime;
  readonly peers: Peers;
  readonly presence: Pick<Presence, "status">;
  readonly connect: (target: LinkTarget, waiting: Waiting) => Promise<Link>;
}

/** Links for targets of every sort. What chooses among the peers of a kind is loaded when it is first asked. */
export interface Routing {
  /** The link for a target, dialled or waited for. */
  connect(route: Route, waiting: Waiting): Promise<Link>;
  /** Does the same with all of a kind. Rejects with `invalid_argument` for what is no broadcast. */
  broadcast<T, O extends NotifyOptions>(target: unknown, operation: O, run: (to: LinkTarget, operation: O) => Promise<T>): Promise<readonly PeerOutcome<T>[]>;
}

const loadRoute = onDemand(() => import("./route.js"));

export function createRouting({ runtime, peers, presence, connect }: RoutingOptions): Routing {
  const { clock } = runtime;
  let router: Router | undefined;

  const routerOf = async (): Promise<Router> => {
    peers.seek();
    if (router !== undefined) return router;
    const { createRouter } = await loadRoute();
    router ??= createRouter({ runtime, peers, presence: () => presence.status().state });
    return router;
  };

  return {
    async connect(route, waiting) {
      const { kind, strategy = "least-loaded" } = route;
      return kind === undefined ? connect(route, waiting) : (await routerOf()).connect(kind, strategy, waiting);
    },
    async broadcast(target, operation, run) {
      if (!isBroadcast(target)) return notATarget();
      checkOperation(operation);
      const start = clock.monotonic();
      const timeout = operation.timeout ?? limits.requestTimeoutMs;
      const links = await (await routerOf()).gather(target.kind, { timeout, signal: operation.signal });
      const { forEach } = await loadRoute();
      const left = Math.max(timeout - (clock.monotonic() - start), 1);
      return forEach(links, ({ peer: { id, instance } }) => run({ id, instance }, { ...operation, timeout: left }));
    },
  };
}
