import { invalid } from "../../contract/standard-schema.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Runtime } from "../../runtime/runtime.js";

interface Options {
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** How many publishers have answered one subscription, and who waits for more of them. */
export interface Readiness {
  wait(n: number, options: Options): Promise<void>;
  /** So many deliver now. */
  answered(count: number): void;
  /** No more than so many can still answer. */
  refused(possible: number, error: TightbeamError): void;
  end(error: TightbeamError): void;
}

interface Waiter {
  readonly n: number;
  settle(error?: TightbeamError): void;
}

/** Somebody who refuses says more than nobody who answers. */
const tooFew = (now: number, n: number, refusal: TightbeamError | undefined): TightbeamError =>
  new TightbeamError(
    "timeout",
    `${now} of ${n} publishers answered in time. ${
      refusal === undefined ? "Does one run, in the same realm and on a medium with presence? Else name it in `from`." : `One refused: ${refusal.message}`
    }`,
    { cause: refusal },
  );

export function createReadiness({ timers }: Pick<Runtime, "timers">): Readiness {
  const waiters = new Set<Waiter>();
  let now = 0;
  let possible = Number.POSITIVE_INFINITY;
  let refusal: TightbeamError | undefined;
  let over: TightbeamError | undefined;

  return {
    wait(n, { timeout = limits.requestTimeoutMs, signal }) {
      if (!(Number.isInteger(n) && n >= 0)) return Promise.reject(invalid("ready is a number of publishers."));
      if (!(typeof timeout === "number" && timeout > 0 && timeout < 2 ** 31)) return Promise.reject(invalid("timeout is in ms, 1 to 2^31 - 1."));
      if (over !== undefined) return Promise.reject(over);
      if (now >= n) return Promise.resolve();
      if (refusal !== undefined && possible < n) return Promise.reject(refusal);
      return new Promise((resolve, reject) => {
        const abort = (): void => waiter.settle(new TightbeamError("cancelled", "Waiting for publishers was cancelled.", { cause: signal?.reason }));
        const waiter: Waiter = {
          n,
          settle(error) {
            if (!waiters.delete(waiter)) return;
            clear();
            signal?.removeEventListener("abort", abort);
            if (error === undefined) resolve();
            else reject(error);
          },
        };
        const late = (): void => waiter.settle(tooFew(now, n, refusal));
        const clear = timers.after(timeout, late);
        waiters.add(waiter);
        if (signal?.aborted) abort();
        else signal?.addEventListener("abort", abort, { once: true });
      });
    },
    answered(count) {
      now = count;
      for (const waiter of [...waiters]) if (count >= waiter.n) waiter.settle();
    },
    refused(left, error) {
      possible = left;
      refusal = error;
      for (const waiter of [...waiters]) if (left < waiter.n) waiter.settle(error);
    },
    end(error) {
      over = error;
      for (const waiter of [...waiters]) waiter.settle(error);
    },
  };
}
