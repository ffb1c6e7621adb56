import { TightbeamError } from "../errors.js";
import type { Timers } from "../runtime/runtime.js";
import type { Attempt, FunctionOperation, Settler } from "./types.js";

/** An attempt of what knows no limits: a function. It is over at its time whatever the function does, and its signal says so. */
export class BoundedAttempt<T> implements Attempt {
  readonly number: number;
  readonly timeout: number | undefined;
  readonly #operation: FunctionOperation<T>;
  readonly #timers: Timers;
  #controller: AbortController | undefined;
  #cancel: (() => void) | undefined;
  #over = false;

  constructor(operation: FunctionOperation<T>, number: number, timeout: number | undefined, timers: Timers) {
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
      else if (!this.#over) signal?.addEventListener("abort", this.#onAbort, { once: true });
    }
    return this.#controller.signal;
  }

  run(settler: Settler<T>): void {
    if (this.timeout !== undefined) this.#cancel = this.#timers.after(this.timeout, () => this.#expire(settler));
    const failed = (error: unknown): void => {
      if (this.#end()) settler.reject(error);
    };
    try {
      Promise.resolve(this.#operation.run(this)).then((value) => {
        if (this.#end()) settler.resolve(value);
      }, failed);
    } catch (error) {
      failed(error);
    }
  }

  readonly #onAbort = (): void => this.#controller?.abort(this.#operation.signal?.reason);

  /** False: it was over before. */
  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#cancel?.();
    this.#operation.signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }

  #expire(settler: Settler<T>): void {
    if (!this.#end()) return;
    const error = new TightbeamError("timeout", `It took more than ${this.timeout} ms; whether it was done is unknown.`);
    settler.reject(error);
    this.#controller?.abort(error);
  }
}
