export type { Decision, Faults } from "./faults.js";
export { type FaultCounters, type FaultOptions, type FaultyTransport, injectFaults } from "./inject.js";
