export type { Tracer } from "../telemetry/tracer.js";
