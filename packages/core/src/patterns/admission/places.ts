import type { Priority } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Clock, Timers } from "../../runtime/runtime.js";
import { createIntakeQueue, isUrgent, type Waiting } from "./intake-queue.js";

/** One peer agent's part of the places. */
export interface Tenant {
  readonly owner: string;
  taken: number;
  waiting: number;
  /** Of those that wait. */
  bytes: number;
}

/** What the application works on at once, and the queue before it. */
export interface Places {
  /** A place is taken for `owner`, when one is free for it and nobody waits: `leave` follows. */
  enter(owner: string, priority: Priority): Tenant | undefined;
  /** Waits for a place, which is taken when `start` is called, perhaps before this returns. Returns `overloaded` when the queue is full. */
  wait(owner: string, priority: Priority, bytes: number, start: (tenant: Tenant) => void): Waiting | TightbeamError;
  /** Waits no longer. False when it had its turn. */
  withdraw(waiting: Waiting): boolean;
  leave(tenant: Tenant, priority: Priority): void;
  readonly queued: number;
}

export interface PlacesLimits {
  /** How many requests and notifications the application works on at once. Default 4,096. From 8 on, one place in 8 is for `critical` and `high` alone, and one peer agent holds at most 3 in 4: a peer whose calls never end does not shut out the others. */
  readonly running?: number | undefined;
  /** How many more wait for their turn. Default 16,384; of one peer agent at most 3 in 4. */
  readonly queued?: number | undefined;
  /** And how many bytes of them. Default 64 MiB; of one peer agent at most 3 in 4. */
  readonly queuedBytes?: number | undefined;
}

/** What waits costs this much beside its payload. */
const entryBytes = 512;

class AgentPlaces implements Places {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #most: number;
  readonly #mostOrdinary: number;
  readonly #mostOfOne: number;
  readonly #mostQueued: number;
  readonly #mostQueuedOfOne: number;
  readonly #mostQueuedBytes: number;
  readonly #mostQueuedBytesOfOne: number;
  readonly #queue = createIntakeQueue();
  #taken = 0;
  /** By peer agent, while it holds a place or waits for one. */
  readonly #tenants = new Map<string, Tenant>();
  /** The last one: most calls in a turn come from one peer. */
  #tenant: Tenant = { owner: "", taken: 0, waiting: 0, bytes: 0 };
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
    this.#mostOfOne = partOfOne(this.#most);
    this.#mostQueued = whole("queued", queued, 0);
    this.#mostQueuedOfOne = partOfOne(this.#mostQueued);
    this.#mostQueuedBytes = whole("queuedBytes", queuedBytes, 0);
    this.#mostQueuedBytesOfOne = partOfOne(this.#mostQueuedBytes);
  }

  get queued(): number {
    return this.#queue.length;
  }

  enter(owner: string, priority: Priority): Tenant | undefined {
    if (this.#queue.length > 0 || this.#taken >= this.#most) return undefined;
    if (!isUrgent(priority) && this.#ordinary >= this.#mostOrdinary) return undefined;
    const tenant = this.#tenantOf(owner);
    return tenant.taken >= this.#mostOfOne ? undefined : this.#take(tenant, priority);
  }

  wait(owner: string, priority: Priority, bytes: number, start: (tenant: Tenant) => void): Waiting | TightbeamError {
    const cost = bytes + entryBytes;
    const tenant = this.#tenantOf(owner);
    const full = this.#queue.length >= this.#mostQueued || this.#queue.bytes + cost > this.#mostQueuedBytes;
    if (full || tenant.waiting >= this.#mostQueuedOfOne || tenant.bytes + cost > this.#mostQueuedBytesOfOne) return this.#overloaded();
    tenant.waiting++;
    tenant.bytes += cost;
    const since = this.#clock.monotonic();
    const waiting = this.#queue.add(owner, priority, cost, () => {
      this.#lastWait = this.#clock.monotonic() - since;
      tenant.waiting--;
      tenant.bytes -= cost;
      start(this.#take(tenant, priority));
    });
    this.#startMore();
    return waiting;
  }

  withdraw(waiting: Waiting): boolean {
    if (!this.#queue.remove(waiting)) return false;
    const tenant = this.#tenantOf(waiting.owner);
    tenant.waiting--;
    tenant.bytes -= waiting.bytes;
    return true;
  }

  leave(tenant: Tenant, priority: Priority): void {
    this.#taken--;
    tenant.taken--;
    if (tenant !== this.#tenant) this.#forget(tenant);
    if (!isUrgent(priority)) this.#ordinary--;
    if (this.#queue.length > 0) this.#startMore();
  }

  #take(tenant: Tenant, priority: Priority): Tenant {
    this.#taken++;
    tenant.taken++;
    if (!isUrgent(priority)) this.#ordinary++;
    return tenant;
  }

  #tenantOf(owner: string): Tenant {
    if (this.#tenant.owner === owner) return this.#tenant;
    this.#forget(this.#tenant);
    let tenant = this.#tenants.get(owner);
    if (tenant === undefined) {
      tenant = { owner, taken: 0, waiting: 0, bytes: 0 };
      this.#tenants.set(owner, tenant);
    }
    this.#tenant = tenant;
    return tenant;
  }

  #forget({ owner, taken, waiting }: Tenant): void {
    if (taken + waiting === 0) this.#tenants.delete(owner);
  }

  readonly #mayStart = (owner: string): boolean => (this.#tenants.get(owner)?.taken ?? 0) < this.#mostOfOne;

  /** As many as there are places for, but only so many in a turn: what has come meanwhile may be more urgent, and must be read first. */
  #startMore(): void {
    if (this.#starting || this.#turnAsked) return;
    this.#starting = true;
    while (this.#taken < this.#most) {
      if (this.#started === limits.startsPerTurn) {
        this.#askForTurn();
        break;
      }
      const next = this.#queue.take(this.#ordinary >= this.#mostOrdinary, this.#mayStart);
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

const partOfOne = (all: number): number => (all < 8 ? all : all - Math.floor(all / 4));

function whole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new TightbeamError("invalid_argument", `limits.${name} is a whole number of at least ${least}.`);
}

/** Throws `invalid_argument` for a limit that is none. */
export const createPlaces = (clock: Clock, timers: Timers, own: PlacesLimits): Places => new AgentPlaces(clock, timers, own);
