import { type AwaitUsing, awaitUsing } from "../../disposable.js";
import { TightbeamError } from "../../errors.js";
import type { Runtime } from "../../runtime/runtime.js";
import { systemRuntime } from "../../runtime/system.js";
import type { StoreKey } from "../../store/sealed.js";
import { openState, type State } from "../../store/state.js";
import type { Store } from "../../store/types.js";
import { isClosed } from "../../telemetry/closed.js";
import type { AgentTelemetry } from "../../telemetry/types.js";
import { checkGiven, object, type Rules, whole } from "../rules.js";
import { countingOf } from "./counting.js";
import { keep, readKept } from "./keeping.js";
import { figuresOf, keyOf, type Route } from "./route.js";
import { createRoutes } from "./routes.js";
import type { PerformanceSnapshot } from "./snapshot.js";

const routesDefault = 256;
const rules: Rules<PerformanceMonitorOptions> = { routesMax: whole(10_000), store: object, storeKey: object, runtime: object };

/** Who a store of figures belongs to: no agent, and no agent's name. */
const owner = "(monitor)";

export interface PerformanceMonitorOptions {
  /** Routes with figures of their own; the rest is counted in one. 1 to 10,000, default 256. One takes about 2.5 KiB. */
  readonly routesMax?: number | undefined;
  /** Where `persist` keeps the figures: a store that nothing else uses. Its own from here on: closed with it. */
  readonly store?: Store | undefined;
  /** Seals what is in the store: 32 random bytes, kept elsewhere. Needed unless the store is in memory. */
  readonly storeKey?: StoreKey | undefined;
  readonly runtime?: Runtime | undefined;
}

/** What can be watched: an agent. */
export interface WatchedAgent {
  readonly id: string;
  readonly telemetry: Pick<AgentTelemetry, "on">;
}

/** How fast and how well the routes of agents go: who calls whom for what, how often, for how long, and what fails. */
export interface PerformanceMonitor extends AwaitUsing {
  /** Counts what the agent does from now on, until it has closed. Throws `invalid_argument` while it is watched, `closed`. Returns a function that ends it. */
  watch(agent: WatchedAgent): () => void;
  snapshot(): PerformanceSnapshot;
  /** Forgets all figures, and the routes. What `persist` kept stays. */
  reset(): void;
  /** Keeps the figures, in place of what was kept before. Rejects `invalid_argument` without a store, and what the store rejects. */
  persist(): Promise<void>;
  /**
   * Replaces the figures by those that were kept; false when there are none. Rates begin anew. Call it before `watch`.
   * Rejects `invalid_argument` without a store, `store_damaged`, `store_too_new`, and what the store rejects; the figures stay then.
   */
  reload(): Promise<boolean>;
  /** Watches nobody any more, and closes the store; `persist` first what is to be kept. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** Throws `invalid_argument`. */
export function createPerformanceMonitor(options: PerformanceMonitorOptions = {}): PerformanceMonitor {
  checkGiven("createPerformanceMonitor", options, rules);
  const { routesMax = routesDefault, store, storeKey, runtime = systemRuntime() } = options;
  const { clock } = runtime;
  const now = (): number => clock.monotonic();
  const routes = createRoutes(routesMax);
  const watched = new Map<WatchedAgent, () => void>();
  let since = clock.wall();
  let opening: Promise<State> | undefined;
  let closing: Promise<void> | undefined;
  /** Writes and reads, one after the other. */
  let turn: Promise<unknown> = Promise.resolve();

  const withState = <T>(work: (state: State) => Promise<T>): Promise<T> => {
    if (store === undefined)
      return Promise.reject(new TightbeamError("invalid_argument", "This monitor keeps nothing: give createPerformanceMonitor a `store`."));
    if (closing !== undefined) return Promise.reject(new TightbeamError("closed", "The monitor is closed."));
    const result = turn.then(async () => {
      opening ??= openState({ store, storeKey, runtime, owner });
      opening.catch(() => {
        opening = undefined;
      });
      return work(await opening);
    });
    turn = result.catch(() => undefined);
    return result;
  };
  const all = (): readonly Route[] => (routes.overflow === undefined ? routes.all() : [...routes.all(), routes.overflow]);

  return awaitUsing<PerformanceMonitor>({
    watch(agent) {
      if (closing !== undefined) throw new TightbeamError("closed", "The monitor is closed.");
      if (watched.has(agent)) throw new TightbeamError("invalid_argument", `${agent.id} is watched already: each message would count twice.`);
      const count = countingOf(agent.id, routes, now);
      const end = (): void => {
        if (watched.get(agent) !== stop) return;
        watched.delete(agent);
        stop();
      };
      const stop = agent.telemetry.on((event) => (isClosed(event) ? end() : count(event)));
      watched.set(agent, stop);
      return end;
    },
    snapshot() {
      const time = now();
      const { overflow } = routes;
      return {
        at: clock.wall(),
        since,
        routesMax,
        routes: routes.all().map((route) => ({ ...keyOf(route), ...figuresOf(route, time) })),
        other: overflow === undefined ? null : figuresOf(overflow, time),
      };
    },
    reset() {
      routes.clear();
      since = clock.wall();
    },
    persist: () => withState((state) => keep(state, { since, rows: all() })),
    reload: () =>
      withState(async (state) => {
        const time = now();
        const kept = await readKept(state, time);
        if (kept === undefined) return false;
        routes.clear();
        ({ since } = kept);
        for (const route of kept.rows) routes.put(route, time);
        return true;
      }),
    close() {
      closing ??= (async () => {
        for (const stop of watched.values()) stop();
        watched.clear();
        await turn;
        const state = await opening?.catch(() => undefined);
        await (state ?? store)?.close();
      })();
      return closing;
    },
  });
}
