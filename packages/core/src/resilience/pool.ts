import type { TightbeamError } from "../errors.js";
import type { CallPool, PolicyEvent } from "./types.js";

/** The calls of one agent that are under a policy: told apart from others only where they wait, and counted. */
class Pool implements CallPool {
  readonly emit: (event: PolicyEvent) => void;
  #active = 0;
  /** What ends those that wait. */
  readonly #waiting = new Set<(error: unknown) => void>();
  #ended: TightbeamError | undefined;
  readonly #idle: (() => void)[] = [];

  constructor(emit: (event: PolicyEvent) => void) {
    this.emit = emit;
  }

  begins(): void {
    this.#active++;
  }

  over(): void {
    this.#active--;
    this.#settleIdle();
  }

  waits(end: (error: unknown) => void, waiting: boolean): void {
    if (!waiting) this.#waiting.delete(end);
    else if (this.#ended === undefined) this.#waiting.add(end);
    else end(this.#ended);
  }

  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#settleIdle();
    });
  }

  stop(error: TightbeamError): void {
    this.#ended = error;
    for (const end of [...this.#waiting]) end(error);
  }

  #settleIdle(): void {
    if (this.#active > 0 || this.#idle.length === 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

export const createPool = (emit: (event: PolicyEvent) => void): CallPool => new Pool(emit);
