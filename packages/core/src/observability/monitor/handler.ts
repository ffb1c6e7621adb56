import { anything, call, checkGiven, isObject, type Rules, wrong } from "../rules.js";
import { agentFamilies } from "./agent-families.js";
import { createMonitoringEndpoint, type MonitoringAccess, type MonitoringHandler, type MonitoringPage } from "./endpoint.js";
import { exposition, type MetricFamily, metricsContentType } from "./exposition.js";
import { healthOf, readinessOf } from "./health.js";
import type { PerformanceMonitor } from "./monitor.js";
import { type MonitoredAgents, observeLetters } from "./observed.js";
import { routeFamilies } from "./route-families.js";

export interface MonitoringOptions extends MonitoringAccess {
  /** Of whom is told: an agent or several; as a function, those who are there at the time. */
  readonly agents: MonitoredAgents;
  /** Its routes are in the metrics too. */
  readonly monitor?: Pick<PerformanceMonitor, "snapshot"> | undefined;
  /** More metrics of the application's own, asked for at each scrape. */
  readonly more?: (() => readonly MetricFamily[]) | undefined;
}

/** Metrics of agents, and of a monitor's routes, in Prometheus' text format 0.0.4. Rejects with what `more` throws. */
export async function prometheusText({ agents, monitor, more }: Pick<MonitoringOptions, "agents" | "monitor" | "more">): Promise<string> {
  const all = await observeLetters(agents);
  return exposition([...agentFamilies(all), ...(monitor === undefined ? [] : routeFamilies(monitor.snapshot())), ...(more?.() ?? [])]);
}

/**
 * `GET /metrics`: Prometheus text. `GET /health`: 200 while everything works or comes back by itself, 503 when a new start is needed.
 * `GET /ready`: 200 while new work may be sent here, otherwise 503. Both say why, as JSON. No payload, key, token or peer's words are in any of
 * them; agents' ids and the names of methods are in the metrics. Throws `invalid_argument`.
 */
export function createMonitoringHandler(options: MonitoringOptions): MonitoringHandler {
  checkGiven("createMonitoringHandler", options, rules);
  const { agents, token, hosts } = options;
  if (agents === undefined) throw wrong("createMonitoringHandler.agents is missing: of whom is to be told.");
  return createMonitoringEndpoint(
    { ...(token !== undefined && { token }), ...(hosts !== undefined && { hosts }) },
    {
      "/metrics": async () => ({ status: 200, type: metricsContentType, body: await prometheusText(options) }),
      "/health": () => {
        const health = healthOf(agents);
        return json(health.status !== "failed", health);
      },
      "/ready": () => {
        const readiness = readinessOf(agents);
        return json(readiness.ready, readiness);
      },
    },
  );
}

const isAgent = (value: unknown): boolean => isObject(value) && typeof (value as { status?: unknown }).status === "function";

const rules: Rules<MonitoringOptions> = {
  agents: [
    (value) => typeof value === "function" || isAgent(value) || (Array.isArray(value) && value.every(isAgent)),
    "an agent, a list of agents, or a function that gives one",
  ],
  monitor: [(value) => isObject(value) && typeof (value as { snapshot?: unknown }).snapshot === "function", "what createPerformanceMonitor() gives"],
  more: call,
  token: anything,
  hosts: anything,
};

const json = (well: boolean, value: object): MonitoringPage => ({
  status: well ? 200 : 503,
  type: "application/json",
  body: `${JSON.stringify(value)}\n`,
});
