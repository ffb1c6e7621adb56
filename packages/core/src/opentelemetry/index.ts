export { type OpenTelemetry, type OpenTelemetryOptions, openTelemetry } from "./open-telemetry.js";
export type { WatchedAgent } from "./watched.js";
