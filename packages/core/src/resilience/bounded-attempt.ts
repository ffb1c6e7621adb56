import { TightbeamError } from "../errors.js";
import type { Timers } from "../runtime/runtime.js";
import type { Attempt, Operation } from "./types.js";

/** An attempt of what knows no limits: a function. It is over at its time whatever the function does, and its signal says so. */
export class BoundedAttempt<T> implements Attempt {
  readonly number: number;
  readonly timeout: number | undefined;
  readonly #operation: Operation<T>;
  readonly #timers: Timers;
  #controller: AbortController | undefined;

  constructor(operation: Operation<T>, number: number, timeout: number | undefined, timers: Timers) {
    this.number = number;
    this.timeout = timeout;
    this.#operation = operation;
    this.#timers = timers;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const { signal } = this.#operation;
      if (signal?.aborted) this.#controller.abort(signal.reason);
      else signal?.addEventListener("abort", this.#onAbort, { once: true });
    }
    return this.#controller.signal;
  }

  run(): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.timeout === undefined ? undefined : this.#timers.after(this.timeout, () => this.#expire(reject));
      const over = (): void => {
        cancel?.();
        this.#operation.signal?.removeEventListener("abort", this.#onAbort);
      };
      const failed = (error: unknown): void => {
        over();
        reject(error);
      };
      try {
        Promise.resolve(this.#operation.attempt(this)).then((value) => {
          over();
          resolve(value);
        }, failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  readonly #onAbort = (): void => this.#controller?.abort(this.#operation.signal?.reason);

  #expire(reject: (error: unknown) => void): void {
    const error = new TightbeamError("timeout", `It took more than ${this.timeout} ms; whether it was done is unknown.`);
    this.#operation.signal?.removeEventListener("abort", this.#onAbort);
    // What listens to the signal may fail: it is told last.
    reject(error);
    this.#controller?.abort(error);
  }
}
