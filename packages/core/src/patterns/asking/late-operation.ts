import { TightbeamError } from "../../errors.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { LatePart } from "../late-part.js";
import { cancelled, type OperationOptions, timeoutOf } from "./operation.js";

export interface LateOperation<Part, T> {
  readonly runtime: Runtime;
  readonly late: Pick<LatePart<Part>, "use">;
  readonly options: Pick<OperationOptions, "timeout" | "signal">;
  /** Runs when the part is there, with the ms that are left. */
  readonly run: (part: Part, left: number) => Promise<T> | T;
  /** It waits no longer. Called once. */
  readonly onOver?: () => void;
}

/** An operation of a part that may have to be loaded first: its timeout and its signal count from the call on. */
export function operateLate<Part, T>({ runtime, late, options, run, onOver }: LateOperation<Part, T>): Promise<T> {
  const { clock, timers } = runtime;
  const { signal } = options;
  const ms = timeoutOf(options);
  const start = clock.monotonic();
  return new Promise((resolve, reject) => {
    let over = false;
    const end = (): boolean => {
      if (over) return false;
      over = true;
      clear();
      signal?.removeEventListener("abort", abort);
      onOver?.();
      return true;
    };
    const fail = (error: TightbeamError): void => {
      if (end()) reject(error);
    };
    const abort = (): void => fail(cancelled(signal as AbortSignal));
    const clear = timers.after(ms, () => fail(new TightbeamError("timeout", `Nothing was done within ${ms} ms: a part of this program was still loading.`)), {
      background: true,
    });
    signal?.addEventListener("abort", abort, { once: true });
    late.use((part) => {
      if (end()) resolve(run(part, Math.max(Math.ceil(ms - (clock.monotonic() - start)), 1)));
    }, fail);
  });
}
