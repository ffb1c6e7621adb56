import { invalid } from "../../contract/standard-schema.js";
import { TightbeamError } from "../../errors.js";
import { checkKnown } from "../../known-options.js";
import * as limits from "../../limits.js";
import type { Runtime } from "../../runtime/runtime.js";
import { type Patience, startWaiting, type Waiting } from "../waiting.js";

/** How many publishers have answered one subscription, and who waits for more of them. */
export interface Readiness {
  wait(n: number, options: Patience): Promise<void>;
  /** So many deliver now. */
  answered(count: number): void;
  /** No more than so many can still answer. */
  refused(possible: number, error: TightbeamError): void;
  end(error: TightbeamError): void;
}

interface Waiter extends Waiting {
  readonly n: number;
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
    async wait(n, { timeout = limits.requestTimeoutMs, signal, ...unknown }) {
      checkKnown("ready()", unknown, ["timeout", "signal"]);
      if (!(Number.isInteger(n) && n >= 0)) throw invalid("ready is a number of publishers.");
      if (!(typeof timeout === "number" && timeout > 0 && timeout < 2 ** 31)) throw invalid("timeout is in ms, 1 to 2^31 - 1.");
      if (over !== undefined) throw over;
      if (now >= n) return;
      if (refusal !== undefined && possible < n) throw refusal;
      const late = () => tooFew(now, n, refusal);
      const patience = signal === undefined ? { timeout } : { timeout, signal };
      const waiter: Waiter = { n, ...startWaiting(timers, patience, "Waiting for publishers", late) };
      waiters.add(waiter);
      await waiter.promise.finally(() => waiters.delete(waiter));
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
