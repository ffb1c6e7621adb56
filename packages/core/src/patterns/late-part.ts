import type { TightbeamError } from "../errors.js";
import type { OnDemand } from "../on-demand.js";

/** A part of an agent whose code is loaded when it is first needed, and what waits for it, in order. Whoever lets something wait bounds it. */
export interface LatePart<Part> {
  /** From when it is made: what happens to links is for it, also while what waited has its turn. */
  readonly part: Part | undefined;
  /** The same from when nothing waits for it any more: calls may go to it directly. */
  readonly ready: Part | undefined;
  /** Runs `run` with it, at once where it is ready. Runs `failed` instead where it cannot be loaded, which the next use tries again, or was stopped first. Neither throws. */
  use(run: (part: Part) => void, failed: (error: TightbeamError) => void): void;
  /** What waits fails with this error, and what comes from now on; a part that is there goes on. */
  stop(error: TightbeamError): void;
}

interface Waiting<Part> {
  readonly run: (part: Part) => void;
  readonly failed: (error: TightbeamError) => void;
}

export function createLatePart<Code, Part>(load: OnDemand<Code>, make: (code: Code) => Part): LatePart<Part> {
  let part: Part | undefined;
  let ready: Part | undefined;
  let loading = false;
  let stopped: TightbeamError | undefined;
  let waiting: Waiting<Part>[] = [];

  const arrive = (code: Code): void => {
    if (stopped !== undefined) return;
    part = make(code);
    // What they call in turn comes behind those that wait.
    for (const { run } of waiting) run(part);
    waiting = [];
    ready = part;
  };

  const fail = (error: TightbeamError): void => {
    loading = false;
    const all = waiting;
    waiting = [];
    for (const { failed } of all) failed(error);
  };

  return {
    get part() {
      return part;
    },
    get ready() {
      return ready;
    },
    use(run, failed) {
      if (ready !== undefined) return run(ready);
      if (stopped !== undefined && part === undefined) return failed(stopped);
      waiting.push({ run, failed });
      if (loading) return;
      loading = true;
      if (load.loaded === undefined) load().then(arrive, fail);
      else arrive(load.loaded);
    },
    stop(error) {
      stopped ??= error;
      if (part === undefined) fail(error);
    },
  };
}
