import { TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Operation, PolicyEvent, Step } from "./types.js";

/** One operation on its way through the steps, as they see it. */
export interface StepRun {
  readonly operation: Operation<unknown>;
  /** Attempts that began. */
  readonly number: number;
  /** Monotonic ms when it last began or went on. */
  readonly now: number;
  /** Until when, monotonic ms: the nearest of the limits around. */
  readonly until: number;
  /** The limit of the whole operation, as `narrow` returns it. */
  readonly whole: number;
  /** The failure is one of the policy's own: the operation was not tried. */
  readonly refused: boolean;
  /** What a step keeps of this run, under its own number. */
  keep(at: number, value: unknown): void;
  kept(at: number): unknown;
  /** Narrows the limit to `ms` from now; returns the one before, for `widen`. */
  narrow(ms: number): number;
  widen(limit: number): void;
  /** The error after which it is tried again: it counts when the last attempt says that nothing was done. */
  repeats(error: unknown): void;
  emit(event: PolicyEvent): void;
}

/** Waits for something: `go` is called later, once, unless the returned function is called first. */
export type Wait = (go: () => void) => () => void;

/** What a step does; `at` is the number under which it may keep something. None of these may throw but `enter`. */
export interface StepWork {
  bind(runtime: Runtime): void;
  /** Throws to refuse. Returns what to wait for first. */
  enter(run: StepRun, at: number): Wait | undefined;
  succeeded(run: StepRun, at: number): void;
  /** Returns after how many ms everything inside is to be done again; undefined: it failed. */
  failed(run: StepRun, at: number, error: unknown): number | undefined;
}

const works = new WeakMap<object, StepWork>();

export function defineStep<S extends Step>(step: S, work: StepWork): S {
  works.set(step, work);
  return Object.freeze(step);
}

export const workOf = (step: unknown): StepWork | undefined => (typeof step === "object" && step !== null ? works.get(step) : undefined);

/** Of a runtime that is known only when a step is first used. */
export function bound(runtime: Runtime | undefined): Runtime {
  if (runtime === undefined) throw new TightbeamError("internal", "A step was used before it had a runtime.");
  return runtime;
}

/** One runtime for good: a step's times are of its clock. */
export function bindOnce(before: Runtime | undefined, runtime: Runtime): Runtime {
  if (before !== undefined && before !== runtime)
    throw new TightbeamError("invalid_argument", "This policy, or a step of it, has the clock of another runtime. Make one for each runtime.");
  return runtime;
}

/** The longest a timer can be set for (2^31 - 1 ms). */
export const timerMax = 2 ** 31 - 1;

export function checkNumber(what: string, value: unknown, least: number, most: number, whole: boolean): void {
  if (typeof value === "number" && value >= least && value <= most && (!whole || Number.isInteger(value))) return;
  throw new TightbeamError("invalid_argument", `${what} is a ${whole ? "whole " : ""}number from ${least} to ${most.toLocaleString("en")}.`);
}

export function checkFunction(what: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") throw new TightbeamError("invalid_argument", `${what} is a function of the error.`);
}

const pers: readonly unknown[] = ["method", "peer", "all"];

/** What has a state of its own: each method of each peer, each peer, or all together. */
export type Per = "method" | "peer" | "all";

export function checkPer(what: string, value: unknown): void {
  if (!pers.includes(value)) throw new TightbeamError("invalid_argument", `${what} is "method" (each method of each peer), "peer" or "all".`);
}
