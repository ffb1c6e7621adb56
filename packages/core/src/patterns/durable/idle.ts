import { TightbeamError } from "../../errors.js";
import { checkKnown } from "../../known-options.js";
import type { Timers } from "../../runtime/runtime.js";
import { checkOperation } from "../asking/operation.js";
import { type Patience, startWaiting, type Waiting } from "../waiting.js";

/** Those who wait until nothing is kept for any peer. */
export interface IdleWaiters {
  add(options: Patience): Promise<void>;
  /** Nothing is kept for anybody now. */
  idle(): void;
  end(error: TightbeamError): void;
}

/** `kept`: what is kept, in words; undefined for nothing. */
export function createIdleWaiters(timers: Timers, kept: () => string | undefined): IdleWaiters {
  const waiters = new Set<Waiting>();
  let ended: TightbeamError | undefined;
  const settle = (error?: TightbeamError): void => {
    for (const waiter of waiters) waiter.settle(error);
  };
  const late = (): TightbeamError =>
    new TightbeamError("timeout", `${kept()} when the time was up. They stay kept; durable.status() says for whom, and what they wait for.`);

  return {
    async add(options) {
      checkKnown("durable.idle()", options, ["timeout", "signal"]);
      checkOperation(options);
      if (kept() === undefined) return;
      if (ended !== undefined) throw ended;
      const waiter = startWaiting(timers, options, "Waiting for durable messages to be handled", late);
      waiters.add(waiter);
      await waiter.promise.finally(() => waiters.delete(waiter));
    },
    idle: () => settle(),
    end(error) {
      ended = error;
      settle(error);
    },
  };
}
