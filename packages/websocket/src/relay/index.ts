export { createRelay, type Relay } from "./relay.js";
export type { LocalOptions, RelayOptions } from "./options.js";
export { type TokenListenerOptions, tokenListener } from "./token-listener.js";
export type { RelayAction, RelayAgent, RelayPolicy } from "./policy.js";
export type { GivenRelayLimits, RelayLimits } from "./limits.js";
export type { RelayCounters, RelayGauges, RelayStats, RelayThroughput } from "./counters.js";
export type { RelayMonitoring } from "./monitoring.js";
export { type MonitoringPlace, type MonitoringServer, type ServeMonitoringOptions, serveMonitoring } from "./serve-monitoring.js";
