import * as limits from "../limits.js";
import type { CallOptions, CallPool, CallTarget, CallWay, LimitedAttempt, LimitedOperation, Settler } from "./types.js";

interface Named {
  readonly name: string;
  readonly idempotent: boolean;
}

/** One call of an agent and all its attempts: they have the same input, encoded once. */
export class GuardedCall<Target extends CallTarget, Method extends Named, Payload, Options extends CallOptions> implements LimitedOperation<unknown> {
  readonly #way: CallWay<Target, Method, Payload, Options>;
  readonly #to: Target;
  readonly #method: Method;
  readonly #payload: Payload;
  readonly #options: Options;

  constructor(way: CallWay<Target, Method, Payload, Options>, to: Target, method: Method, payload: Payload, options: Options) {
    this.#way = way;
    this.#to = to;
    this.#method = method;
    this.#payload = payload;
    this.#options = options;
  }

  get timeout(): number {
    return this.#options.timeout ?? limits.requestTimeoutMs;
  }

  get pool(): CallPool {
    return this.#way.pool;
  }

  get selfLimited(): true {
    return true;
  }

  /** Circuits and budgets are kept by agent; what goes to any of a kind has the kind's. No agent id has a colon. */
  get peer(): string {
    const { kind, id } = this.#to;
    return kind === undefined ? id : `kind:${kind}`;
  }

  get method(): string {
    return this.#method.name;
  }

  get idempotent(): boolean {
    return this.#method.idempotent || this.#options.idempotencyKey !== undefined;
  }

  get idempotencyKey(): string | undefined {
    return this.#options.idempotencyKey;
  }

  get signal(): AbortSignal | undefined {
    return this.#options.signal;
  }

  attempt(attempt: LimitedAttempt, settler: Settler<unknown>): void {
    this.#way.send(this.#to, this.#method, this.#payload, attempt.limit(this.#options), settler);
  }
}
