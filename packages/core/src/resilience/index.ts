export { type Breaker, type BreakerOptions, breaker } from "./breaker.js";
export { type Bulkhead, type BulkheadOptions, bulkhead } from "./bulkhead.js";
export { policy } from "./policy.js";
export { type Retry, type RetryOptions, retry } from "./retry.js";
export type { RetryBudget } from "./retry-budget.js";
export type { Per } from "./step.js";
export { type Timeout, timeout } from "./timeout.js";
export type * from "./types.js";
export type { WindowSize } from "./window.js";
