import type { EnvelopeHeader, Headers, Priority } from "../envelope/types.js";
import type { Link } from "../link/link-types.js";
import type { Delivery } from "../link/message.js";

/** What a handler is told beside its input. */
export interface HandlerContext {
  /** Who asks: authenticated. */
  readonly peer: { readonly id: string; readonly instance: string; readonly issuer: string; readonly permissions: readonly string[] };
  readonly id: string;
  readonly method: string;
  readonly headers: Headers;
  readonly priority: Priority;
  readonly idempotencyKey: string | undefined;
  /** Of a durable message: which try this is, from 1. */
  readonly delivery: { readonly durable: true; readonly attempt: number } | undefined;
  /** Fires when the caller gave up, the link ended, or the agent closes. */
  readonly signal: AbortSignal;
}

/** A call whose handler has not settled. */
export interface Running {
  readonly link: Link;
  readonly delivery?: Pick<Delivery, "durable">;
  readonly header: EnvelopeHeader;
  /** Made when the handler asks for its signal: most never do. */
  abort: AbortController | undefined;
  /** Why the signal fires, once it does. */
  cancelled: unknown;
}

const noHeaders: Headers = Object.freeze({});

/** A class of getters: what a handler does not ask for costs its call nothing. */
export class CallContext implements HandlerContext {
  readonly #running: Running;
  #peer: HandlerContext["peer"] | undefined;

  constructor(running: Running) {
    this.#running = running;
  }

  get peer(): HandlerContext["peer"] {
    if (this.#peer === undefined) {
      const { id, instance, issuer, permissions } = this.#running.link.peer;
      this.#peer = { id, instance, issuer, permissions };
    }
    return this.#peer;
  }

  get id(): string {
    return this.#running.header.id;
  }

  get method(): string {
    return this.#running.header.method ?? "";
  }

  get headers(): Headers {
    return this.#running.header.headers ?? noHeaders;
  }

  get priority(): Priority {
    return this.#running.header.priority;
  }

  get idempotencyKey(): string | undefined {
    return this.#running.header.idempotencyKey;
  }

  get delivery(): HandlerContext["delivery"] {
    const durable = this.#running.delivery?.durable;
    return durable === undefined ? undefined : { durable: true, attempt: durable.attempt };
  }

  get signal(): AbortSignal {
    const running = this.#running;
    running.abort ??= new AbortController();
    if (running.cancelled !== undefined && !running.abort.signal.aborted) running.abort.abort(running.cancelled);
    return running.abort.signal;
  }
}
