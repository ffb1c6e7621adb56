export { type Logger, type LogLevel, type LogOptions, logTo } from "./log.js";
export { formatTraceparent, parseTraceContext } from "../telemetry/trace-context.js";
export type { Tracer } from "../telemetry/tracer.js";
export * from "./monitor/index.js";
export * from "./traces/index.js";
