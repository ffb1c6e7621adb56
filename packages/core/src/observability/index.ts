export { type Logger, type LogLevel, type LogOptions, logTo } from "./log.js";
export { formatTraceparent, parseTraceContext } from "../telemetry/trace-context.js";
export type { Tracer } from "../telemetry/tracer.js";
export { createTraceStore } from "./traces/trace-store.js";
export { type BuiltInTracer, createTracer, type TracerOptions } from "./traces/tracer.js";
export type {
  CallStatus,
  Durations,
  Trace,
  TraceCall,
  TracedAgent,
  TraceFilter,
  TraceParty,
  TraceQuery,
  TraceStage,
  TraceStatistics,
  TraceStore,
  TraceStoreOptions,
  TraceStoreStatus,
  TraceSummary,
} from "./traces/types.js";
