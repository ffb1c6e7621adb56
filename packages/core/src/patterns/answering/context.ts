import type { EnvelopeHeader, Headers, Priority } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery } from "../../link/message.js";
import type { TraceContext } from "../../telemetry/trace-context.js";
import type { CommitOptions } from "../checkpoints/types.js";
import type { Handled } from "../taps.js";
import { traceAt } from "../telemetry/standing.js";

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
  /**
   * In a handler of a durable message: keeps a state as `agent.checkpoint` does, under the method's name unless another is given, in one batch
   * with the message's mark. Resolves when it is flushed: from then on the message is handled, whatever becomes of its handler. Once for each
   * message. Rejects `invalid_argument` (no durable message, no store, the handler has settled, committed already), `cancelled` (the message was
   * given up), `closed`, and as `agent.checkpoint`: then nothing is kept, and what the state was made of should be read again with `restore`.
   */
  commit(state: unknown, options?: CommitOptions): Promise<void>;
  /** Where this handler stands in a trace: in its own span where the agent has a tracer, else where its sender said. Not authenticated. */
  readonly trace: TraceContext | undefined;
  /** Fires when the caller gave up, the link ended, or the agent closes. */
  readonly signal: AbortSignal;
}

/** A call whose handler has not settled. */
export interface Running extends Handled {
  readonly link: Link;
  readonly delivery?: Pick<Delivery, "durable">;
  readonly header: EnvelopeHeader;
  /** Made when the handler asks for its signal: most never do. */
  abort: AbortController | undefined;
  /** Why the signal fires, once it does. */
  cancelled: unknown;
  /** Its handler has begun and has not settled. */
  readonly running?: boolean;
  /** Given up, although its handler has not settled. */
  readonly abandoned?: boolean;
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

  get trace(): TraceContext | undefined {
    return traceAt(this.#running, this.#running.header.headers);
  }

  get delivery(): HandlerContext["delivery"] {
    const durable = this.#running.delivery?.durable;
    return durable === undefined ? undefined : { durable: true, attempt: durable.attempt };
  }

  /** Bound, as other members are: handlers may take it out of the context. */
  get commit(): HandlerContext["commit"] {
    const running = this.#running;
    return (state, options) => commit(running, state, options);
  }

  get signal(): AbortSignal {
    const running = this.#running;
    running.abort ??= new AbortController();
    if (running.cancelled !== undefined && !running.abort.signal.aborted) running.abort.abort(running.cancelled);
    return running.abort.signal;
  }
}

async function commit({ delivery, header, running, abandoned }: Running, state: unknown, options: CommitOptions = {}): Promise<void> {
  const { name = header.method ?? "", ...rest } = options;
  if (delivery?.durable === undefined)
    throw new TightbeamError("invalid_argument", "Only the handler of a durable message commits: others keep their state with agent.checkpoint().");
  if (abandoned === true) throw new TightbeamError("cancelled", "This message was given up: nothing is committed, and it is tried again.");
  if (running !== true) throw new TightbeamError("invalid_argument", "Commit before the handler settles.");
  return delivery.durable.commit(state, { name, ...rest });
}
