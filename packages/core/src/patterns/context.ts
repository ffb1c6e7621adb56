import type { EnvelopeHeader, Headers, Priority } from "../envelope/types.js";
import type { Link } from "../link/link-types.js";

/** What a handler is told beside its input. */
export interface HandlerContext {
  /** Who asks: authenticated. */
  readonly peer: { readonly id: string; readonly instance: string; readonly issuer: string; readonly permissions: readonly string[] };
  readonly id: string;
  readonly method: string;
  readonly headers: Headers;
  readonly priority: Priority;
  readonly idempotencyKey: string | undefined;
  /** Fires when the caller gave up, the link ended, or the agent closes. */
  readonly signal: AbortSignal;
}

/** A call whose handler has not settled. */
export interface Running {
  readonly link: Link;
  readonly id: string;
  /** Made when the handler asks for its signal: most never do. */
  abort: AbortController | undefined;
  /** Why the signal fires, once it does. */
  cancelled: unknown;
}

const noHeaders: Headers = Object.freeze({});

/** A class so that one getter serves all calls: a literal with a getter would cost each call a hash table. */
export class CallContext implements HandlerContext {
  readonly peer: HandlerContext["peer"];
  readonly id: string;
  readonly method: string;
  readonly headers: Headers;
  readonly priority: Priority;
  readonly idempotencyKey: string | undefined;
  readonly #running: Running;

  constructor(running: Running, header: EnvelopeHeader) {
    const { id, instance, issuer, permissions } = running.link.peer;
    this.peer = { id, instance, issuer, permissions };
    this.id = header.id;
    this.method = header.method ?? "";
    this.headers = header.headers ?? noHeaders;
    this.priority = header.priority;
    this.idempotencyKey = header.idempotencyKey;
    this.#running = running;
  }

  get signal(): AbortSignal {
    const running = this.#running;
    running.abort ??= new AbortController();
    if (running.cancelled !== undefined && !running.abort.signal.aborted) running.abort.abort(running.cancelled);
    return running.abort.signal;
  }
}
