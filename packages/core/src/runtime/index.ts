export type { Clock, Random, Runtime, Timers } from "./runtime.js";
export { systemRuntime } from "./system.js";
export { createVirtualRuntime, type VirtualRuntime, type VirtualRuntimeOptions } from "./virtual.js";
