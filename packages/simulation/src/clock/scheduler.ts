import { systemRuntime } from "@tightbeam/core/runtime";
import { createHeap } from "./heap.js";

/** Virtual time. Nothing happens but what is asked for here, one after the other, promises in between. */
export interface Scheduler {
  /** ms since the start of the simulation. */
  readonly now: number;
  /** At this time, or as soon as it can be. Returns a function that cancels. */
  at(time: number, run: () => void): () => void;
  /** After everything that is ready now, without time moving. */
  soon(run: () => void): void;
  /** Lets time go to `until`, or until `over` says so. Rejects with what a callback throws. */
  run(until: number, over?: () => boolean): Promise<void>;
}

export interface SchedulerOptions {
  /** Takes as long as it says, so that real threads (loading modules, above all) get their time. Not deterministic: to warm up only. */
  readonly patient?: boolean;
}

/** So often the process may look after what else it does. */
const stepsPerTurn = 4_096;
/** More steps without time moving than any real program needs. */
const stepsAtOnceMax = 1_000_000;

export function createScheduler({ patient = false }: SchedulerOptions = {}): Scheduler {
  const { timers } = systemRuntime();
  const heap = createHeap();
  let ready: (() => void)[] = [];
  let next = 0;
  let now = 0;
  let steps = 0;

  /** Resolves when no promise has anything to run. What threads do is not waited for: nothing here depends on them. */
  const settled = (): Promise<void> =>
    new Promise((resolve) => {
      if (++steps % stepsPerTurn === 0) timers.turn(resolve);
      else timers.soon(resolve);
    });

  const realTime = (ms: number): Promise<void> => new Promise((resolve) => void timers.after(ms, resolve));

  const takeReady = (): (() => void) | undefined => {
    const run = ready[next++];
    if (run !== undefined) return run;
    ready = [];
    next = 0;
    return undefined;
  };

  return {
    get now() {
      return now;
    },
    at: (time, run) => heap.add(Math.max(now, time), run),
    soon: (run) => void ready.push(run),
    async run(until, over) {
      let stuck = 0;
      for (;;) {
        await settled();
        const run = takeReady();
        if (run !== undefined) {
          if (++stuck > stepsAtOnceMax) throw new Error("The simulation does not come to rest: something asks for another turn for ever.");
          run();
          continue;
        }
        if (over?.()) return;
        const due = heap.take(until);
        if (due === undefined) break;
        if (due.at > now) {
          stuck = 0;
          if (patient) await realTime(due.at - now);
        }
        now = due.at;
        due.run();
      }
      now = Math.max(now, until);
    },
  };
}
