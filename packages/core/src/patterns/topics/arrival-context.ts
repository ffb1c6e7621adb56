import type { TightbeamError } from "../../errors.js";
import type { Handled } from "../taps.js";
import { traceAt } from "../telemetry/standing.js";
import type { Arrival } from "./arrival.js";
import type { EventContext } from "./types.js";

/** What a handler gets beside an event, until its subscription ends. Getters: what it does not ask for costs nothing. */
export class ArrivalContext implements EventContext {
  readonly #arrival: Arrival;
  readonly #handled: Handled;
  readonly replayed: boolean;
  #abort: AbortController | undefined;
  #ended: TightbeamError | undefined;

  constructor(arrival: Arrival, replayed: boolean, handled: Handled) {
    this.#arrival = arrival;
    this.#handled = handled;
    this.replayed = replayed;
  }

  end(reason: TightbeamError): void {
    this.#ended = reason;
    this.#abort?.abort(reason);
  }

  get topic(): string {
    return this.#arrival.topic;
  }

  get peer(): EventContext["peer"] {
    const { id, instance, issuer, permissions } = this.#arrival.link.peer;
    return { id, instance, issuer, permissions };
  }

  get id(): string {
    return this.#arrival.header.id;
  }

  get timestamp(): number {
    return this.#arrival.header.timestamp;
  }

  get headers(): EventContext["headers"] {
    return this.#arrival.header.headers ?? noHeaders;
  }

  get priority(): EventContext["priority"] {
    return this.#arrival.header.priority;
  }

  get idempotencyKey(): string | undefined {
    return this.#arrival.header.idempotencyKey;
  }

  get trace(): EventContext["trace"] {
    return traceAt(this.#handled, this.#arrival.header.headers);
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#ended !== undefined) this.#abort.abort(this.#ended);
    return this.#abort.signal;
  }
}

const noHeaders = Object.freeze({});
