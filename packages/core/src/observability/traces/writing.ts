import { isTightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { State } from "../../store/state.js";
import type { StoreChange } from "../../store/types.js";
import type { KeptCall } from "./call.js";
import { callKey, encodeCall } from "./entry.js";

/** Calls on their way into the store: what changes within a quarter of a second is written once. */
export interface TraceWriting {
  readonly waiting: number;
  readonly notWritten: number;
  /** One that is in the store. */
  place(call: KeptCall, number: number): void;
  changed(call: KeptCall): void;
  removed(call: KeptCall): void;
  /** Settles when what waits now was written, or could not be. */
  flush(): Promise<void>;
  /** The same, and then nothing more. */
  end(): Promise<void>;
}

/** What waits is bounded by what is kept, and what is to be removed by what was written: both are calls of a store that holds so many. */
export function createTraceWriting(state: Pick<State, "batch">, { clock, timers }: Runtime): TraceWriting {
  const dirty = new Set<KeptCall>();
  const numbers = new Map<KeptCall, number>();
  let removals: number[] = [];
  let last = 0;
  let notWritten = 0;
  let pauseMs: number = keptLimits.traceWriteMs;
  let cancel: (() => void) | undefined;
  let running: Promise<void> | undefined;
  /** The store takes nothing more, or we are done with it. */
  let over = false;

  /** By the clock, so that they also grow from one process to the next. */
  const numberOf = (call: KeptCall): number => {
    const known = numbers.get(call);
    if (known !== undefined) return known;
    last = Math.max(last + 1, Math.floor(clock.wall()));
    numbers.set(call, last);
    return last;
  };

  const schedule = (): void => {
    if (over || cancel !== undefined || running !== undefined) return;
    cancel = timers.after(pauseMs, () => void run(), { background: true });
  };

  const giveUp = (): void => {
    over = true;
    notWritten += dirty.size;
    dirty.clear();
    numbers.clear();
    removals = [];
  };

  /** False: another time. */
  const writeBatch = async (): Promise<boolean> => {
    const calls: KeptCall[] = [];
    for (const call of dirty) {
      if (calls.length === keptLimits.tracesPerBatch) break;
      calls.push(call);
      dirty.delete(call);
    }
    const gone = removals.slice(0, keptLimits.tracesPerBatch);
    const changes: StoreChange[] = [
      ...calls.map((call) => ({ put: callKey(numberOf(call)), value: encodeCall(call) })),
      ...gone.map((number) => ({ remove: callKey(number) })),
    ];
    removals = removals.slice(gone.length);
    try {
      await state.batch(changes);
      pauseMs = keptLimits.traceWriteMs;
      return true;
    } catch (error) {
      // One that went in the meantime is not to come back.
      for (const call of calls) if (numbers.has(call)) dirty.add(call);
      removals.unshift(...gone);
      if (!isTightbeamError(error) || isFinal(error.code)) giveUp();
      else pauseMs = Math.min(Math.max(pauseMs * 2, keptLimits.traceAgainMs), keptLimits.traceAgainMaxMs);
      return false;
    }
  };

  const writeAll = async (): Promise<void> => {
    let goesOn = true;
    while (goesOn && !over && (dirty.size > 0 || removals.length > 0)) goesOn = await writeBatch();
  };

  const run = (): Promise<void> => {
    cancel?.();
    cancel = undefined;
    // Cleared in a later turn also when there was nothing to write: it is set before.
    running ??= writeAll().finally(() => {
      running = undefined;
      if (dirty.size > 0 || removals.length > 0) schedule();
    });
    return running;
  };

  return {
    get waiting() {
      return dirty.size;
    },
    get notWritten() {
      return notWritten;
    },
    place(call, number) {
      numbers.set(call, number);
      last = Math.max(last, number);
    },
    changed(call) {
      if (over) {
        if (!numbers.has(call)) notWritten++;
        numbers.set(call, 0);
        return;
      }
      dirty.add(call);
      schedule();
    },
    removed(call) {
      dirty.delete(call);
      const number = numbers.get(call);
      if (!numbers.delete(call) || number === undefined || over) return;
      removals.push(number);
      schedule();
    },
    async flush() {
      await running;
      await run();
    },
    async end() {
      await running;
      await run();
      cancel?.();
      if (dirty.size > 0) notWritten += dirty.size;
      over = true;
      dirty.clear();
    },
  };
}

const isFinal = (code: string): boolean => code === "store_failed" || code === "store_read_only" || code === "closed" || code === "invalid_argument";
