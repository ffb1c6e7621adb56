import { isTightbeamError, TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { BoundedAttempt } from "./bounded-attempt.js";
import { nothingWasDone } from "./outcome.js";
import type { StepRun, StepWork, Wait } from "./step.js";
import type { Operation, PolicyEvent } from "./types.js";

/** Each step keeps two things of a run. */
const slotsEach = 2;

/**
 * An operation on its way in through the steps and out again. The usual way, in and out once, is one turn each, and of all promises one. Limits of time
 * are kept as times: only what waits, or cannot limit itself, has a timer, which is for the nearest of them.
 */
export class Run<T> implements StepRun {
  readonly operation: Operation<T>;
  readonly slots: unknown[] = [];
  now: number;
  until: number;
  timeout: number | undefined;
  number = 0;
  refused = false;
  readonly #steps: readonly StepWork[];
  readonly #runtime: Runtime;
  readonly #listener: (event: PolicyEvent) => void;
  /** An attempt that may have been done. */
  #doubt: unknown;

  constructor(operation: Operation<T>, steps: readonly StepWork[], runtime: Runtime, listener: (event: PolicyEvent) => void) {
    this.operation = operation;
    this.#steps = steps;
    this.#runtime = runtime;
    this.#listener = listener;
    this.now = runtime.clock.monotonic();
    this.timeout = operation.timeout;
    this.until = operation.timeout === undefined ? Number.POSITIVE_INFINITY : this.now + operation.timeout;
  }

  start(): Promise<T> {
    return this.#enter(0);
  }

  /** Of those that limit themselves the signal is their own. */
  get signal(): AbortSignal {
    return this.operation.signal ?? new AbortController().signal;
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
    this.operation.onEvent?.(event);
  }

  #enter(from: number): Promise<T> {
    const steps = this.#steps;
    for (let index = from; index < steps.length; index++) {
      try {
        const wait = (steps[index] as StepWork).enter(this, index * slotsEach);
        if (wait !== undefined) return this.#wait(index, wait);
      } catch (error) {
        this.refused = true;
        return this.#fail(index - 1, error);
      }
    }
    return this.#attempt();
  }

  #attempt(): Promise<T> {
    this.number++;
    this.refused = false;
    return this.#outcome().then(this.#onValue, this.#onError);
  }

  #outcome(): Promise<T> {
    const { operation } = this;
    if (!operation.selfLimited) {
      if (!operation.signal?.aborted) return new BoundedAttempt(operation, this.number, this.timeout, this.#runtime.timers).run();
      this.refused = true;
      return Promise.reject(this.#cancelled());
    }
    try {
      return operation.attempt(this) as Promise<T>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  readonly #onValue = (value: T): T => {
    const steps = this.#steps;
    for (let index = steps.length - 1; index >= 0; index--) (steps[index] as StepWork).succeeded(this, index * slotsEach);
    this.operation.over?.();
    return value;
  };

  readonly #onError = (error: unknown): Promise<T> => this.#fail(this.#steps.length - 1, error);

  /** Out through the steps from this one on, until one of them tries again. */
  #fail(from: number, error: unknown): Promise<T> {
    for (let index = from; index >= 0; index--) {
      const delay = (this.#steps[index] as StepWork).failed(this, index * slotsEach, error);
      if (delay !== undefined) return this.#wait(index, (go) => this.#runtime.timers.after(delay, go));
    }
    this.operation.over?.();
    return Promise.reject(this.#verdict(error));
  }

  /** Until `go`, then on to what is inside this step. The time, the signal and the agent's end are heard meanwhile. */
  #wait(index: number, wait: Wait): Promise<T> {
    const { operation } = this;
    const { signal } = operation;
    const { clock, timers } = this.#runtime;
    if (signal?.aborted) return this.#refuse(index, this.#cancelled());
    return new Promise<() => Promise<T>>((resolve) => {
      const end = (next: () => Promise<T>): void => {
        leave();
        ring?.();
        signal?.removeEventListener("abort", onAbort);
        operation.waits?.(stop, false);
        resolve(next);
      };
      const stop = (error: unknown): void => end(() => this.#refuse(index, error));
      const onAbort = (): void => stop(this.#cancelled());
      const leave = wait(() =>
        end(() => {
          this.now = clock.monotonic();
          this.timeout = this.until === Number.POSITIVE_INFINITY ? undefined : Math.max(this.until - this.now, 1);
          return this.#enter(index + 1);
        }),
      );
      const left = this.until - clock.monotonic();
      const ring = left === Number.POSITIVE_INFINITY ? undefined : timers.after(left, () => stop(this.#late()));
      signal?.addEventListener("abort", onAbort, { once: true });
      operation.waits?.(stop, true);
    }).then(proceed);
  }

  #refuse(index: number, error: unknown): Promise<T> {
    this.refused = true;
    return this.#fail(index - 1, error);
  }

  #cancelled(): TightbeamError {
    return new TightbeamError("cancelled", "The operation was cancelled while nothing of it was under way.", { cause: this.operation.signal?.reason });
  }

  #late(): TightbeamError {
    return new TightbeamError("timeout", "The time for the operation was up while it waited for its turn.");
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

const proceed = <T>(next: () => T): T => next();
