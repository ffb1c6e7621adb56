export { type Logger, type LogLevel, type LogOptions, logTo } from "./log.js";
export { formatTraceparent, parseTraceContext } from "../telemetry/trace-context.js";
export * from "./monitor/index.js";
