import type { TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";

/** Whom a call is for, and what it asks: what breakers, bulkheads and budgets are kept by. Each at most 256 characters; "" by default. */
export interface CallKey {
  readonly peer?: string | undefined;
  readonly method?: string | undefined;
}

/** One try of an operation. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  /** ms that it has, or undefined: no limit. */
  readonly timeout: number | undefined;
  /** Fires when the time is up, or the signal given to `run` fires. Made when it is first read. */
  readonly signal: AbortSignal;
}

export interface RunOptions {
  readonly key?: CallKey | undefined;
  readonly signal?: AbortSignal | undefined;
  /** ms for all attempts and all that lies between them. Default: none. */
  readonly timeout?: number | undefined;
  /** True when doing it twice is the same as doing it once. Default false: then only what says that nothing was done is tried again. */
  readonly idempotent?: boolean | undefined;
}

/** An operation is about to be tried again. */
export interface RetriedEvent {
  readonly type: "retried";
  readonly peer: string;
  readonly method: string;
  /** The number of the attempt that follows, from 2. */
  readonly attempt: number;
  /** ms until then. */
  readonly delay: number;
  /** What the last attempt ended with. */
  readonly error: unknown;
}

/** An operation would be tried again, but too many of this peer's have been. */
export interface RetryRefusedEvent {
  readonly type: "retry_refused";
  readonly peer: string;
  readonly method: string;
  readonly error: unknown;
}

export type BreakerState = "closed" | "open" | "half_open";

/** Why a breaker changed: failures in a row, their rate, a probe that failed, probes that came through, its time is over, by hand, or no room for it. */
export type BreakerReason = "consecutive_failures" | "failure_rate" | "probe_failed" | "probes_succeeded" | "time" | "manual" | "forgotten";

export interface BreakerEvent {
  readonly type: "breaker";
  /** "" when one breaker is for all peers. */
  readonly peer: string;
  /** "" when it is for all methods. */
  readonly method: string;
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly reason: BreakerReason;
  /** ms until it lets a probe through, when it opened by itself. */
  readonly retryAfter?: number;
}

export type PolicyEvent = RetriedEvent | RetryRefusedEvent | BreakerEvent;

/** Counts are since it was made. */
export interface RetryStatus {
  readonly kind: "retry";
  /** Operations that began. */
  readonly calls: number;
  readonly retries: number;
  /** Gave up: all attempts were used, the budget was used up, no time was left. */
  readonly gaveUp: { readonly attempts: number; readonly budget: number; readonly deadline: number };
}

export interface CircuitStatus {
  readonly peer: string;
  readonly method: string;
  readonly state: BreakerState;
  /** Opened by hand: it stays so until `reset`. */
  readonly held: boolean;
  /** In the window, while it is closed. */
  readonly calls: number;
  readonly failures: number;
  readonly consecutiveFailures: number;
  /** ms until it lets a probe through. */
  readonly retryAfter?: number;
}

export interface BreakerStatus {
  readonly kind: "breaker";
  readonly circuits: readonly CircuitStatus[];
  /** Calls that were refused. */
  readonly refused: number;
  /** Calls that went through unwatched, because as many circuits are open as are kept. */
  readonly unwatched: number;
}

export interface BulkheadStatus {
  readonly kind: "bulkhead";
  /** Of all compartments. */
  readonly running: number;
  readonly queued: number;
  readonly compartments: number;
  readonly refused: number;
}

export interface TimeoutStatus {
  readonly kind: "timeout";
  readonly ms: number;
  readonly expired: number;
}

export type StepStatus = RetryStatus | BreakerStatus | BulkheadStatus | TimeoutStatus;

/** A part of a policy: `retry()`, `breaker()`, `bulkhead()`, `timeout()`. It may be part of several policies, which then share its state. */
export interface Step<Status extends StepStatus = StepStatus> {
  readonly kind: Status["kind"];
  status(): Status;
}

/** What becomes of an attempt: one of these is called, once. */
export interface Settler<T> {
  /** Monotonic ms when it began, for whom that saves a look at the clock. */
  readonly now?: number;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** What of a call's options is narrower for an attempt than for all of them. */
export interface OperationLimits {
  readonly timeout?: number | undefined;
  readonly ttl?: number | undefined;
}

/** An attempt of what limits itself. */
export interface LimitedAttempt extends Pick<Attempt, "number" | "timeout"> {
  /** The options for this attempt. Throws `expired`. */
  limit<O extends OperationLimits>(options: O): O;
}

interface AnyOperation {
  readonly peer: string;
  readonly method: string;
  readonly idempotent: boolean;
  readonly idempotencyKey: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** ms for all attempts. */
  readonly timeout: number | undefined;
  readonly pool: CallPool | undefined;
}

/** It settles by itself, and with a typed error, when an attempt's time is up or its signal fires: no timer is started for it. */
export interface LimitedOperation<T> extends AnyOperation {
  readonly selfLimited: true;
  attempt(attempt: LimitedAttempt, settler: Settler<T>): void;
}

export interface FunctionOperation<T> extends AnyOperation {
  readonly selfLimited: false;
  run(attempt: Attempt): PromiseLike<T> | T;
}

/** An operation as a policy runs it. */
export type Operation<T> = LimitedOperation<T> | FunctionOperation<T>;

/** The calls of one agent that are under a policy. */
export interface CallPool {
  emit(event: PolicyEvent): void;
  begins(): void;
  over(): void;
  /** It waits between two attempts or for a place, from now on or no more. `end` settles it with an error. */
  waits(end: (error: unknown) => void, waiting: boolean): void;
  /** Resolves when none is under way. */
  drain(): Promise<void>;
  /** Those that wait settle with this; so do those that would from now on. */
  stop(error: TightbeamError): void;
}

/** Whom an agent's call is for: an agent, or any of a kind. */
export interface CallTarget {
  readonly id: string;
  readonly kind?: string;
}

export interface CallOptions extends OperationLimits {
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What all requests, or all notifications, of an agent have in common. */
export interface CallWay<Target extends CallTarget, Method, Payload, Options extends CallOptions> {
  readonly pool: CallPool;
  /** Sends one attempt, which limits itself. */
  readonly send: (to: Target, method: Method, payload: Payload, options: Options, settler: Settler<unknown>) => void;
}

/** What `policy()` makes. */
export interface CallPolicy {
  /** Resolves with what an attempt resolved with. Rejects with what the last one rejected with, `circuit_open`, `overloaded`, `timeout`, `cancelled`, or `delivery_unknown` when an attempt before the last may have been done. */
  run<T>(operation: (attempt: Attempt) => PromiseLike<T> | T, options?: RunOptions): Promise<T>;
  /** Of each step, outermost first. */
  status(): readonly StepStatus[];
  /** What happens to operations of this policy. */
  onEvent(listener: (event: PolicyEvent) => void): () => void;
  /** Takes time and randomness from this runtime: agents do so with theirs. Without it, the first use takes the system's. Throws `invalid_argument` when it has another one. Returns the policy. */
  bind(runtime: Runtime): CallPolicy;
}

/** What agents need of a policy beside: every one has it. */
export interface AgentPolicy extends CallPolicy {
  /** For calls that limit themselves: an agent's. */
  execute<T>(operation: LimitedOperation<T>): Promise<T>;
  /** One call of an agent: all its attempts have the same input, encoded once. Its timeout is 30 s by default. */
  call<Target extends CallTarget, Method extends { readonly name: string; readonly idempotent: boolean }, Payload, Options extends CallOptions>(
    way: CallWay<Target, Method, Payload, Options>,
    to: Target,
    method: Method,
    payload: Payload,
    options: Options,
  ): Promise<unknown>;
  /** Brings the code that an agent needs for its calls under policies: agents without any do not carry it. */
  pool(emit: (event: PolicyEvent) => void): CallPool;
}
