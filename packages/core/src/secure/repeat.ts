import { isTightbeamError, TightbeamError } from "../errors.js";
import type { Timers } from "../runtime/runtime.js";

/** Sends at once and again after each of `delays`. A send the medium could not take (it is down) does not count: it is tried again soon. */
export interface Repeater {
  /** Once more, out of turn. */
  now(): void;
  stop(): void;
}

const againMs = 500;

export function createRepeater(timers: Timers, send: () => Promise<void>, delays: readonly number[], failed: (error: TightbeamError) => void): Repeater {
  let cancel: (() => void) | undefined;
  let sending = false;
  let sent = 0;
  let stopped = false;

  const plan = (ms: number | undefined): void => {
    if (ms !== undefined && !stopped) cancel = timers.after(ms, fire);
  };
  const fire = (): void => {
    cancel = undefined;
    if (sending) plan(againMs);
    else transmit(() => plan(delays[sent++]));
  };
  const transmit = (done: () => void): void => {
    sending = true;
    send().then(
      () => {
        sending = false;
        done();
      },
      (error: unknown) => {
        sending = false;
        if (stopped) return;
        failed(isTightbeamError(error) ? error : new TightbeamError("failed", "The transport failed to send. See the cause.", { cause: error }));
        if (cancel === undefined) plan(againMs);
      },
    );
  };

  fire();
  return {
    now() {
      if (!sending && !stopped) transmit(() => undefined);
    },
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
