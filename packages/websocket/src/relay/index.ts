export { createRelay, type LocalOptions, type Relay, type RelayOptions } from "./relay.js";
export { type TokenListenerOptions, tokenListener } from "./token-listener.js";
export type { RelayAction, RelayAgent, RelayPolicy } from "./policy.js";
export type { RelayLimits } from "./limits.js";
export type { RelayCounters, RelayGauges, RelayStats } from "./counters.js";
