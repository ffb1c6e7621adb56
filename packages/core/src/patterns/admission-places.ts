import type { Priority } from "../envelope/types.js";
import { TightbeamError } from "../errors.js";
import * as limits from "../limits.js";
import type { Clock, Timers } from "../runtime/runtime.js";
import { createIntakeQueue, isUrgent, type Waiting } from "./intake-queue.js";

/** What the application works on at once, and the queue before it. */
export interface Places {
  /** True, and a place is taken, when one is free and nobody waits for it: `leave` follows. */
  enter(priority: Priority): boolean;
  /** Waits for a place, which is taken when `start` is called, perhaps before this returns. Returns `overloaded` when the queue is full. */
  wait(priority: Priority, bytes: number, start: () => void): Waiting | TightbeamError;
  /** Waits no longer. False when it had its turn. */
  withdraw(waiting: Waiting): boolean;
  leave(priority: Priority): void;
  readonly queued: number;
}

export interface PlacesLimits {
  /** How many requests and notifications the application works on at once. Default 4,096. From 8 on, one place in 8 is for `critical` and `high` alone. */
  readonly running?: number;
  /** How many more wait for their turn. Default 16,384. */
  readonly queued?: number;
  /** And how many bytes of them. Default 64 MiB. */
  readonly queuedBytes?: number;
}

/** What waits costs this much beside its payload. */
const entryBytes = 512;

class AgentPlaces implements Places {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #most: number;
  readonly #mostOrdinary: number;
  readonly #mostQueued: number;
  readonly #mostQueuedBytes: number;
  readonly #queue = createIntakeQueue();
  #taken = 0;
  /** Of those, normal and low. */
  #ordinary = 0;
  #starting = false;
  #started = 0;
  #turnAsked = false;
  /** How long the last one that started had waited, ms. */
  #lastWait = 0;

  constructor(clock: Clock, timers: Timers, { running = limits.running, queued = limits.queued, queuedBytes = limits.queuedBytes }: PlacesLimits) {
    this.#clock = clock;
    this.#timers = timers;
    this.#most = whole("running", running, 1);
    this.#mostOrdinary = this.#most - Math.floor(this.#most / 8);
    this.#mostQueued = whole("queued", queued, 0);
    this.#mostQueuedBytes = whole("queuedBytes", queuedBytes, 0);
  }

  get queued(): number {
    return this.#queue.length;
  }

  enter(priority: Priority): boolean {
    if (this.#queue.length > 0 || this.#taken >= this.#most) return false;
    const ordinary = !isUrgent(priority);
    if (ordinary && this.#ordinary >= this.#mostOrdinary) return false;
    this.#take(priority);
    return true;
  }

  wait(priority: Priority, bytes: number, start: () => void): Waiting | TightbeamError {
    const cost = bytes + entryBytes;
    if (this.#queue.length >= this.#mostQueued || this.#queue.bytes + cost > this.#mostQueuedBytes) return this.#overloaded();
    const since = this.#clock.monotonic();
    const waiting = this.#queue.add(priority, cost, () => {
      this.#lastWait = this.#clock.monotonic() - since;
      this.#take(priority);
      start();
    });
    this.#startMore();
    return waiting;
  }

  withdraw(waiting: Waiting): boolean {
    return this.#queue.remove(waiting);
  }

  leave(priority: Priority): void {
    this.#taken--;
    if (!isUrgent(priority)) this.#ordinary--;
    if (this.#queue.length > 0) this.#startMore();
  }

  #take(priority: Priority): void {
    this.#taken++;
    if (!isUrgent(priority)) this.#ordinary++;
  }

  /** As many as there are places for, but only so many in a turn: what has come meanwhile may be more urgent, and must be read first. */
  #startMore(): void {
    if (this.#starting || this.#turnAsked) return;
    this.#starting = true;
    while (this.#taken < this.#most) {
      if (this.#started === limits.startsPerTurn) {
        this.#askForTurn();
        break;
      }
      const next = this.#queue.take(this.#ordinary >= this.#mostOrdinary);
      if (next === undefined) break;
      this.#started++;
      next.start();
    }
    this.#starting = false;
  }

  #askForTurn(): void {
    this.#turnAsked = true;
    this.#timers.turn(() => {
      this.#turnAsked = false;
      this.#started = 0;
      this.#startMore();
    });
  }

  #overloaded(): TightbeamError {
    // As long as the last one waited: by then most of those before it have had their turn.
    const retryAfter = Math.min(Math.max(Math.ceil(this.#lastWait), limits.overloadedMinMs), limits.overloadedMaxMs);
    return new TightbeamError("overloaded", `This agent works on all it can, and its queue is full: again in ${retryAfter} ms. Nothing was done.`, {
      retryAfter,
    });
  }
}

function whole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new TightbeamError("invalid_argument", `limits.${name} is a whole number of at least ${least}.`);
}

/** Throws `invalid_argument` for a limit that is none. */
export const createPlaces = (clock: Clock, timers: Timers, own: PlacesLimits): Places => new AgentPlaces(clock, timers, own);
