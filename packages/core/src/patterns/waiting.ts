import { TightbeamError } from "../errors.js";
import type { Timers } from "../runtime/runtime.js";

/** How long somebody waits: for ever, unless it says otherwise. */
export interface Patience {
  /** ms. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Waiting {
  readonly promise: Promise<void>;
  /** What was waited for is there, or can never be. Idempotent. */
  settle(error?: TightbeamError): void;
}

/** Somebody waits until `settle`; it rejects with `late()` when the time is up, and `cancelled` when the signal fires. `what` begins a sentence. */
export function startWaiting(timers: Timers, { timeout, signal }: Patience, what: string, late: () => TightbeamError): Waiting {
  let settle: Waiting["settle"] = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    const abort = (): void => settle(new TightbeamError("cancelled", `${what} was cancelled.`, { cause: signal?.reason }));
    const clear = timeout === undefined ? undefined : timers.after(timeout, () => settle(late()));
    settle = (error) => {
      clear?.();
      signal?.removeEventListener("abort", abort);
      if (error === undefined) resolve();
      else reject(error);
    };
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
  return { promise, settle };
}
