import { isTightbeamError, TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { BoundedAttempt } from "./bounded-attempt.js";
import { nothingWasDone } from "./outcome.js";
import type { StepRun, StepWork, Wait } from "./step.js";
import type { Operation, OperationLimits, PolicyEvent, Settler } from "./types.js";

/** Each step keeps two things of a run. */
const slotsEach = 2;

/**
 * An operation on its way in through the steps and out again. The usual way, in and out once, is a call of each, and of promises only the caller's own: a
 * promise and a timer for each step would cost more than the request. Limits of time are kept as times; only what waits, or cannot limit itself, has a timer,
 * for the nearest of them.
 */
export class Run<T> implements StepRun, Settler<T> {
  readonly operation: Operation<T>;
  readonly slots: unknown[];
  now: number;
  until: number;
  timeout: number | undefined;
  number = 0;
  refused = false;
  readonly #steps: readonly StepWork[];
  readonly #runtime: Runtime;
  readonly #listener: (event: PolicyEvent) => void;
  readonly #began: number;
  #resolve: (value: T) => void = nothing;
  #reject: (error: unknown) => void = nothing;
  /** An attempt that may have been done. */
  #doubt: unknown;

  constructor(operation: Operation<T>, steps: readonly StepWork[], runtime: Runtime, listener: (event: PolicyEvent) => void) {
    const { timeout } = operation;
    this.operation = operation;
    this.slots = new Array(steps.length * slotsEach);
    this.#steps = steps;
    this.#runtime = runtime;
    this.#listener = listener;
    this.#began = runtime.clock.monotonic();
    this.now = this.#began;
    this.timeout = timeout;
    this.until = timeout === undefined ? Number.POSITIVE_INFINITY : this.now + timeout;
  }

  start(): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#enter(0);
    });
  }

  limit<O extends OperationLimits>(limits: O): O {
    const { timeout } = this;
    const { ttl } = limits;
    if (ttl !== undefined && this.number > 1) return { ...limits, timeout, ttl: this.#ttlLeft(ttl) };
    return timeout === undefined || timeout === this.operation.timeout ? limits : { ...limits, timeout };
  }

  narrow(ms: number): number {
    const before = this.until;
    if (this.now + ms < before) {
      this.until = this.now + ms;
      this.timeout = ms;
    }
    return before;
  }

  widen(until: number): void {
    this.until = until;
  }

  repeats(error: unknown): void {
    if (!this.refused && !nothingWasDone(error)) this.#doubt ??= error;
  }

  emit(event: PolicyEvent): void {
    this.#listener(event);
    this.operation.pool?.emit(event);
  }

  resolve(value: T): void {
    const steps = this.#steps;
    for (let index = steps.length - 1; index >= 0; index--) (steps[index] as StepWork).succeeded(this, index * slotsEach);
    this.operation.pool?.over();
    this.#resolve(value);
  }

  reject(error: unknown): void {
    this.#fail(this.#steps.length - 1, error);
  }

  #enter(from: number): void {
    const steps = this.#steps;
    for (let index = from; index < steps.length; index++) {
      try {
        const wait = (steps[index] as StepWork).enter(this, index * slotsEach);
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
    try {
      if (operation.selfLimited) operation.attempt(this, this);
      else if (!operation.signal?.aborted) new BoundedAttempt(operation, this.number, this.timeout, this.#runtime.timers).run(this);
      else this.#refuse(this.#steps.length, this.#cancelled());
    } catch (error) {
      this.reject(error);
    }
  }

  /** Out through the steps from this one on, until one of them tries again. */
  #fail(from: number, error: unknown): void {
    for (let index = from; index >= 0; index--) {
      const delay = (this.#steps[index] as StepWork).failed(this, index * slotsEach, error);
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
        this.now = clock.monotonic();
        this.timeout = this.until === Number.POSITIVE_INFINITY ? undefined : Math.max(this.until - this.now, 1);
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
    const left = Math.ceil(ttl - (this.now - this.#began));
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
