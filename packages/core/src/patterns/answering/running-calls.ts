import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import type { Random } from "../../runtime/runtime.js";
import type { Waiting } from "../admission/intake-queue.js";
import type { Tenant } from "../admission/places.js";
import { createPeerIdTable, type IdTable } from "../id-table.js";
import type { Running } from "./context.js";

/** A request or notification from its arrival to its end. */
export interface Call extends Running {
  readonly delivery: Delivery;
  /** The call whose handler ran when this one began. */
  outer: Call | undefined;
  /** It is in the table. */
  listed: boolean;
  /** Its handler has begun, and it counts. */
  running: boolean;
  /** It has an idempotency key: others with the same one may wait for it, or it for them. */
  readonly keyed: boolean;
  /** It waits for that of another call, or for what is known of its key. */
  held: boolean;
  /** Given up, although its handler has not settled. */
  abandoned: boolean;
  /** Whose places it holds one of; what agents say on their own account needs none. */
  place: Tenant | undefined;
  /** Its place in the queue, until its turn. */
  turn: Waiting | undefined;
}

/** Calls that wait for their turn or whose handlers returned a promise, by link and the id their peer chose: an id counts only within its link. */
export interface RunningCalls {
  find(link: Link, id: string): Call | undefined;
  add(call: Call): void;
  remove(call: Call): void;
  /** Of one link, or all; a copy. */
  of(link: Link | undefined): readonly Call[];
  /** The link is no more: what is left of it goes with its last call. */
  linkEnded(link: Link): void;
}

class CallTable implements RunningCalls {
  #size = 0;
  readonly #calls = new Map<Link, IdTable<Call>>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  find(link: Link, id: string): Call | undefined {
    return this.#size === 0 ? undefined : this.#calls.get(link)?.get(id);
  }

  add(call: Call): void {
    if (call.listed) return;
    const { link, header } = call;
    let calls = this.#calls.get(link);
    if (calls === undefined) {
      calls = createPeerIdTable(this.#random);
      this.#calls.set(link, calls);
    }
    calls.set(header.id, call);
    call.listed = true;
    this.#size++;
  }

  remove(call: Call): void {
    if (!call.listed) return;
    call.listed = false;
    this.#size--;
    const calls = this.#calls.get(call.link);
    calls?.delete(call.header.id);
    if (call.link.state === "ended") this.linkEnded(call.link);
  }

  of(link: Link | undefined): readonly Call[] {
    const tables = link === undefined ? [...this.#calls.values()] : [this.#calls.get(link)];
    return tables.flatMap((calls) => calls?.values() ?? []);
  }

  linkEnded(link: Link): void {
    if (this.#calls.get(link)?.size === 0) this.#calls.delete(link);
  }
}

export const createRunningCalls = (random: Random): RunningCalls => new CallTable(random);
