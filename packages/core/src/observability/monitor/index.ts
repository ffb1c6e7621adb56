export { createMonitoringEndpoint, type MonitoringAccess, type MonitoringHandler, type MonitoringPage } from "./endpoint.js";
export { exposition, type MetricFamily, type MetricSample, metricsContentType } from "./exposition.js";
export { createMonitoringHandler, type MonitoredAgent, type MonitoringOptions, prometheusText } from "./handler.js";
export { type AgentHealth, type Health, type HealthCode, healthOf, type HealthReason, type Readiness, readinessOf } from "./health.js";
export { durationBounds, type DurationSummary } from "./histogram.js";
export { createPerformanceMonitor, type PerformanceMonitor, type PerformanceMonitorOptions, type WatchedAgent } from "./monitor.js";
export type { Rates } from "./rates.js";
export type { RouteDirection, RouteFigures, RouteKey, RoutePerformance, RouteType } from "./route.js";
export type { PerformanceSnapshot } from "./snapshot.js";
