export { createTraceStore } from "./trace-store.js";
export { type BuiltInTracer, createTracer, type TracerOptions } from "./tracer.js";
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
} from "./types.js";
