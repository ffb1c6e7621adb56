import { type ErrorCode, type ErrorDetails, TightbeamError } from "../../src/errors.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";
import type { VirtualRuntime } from "../../src/runtime/virtual.js";

export const failure = (code: ErrorCode = "overloaded", details: ErrorDetails = {}): TightbeamError => new TightbeamError(code, `made: ${code}`, details);

/** A promise, what settles it, and what became of it. */
export function held<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

export type Seen = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** What a promise has settled with so far. */
export function watch(promise: Promise<unknown>): { seen?: Seen } {
  const watched: { seen?: Seen } = {};
  promise.then(
    (value) => {
      watched.seen = { ok: true, value };
    },
    (error: unknown) => {
      watched.seen = { ok: false, error };
    },
  );
  return watched;
}

/** The code of what it rejects with, or "ok". */
export const outcome = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
    return "ok";
  } catch (error) {
    return error instanceof TightbeamError ? error.code : String(error);
  }
};

/** Microtasks, without time moving. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

export const virtual = (seed = 1): VirtualRuntime => createVirtualRuntime({ seed });

/** A runtime whose time is set by hand, forwards and backwards, and whose timers never ring. */
export function clockwork(start = 0) {
  const base = virtual();
  const at = { monotonic: start, wall: 1_750_000_000_000 };
  const runtime = { ...base, clock: { monotonic: () => at.monotonic, wall: () => at.wall } };
  return { runtime, at };
}
