import { TightbeamError } from "../errors.js";
import { checkKnown, type WithDefaults } from "../known-options.js";
import { checkNumber, checkPer, defineStep, type Per, type StepRun, type StepWork, type Wait } from "./step.js";
import type { BulkheadStatus, Step } from "./types.js";
import { Waiters } from "./waiters.js";

export interface BulkheadOptions {
  /** How many at once. */
  readonly concurrent: number;
  /** How many may wait for their turn, first come first served. Default 0. */
  readonly queue?: number | undefined;
  /** What has its own places: each `peer` (default), each `method` of each peer, or `all` together. */
  readonly per?: Per | undefined;
}

export type Bulkhead = Step<BulkheadStatus>;

/** There while something runs in it or waits for it. */
interface Compartment {
  readonly peer: string;
  readonly method: string;
  running: number;
  readonly queue: Waiters;
}

class BulkheadWork implements StepWork {
  running = 0;
  queued = 0;
  refused = 0;
  compartments = 0;
  readonly #concurrent: number;
  readonly #queue: number;
  readonly #per: Per;
  readonly #places = new Map<string, Map<string, Compartment>>();

  constructor({ concurrent, queue, per }: WithDefaults<BulkheadOptions>) {
    this.#concurrent = concurrent;
    this.#queue = queue;
    this.#per = per;
  }

  bind(): void {
    // Places know no time.
  }

  enter(run: StepRun, at: number): Wait | undefined {
    const { peer, method } = run.operation;
    const place = this.#at(this.#per === "all" ? "" : peer, this.#per === "method" ? method : "");
    if (place.running < this.#concurrent) {
      place.running++;
      this.running++;
      run.keep(at, place);
      return undefined;
    }
    if (place.queue.size >= this.#queue) {
      this.refused++;
      throw new TightbeamError(
        "overloaded",
        `${this.#concurrent} calls are under way and ${this.#queue} wait, as many as this bulkhead takes${place.peer === "" ? "" : ` for '${place.peer}'`}. Nothing was sent. Send less at once.`,
      );
    }
    return (go) => {
      const waiter = place.queue.add(() => {
        run.keep(at, place);
        go();
      });
      this.queued++;
      return () => {
        if (!place.queue.remove(waiter)) return;
        this.queued--;
        this.#tidy(place);
      };
    };
  }

  succeeded(run: StepRun, at: number): void {
    this.#leave(run.kept(at) as Compartment);
  }

  failed(run: StepRun, at: number): undefined {
    this.#leave(run.kept(at) as Compartment);
  }

  /** The place goes to whoever waited longest, without being free in between. */
  #leave(place: Compartment): void {
    const next = place.queue.shift();
    if (next !== undefined) {
      this.queued--;
      return next.go();
    }
    place.running--;
    this.running--;
    this.#tidy(place);
  }

  #at(peer: string, method: string): Compartment {
    const methods = this.#places.get(peer) ?? new Map<string, Compartment>();
    const known = methods.get(method);
    if (known !== undefined) return known;
    const place: Compartment = { peer, method, running: 0, queue: new Waiters() };
    this.#places.set(peer, methods.set(method, place));
    this.compartments++;
    return place;
  }

  #tidy({ peer, method, running, queue }: Compartment): void {
    if (running > 0 || queue.size > 0) return;
    const methods = this.#places.get(peer);
    if (methods?.delete(method) !== true) return;
    this.compartments--;
    if (methods.size === 0) this.#places.delete(peer);
  }
}

/** Lets `concurrent` operations run and `queue` more wait; refuses what is beyond with `overloaded`. Throws `invalid_argument`. */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  checkKnown("bulkhead()", options, ["concurrent", "queue", "per"]);
  const { concurrent, queue = 0, per = "peer" } = options;
  checkNumber("bulkhead({ concurrent })", concurrent, 1, 1e6, true);
  checkNumber("bulkhead({ queue })", queue, 0, 1e6, true);
  checkPer("bulkhead({ per })", per);
  const work = new BulkheadWork({ concurrent, queue, per });
  const status = (): BulkheadStatus => ({
    kind: "bulkhead",
    running: work.running,
    queued: work.queued,
    compartments: work.compartments,
    refused: work.refused,
  });
  return defineStep({ kind: "bulkhead", status }, work);
}
