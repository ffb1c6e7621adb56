import { isTightbeamError, TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { BoundedAttempt } from "./bounded-attempt.js";
import { nothingWasDone } from "./outcome.js";
import { bound, type StepRun, type StepWork, type Wait } from "./step.js";
import type { Operation, OperationLimits, PolicyEvent, Settler } from "./types.js";

/** What all runs of a policy have in common. */
export interface Course {
  readonly works: readonly StepWork[];
  /** The number under which each of them keeps things. */
  readonly places: readonly number[];
  readonly emit: (event: PolicyEvent) => void;
  runtime: Runtime | undefined;
  /** Frozen options that were narrowed last, and to what. */
  narrowed: { readonly of: OperationLimits; readonly to: OperationLimits } | undefined;
}

/**
 * An operation on its way in through the steps and out again. The usual way, in and out once, is a call of each, and of promises only the caller's own: a
 * promise and a timer for each step would cost more than the request, and each byte that is kept until the answer comes is paid for when the young
 * generation is collected. Times are ms since the beginning, small whole numbers as long as nothing waits; only what waits, or cannot limit itself, has a
 * timer, for the nearest limit.
 */
export class Run<T> implements StepRun, Settler<T> {
  readonly operation: Operation<T>;
  number = 0;
  refused = false;
  readonly #course: Course;
  readonly #began: number;
  /** When it went on last, and the nearest limit. */
  #at = 0;
  #limit: number;
  #first: unknown;
  #others: unknown[] | undefined;
  #resolve: (value: T) => void = nothing;
  #reject: (error: unknown) => void = nothing;
  /** An attempt that may have been done. */
  #doubt: unknown;

  constructor(operation: Operation<T>, course: Course) {
    this.operation = operation;
    this.#course = course;
    this.#began = this.#runtime.clock.monotonic();
    this.#limit = this.whole;
  }

  get whole(): number {
    return this.operation.timeout ?? Number.POSITIVE_INFINITY;
  }

  get now(): number {
    return this.#began + this.#at;
  }

  get until(): number {
    return this.#began + this.#limit;
  }

  get timeout(): number | undefined {
    if (this.#limit === Number.POSITIVE_INFINITY) return undefined;
    return this.#at === 0 ? this.#limit : Math.max(this.#limit - this.#at, 1);
  }

  get #runtime(): Runtime {
    return bound(this.#course.runtime);
  }

  start(): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#enter(0);
    });
  }

  keep(at: number, value: unknown): void {
    if (at === 0) this.#first = value;
    else {
      this.#others ??= new Array(this.#course.works.length);
      this.#others[at] = value;
    }
  }

  kept(at: number): unknown {
    return at === 0 ? this.#first : this.#others?.[at];
  }

  limit<O extends OperationLimits>(limits: O): O {
    const { timeout } = this;
    const { ttl } = limits;
    if (ttl !== undefined && this.number > 1) return { ...limits, timeout, ttl: this.#ttlLeft(ttl) };
    if (timeout === undefined || timeout === this.operation.timeout) return limits;
    const { narrowed } = this.#course;
    if (narrowed?.of === limits && narrowed.to.timeout === timeout) return narrowed.to as O;
    // Not by spreading, which makes V8 allocate whatever is made beside it among the old.
    const to = Object.assign({}, limits, { timeout });
    // Most calls come with the same options or none, which then cannot change.
    if (Object.isFrozen(limits)) this.#course.narrowed = { of: limits, to };
    return to;
  }

  narrow(ms: number): number {
    const before = this.#limit;
    this.#limit = Math.min(before, this.#at + ms);
    return before;
  }

  widen(limit: number): void {
    this.#limit = limit;
  }

  repeats(error: unknown): void {
    if (!this.refused && !nothingWasDone(error)) this.#doubt ??= error;
  }

  emit(event: PolicyEvent): void {
    this.#course.emit(event);
    this.operation.pool?.emit(event);
  }

  resolve(value: T): void {
    const { works, places } = this.#course;
    for (let index = works.length - 1; index >= 0; index--) (works[index] as StepWork).succeeded(this, places[index] as number);
    this.operation.pool?.over();
    this.#resolve(value);
  }

  reject(error: unknown): void {
    this.#fail(this.#course.works.length - 1, error);
  }

  #enter(from: number): void {
    const { works, places } = this.#course;
    for (let index = from; index < works.length; index++) {
      try {
        const wait = (works[index] as StepWork).enter(this, places[index] as number);
        if (wait !== undefined) return this.#wait(index, wait);
      } catch (error) {
        return this.#refuse(index, error);
      }
    }
    this.#attempt();
  }

  #attempt(): void {
    const { operation } = this;
    this.number++;
    this.refused = false;
    if (operation.signal?.aborted) return this.#refuse(this.#course.works.length, this.#cancelled());
    try {
      if (operation.selfLimited) operation.attempt(this, this);
      else new BoundedAttempt(operation, this.number, this.timeout, this.#runtime.timers).run(this);
    } catch (error) {
      this.reject(error);
    }
  }

  /** Out through the steps from this one on, until one of them tries again. */
  #fail(from: number, error: unknown): void {
    const { works, places } = this.#course;
    for (let index = from; index >= 0; index--) {
      const delay = (works[index] as StepWork).failed(this, places[index] as number, error);
      if (delay !== undefined) return this.#wait(index, (go) => this.#runtime.timers.after(delay, go));
    }
    this.operation.pool?.over();
    this.#reject(this.#verdict(error));
  }

  /** It fails before this step has let it in. */
  #refuse(index: number, error: unknown): void {
    this.refused = true;
    this.#fail(index - 1, error);
  }

  /** Until `go`, then on to what is inside this step. The time, the signal and the agent's end are heard meanwhile. */
  #wait(index: number, wait: Wait): void {
    const { signal, pool } = this.operation;
    const { clock, timers } = this.#runtime;
    if (signal?.aborted) return this.#refuse(index, this.#cancelled());
    const end = (next: () => void): void => {
      leave();
      ring?.();
      signal?.removeEventListener("abort", onAbort);
      pool?.waits(stop, false);
      // On its own: thousands may wait for each other's end.
      void settled.then(next);
    };
    const stop = (error: unknown): void => end(() => this.#refuse(index, error));
    const onAbort = (): void => stop(this.#cancelled());
    const leave = wait(() =>
      end(() => {
        this.#at = clock.monotonic() - this.#began;
        this.#enter(index + 1);
      }),
    );
    const left = this.until - clock.monotonic();
    const ring = left === Number.POSITIVE_INFINITY ? undefined : timers.after(left, () => stop(late()));
    signal?.addEventListener("abort", onAbort, { once: true });
    pool?.waits(stop, true);
  }

  /** A ttl counts from the call, not from the attempt. */
  #ttlLeft(ttl: number): number {
    const left = Math.ceil(ttl - this.#at);
    if (left > 0) return left;
    const { method } = this.operation;
    throw new TightbeamError("expired", `'${method}' was not tried again: its ttl of ${ttl} ms is over.`, { retryable: false });
  }

  #cancelled(): TightbeamError {
    return new TightbeamError("cancelled", "The operation was cancelled while nothing of it was under way.", { cause: this.operation.signal?.reason });
  }

  /** "Nothing was done" is true of an operation only if it is true of all its attempts. */
  #verdict(error: unknown): unknown {
    if (this.#doubt === undefined || !(this.refused || nothingWasDone(error))) return error;
    const { idempotencyKey } = this.operation;
    const why = isTightbeamError(error) ? error.message : "It was not tried again.";
    return new TightbeamError("delivery_unknown", `An attempt before the last may have been done. The last: ${why}`, {
      cause: error,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
  }
}

const late = (): TightbeamError => new TightbeamError("timeout", "The time for the operation was up while it waited for its turn.");
const nothing = (): void => undefined;
const settled = Promise.resolve();
