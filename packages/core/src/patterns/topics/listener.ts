import { type Topic, validate } from "../../contract/index.js";
import { TightbeamError } from "../../errors.js";
import { createFifo } from "../../link/fifo.js";
import * as protocol from "../../protocol.js";
import { runMiddleware, SeenCall } from "../answering/seen-call.js";
import type { PatternHost } from "../host.js";
import type { Handled, Tracing } from "../taps.js";
import { type Arrival, settle } from "./arrival.js";
import { ArrivalContext } from "./arrival-context.js";
import { createHeard, type Heard } from "./heard.js";
import type { TopicPattern } from "./pattern.js";
import type { EventContext, EventHandler } from "./types.js";

export interface ListenerOptions {
  readonly id: string;
  readonly pattern: TopicPattern;
  readonly event: Topic["event"];
  readonly handler: EventHandler;
  readonly filter: ((event: never, context: EventContext) => boolean) | undefined;
  readonly from: ReadonlySet<string> | undefined;
  readonly replay: number;
  readonly queue: number;
}

interface Waiting {
  readonly arrival: Arrival;
  readonly value: unknown;
  readonly replayed: boolean;
}

type ListenerHost = Pick<PatternHost, "onFailure" | "runtime" | "middleware" | "taps">;

/** What waits costs this much beside its bytes. */
const waitingCost = 256;

/** One subscription's handler: gets one event after the other, in the order they came. What waits is bounded by what publishers were granted, and by each one's share of the agent's memory. */
export class Listener {
  readonly options: ListenerOptions;
  received = 0;
  refused = 0;
  over = false;
  readonly #host: ListenerHost;
  readonly #waiting = createFifo<Waiting>();
  readonly #heard: Heard | undefined;
  #busy = false;
  /** Of the last event. */
  #present: ArrivalContext | undefined;

  constructor(host: ListenerHost, options: ListenerOptions) {
    this.#host = host;
    this.options = options;
    this.#heard = options.replay > 0 ? createHeard() : undefined;
  }

  take(arrival: Arrival, value: unknown, replayed: boolean): void {
    if (this.over || (replayed && this.#heard?.had(arrival))) return;
    if (!this.#busy) {
      this.#heard?.note(arrival);
      return this.#run(arrival, value, replayed);
    }
    if (!arrival.link.budget.take(arrival.cost + waitingCost)) {
      this.refused++;
      return this.#failed(arrival, new TightbeamError("overloaded", "This agent has no memory left to hold an event for a handler that is busy."));
    }
    this.#heard?.note(arrival);
    arrival.pending++;
    this.#waiting.push({ arrival, value, replayed });
  }

  /** The handler is called no more, and what waited for it is let go of. */
  end(reason: TightbeamError): void {
    this.over = true;
    this.#present?.end(reason);
    for (let next = this.#shift(); next !== undefined; next = this.#shift()) settle(next.arrival);
  }

  #shift(): Waiting | undefined {
    const next = this.#waiting.shift();
    if (next !== undefined) next.arrival.link.budget.give(next.arrival.cost + waitingCost);
    return next;
  }

  #run(arrival: Arrival, value: unknown, replayed: boolean): void {
    try {
      const later = this.#call(arrival, value, replayed);
      if (later !== undefined) this.#wait(arrival, later);
    } catch (error) {
      this.#failed(arrival, error);
    }
  }

  #wait(arrival: Arrival, later: PromiseLike<unknown>): void {
    this.#busy = true;
    arrival.pending++;
    Promise.resolve(later)
      .catch((error: unknown) => this.#failed(arrival, error))
      .then(() => {
        this.#busy = false;
        settle(arrival);
        while (!this.#busy) {
          const next = this.#shift();
          if (next === undefined) break;
          this.#run(next.arrival, next.value, next.replayed);
          settle(next.arrival);
        }
      })
      .catch(() => undefined);
  }

  #call(arrival: Arrival, value: unknown, replayed: boolean): PromiseLike<unknown> | undefined {
    const { header, link } = arrival;
    if (header.ttl !== undefined && this.#host.runtime.clock.wall() + link.clockOffset() - header.timestamp > header.ttl) {
      this.refused++;
      return undefined;
    }
    const { tracing } = this.#host.taps;
    const handled = tracing === undefined ? untraced : { span: undefined };
    const context = new ArrivalContext(arrival, replayed, handled);
    this.#present = context;
    return tracing === undefined ? this.#handle(value, context) : this.#trace(tracing, arrival, value, context, handled);
  }

  #trace(tracing: Tracing, { link, header, cost }: Arrival, value: unknown, context: ArrivalContext, handled: Handled): PromiseLike<unknown> | undefined {
    try {
      const later = tracing.run(handled, link, header, cost - protocol.eventCost, undefined, () => this.#handle(value, context));
      if (later === undefined) tracing.over(handled, undefined);
      return later?.then(
        () => tracing.over(handled, undefined),
        (error: unknown) => {
          tracing.over(handled, error);
          throw error;
        },
      );
    } catch (error) {
      tracing.over(handled, error);
      throw error;
    }
  }

  #handle(value: unknown, context: ArrivalContext): PromiseLike<unknown> | undefined {
    const { middleware } = this.#host;
    if (!middleware.used) return this.#check(value, context);
    return runMiddleware(middleware.all, new SeenCall("event", context.topic, value, context), (input) => this.#check(input, context));
  }

  #check(value: unknown, context: ArrivalContext): PromiseLike<unknown> | undefined {
    const { event } = this.options;
    if (event === undefined) return this.#hand(value, context);
    const checked = validate(event, value, "input");
    if (checked instanceof Promise) {
      return checked.then(
        (valid) => this.#hand(valid, context),
        (error: unknown) => {
          this.refused++;
          throw error;
        },
      );
    }
    return this.#hand(checked, context);
  }

  #hand(value: unknown, context: EventContext): PromiseLike<unknown> | undefined {
    const { filter } = this.options;
    if (this.over) return undefined;
    const wanted: unknown = filter === undefined || filter(value as never, context);
    // An async one takes nothing, and must not end the process by what it throws.
    if (wanted instanceof Promise) wanted.catch(() => undefined);
    if (wanted !== true) return undefined;
    this.received++;
    const result = this.options.handler(value, context);
    return isThenable(result) ? result : undefined;
  }

  #failed(arrival: Arrival, error: unknown): void {
    const { header, topic, link } = arrival;
    arrival.fault ??= error;
    this.#host.onFailure({ id: header.id, method: topic, peer: link.peer.id, error });
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";

/** One for all events of agents without a tracer. */
const untraced: Handled = Object.freeze({ span: undefined });
