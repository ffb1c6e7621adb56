import { createVirtualRuntime, type Runtime } from "@tightbeam/core/runtime";
import type { Scheduler } from "../clock/scheduler.js";
import { mix } from "../random.js";

/** Wall clock at the start of every simulation, ms since 1970. */
export const wallStart = 1_750_000_000_000;

/** One process of an agent, from its start to its end. Its runtime is all that it knows of time and chance. */
export interface Process {
  readonly agent: string;
  /** 0 for the first. */
  readonly incarnation: number;
  readonly runtime: Runtime;
  readonly alive: boolean;
  /** That have not run. */
  readonly timers: number;
  /** Runs it in this process: when it goes on, if it is stopped; never, once it is dead. */
  post(run: () => void): void;
  pause(): void;
  resume(): void;
  kill(): void;
}

/** The clocks of one machine, which outlive its processes. */
export interface Clocks {
  /** Machine ms for a time of the simulation, and back: a span. */
  monotonic(): number;
  wall(): number;
  toReal(ms: number): number;
  jump(by: number): void;
  setRate(rate: number): void;
}

export function createClocks(scheduler: Scheduler): Clocks {
  let since = 0;
  let base = 0;
  let rate = 1;
  let offset = 0;
  const monotonic = (): number => base + (scheduler.now - since) * rate;
  return {
    monotonic,
    wall: () => Math.floor(wallStart + monotonic() + offset),
    toReal: (ms) => ms / rate,
    jump(by) {
      offset += by;
    },
    setRate(next) {
      base = monotonic();
      since = scheduler.now;
      rate = next;
    },
  };
}

export interface ProcessOptions {
  readonly agent: string;
  readonly incarnation: number;
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly clocks: Clocks;
}

export function createProcess({ agent, incarnation, seed, scheduler, clocks }: ProcessOptions): Process {
  let alive = true;
  let paused = false;
  let waiting: (() => void)[] = [];
  let timers = 0;
  const started = clocks.monotonic();

  const enter = (run: () => void): void => {
    if (!alive) return;
    if (paused) waiting.push(run);
    else run();
  };
  const turn = (run: () => void): void => scheduler.soon(() => enter(run));

  const runtime: Runtime = Object.freeze({
    clock: Object.freeze({ monotonic: () => clocks.monotonic() - started, wall: clocks.wall }),
    random: Object.freeze({ bytes: createVirtualRuntime({ seed: mix(seed, "process", agent, incarnation) }).random.bytes }),
    timers: Object.freeze({
      after(ms: number, run: () => void) {
        let live = true;
        timers += 1;
        const over = (): boolean => {
          if (!live) return false;
          live = false;
          timers -= 1;
          return true;
        };
        const cancel = scheduler.at(scheduler.now + clocks.toReal(Math.max(0, ms)), () => enter(() => over() && run()));
        return () => {
          over();
          cancel();
        };
      },
      turn,
      soon: turn,
    }),
  });

  return {
    agent,
    incarnation,
    runtime,
    get alive() {
      return alive;
    },
    get timers() {
      return timers;
    },
    post: enter,
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      const ready = waiting;
      waiting = [];
      for (const run of ready) scheduler.soon(() => enter(run));
    },
    kill() {
      alive = false;
      waiting = [];
    },
  };
}
