export { formatTraceparent, parseTraceContext } from "../telemetry/trace-context.js";
