import type { RouteFigures, RoutePerformance } from "./route.js";

/** What a monitor has counted, at one time. Plain data, the same after `JSON.parse(JSON.stringify(…))`; routes in the order of their names. */
export interface PerformanceSnapshot {
  /** Wall clock, ms since 1970. */
  readonly at: number;
  /** When counting began: the monitor's creation or its last reset, with `reload` that of what was kept. */
  readonly since: number;
  readonly routesMax: number;
  readonly routes: readonly RoutePerformance[];
  /** What found no place among the routes, in one; null when there is nothing. */
  readonly other: RouteFigures | null;
}
