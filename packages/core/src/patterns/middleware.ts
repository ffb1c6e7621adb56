import type { Headers, Priority } from "../envelope/types.js";
import { TightbeamError } from "../errors.js";
import type { HandlerContext } from "./context.js";

/** Something of a peer on its way to its handler. Permissions, rate and places are judged already; the schema is not. */
export interface IncomingCall {
  readonly kind: "request" | "notification" | "stream" | "event";
  /** Of the method, stream or topic. */
  readonly name: string;
  /** What came: decoded, not validated. */
  readonly input: unknown;
  /** Who asks: authenticated. */
  readonly peer: HandlerContext["peer"];
  readonly id: string;
  readonly headers: Headers;
  readonly priority: Priority;
  readonly idempotencyKey: string | undefined;
  /** Fires when the caller gave up, the link ended, or the agent closes. */
  readonly signal: AbortSignal;
}

/** What comes after a middleware: the next one, at last the schema and the handler. Takes another input where one is given. Only once. */
export type Next = (...input: readonly [input?: unknown]) => Promise<unknown>;

/** Returns what the caller gets: mostly `next()`. What it throws the caller gets as it would get it from a handler. */
export type Middleware = (call: IncomingCall, next: Next) => unknown;

/** What stands between the network and every handler, in order. */
export interface MiddlewareChain {
  use(middleware: Middleware): () => void;
  /** False: `run` has nothing to add. */
  readonly used: boolean;
  /** Ends with `last`, unless one of them answers itself. */
  run(call: IncomingCall, last: (input: unknown) => unknown): Promise<unknown>;
}

/** A call as middleware sees it: by its getters, so that what nobody asks for costs nothing. */
export class SeenCall implements IncomingCall {
  readonly kind: IncomingCall["kind"];
  readonly name: string;
  readonly input: unknown;
  readonly #context: Omit<IncomingCall, "kind" | "name" | "input">;

  constructor(kind: IncomingCall["kind"], name: string, input: unknown, context: Omit<IncomingCall, "kind" | "name" | "input">) {
    this.kind = kind;
    this.name = name;
    this.input = input;
    this.#context = context;
  }

  get peer(): IncomingCall["peer"] {
    return this.#context.peer;
  }

  get id(): string {
    return this.#context.id;
  }

  get headers(): Headers {
    return this.#context.headers;
  }

  get priority(): Priority {
    return this.#context.priority;
  }

  get idempotencyKey(): string | undefined {
    return this.#context.idempotencyKey;
  }

  get signal(): AbortSignal {
    return this.#context.signal;
  }
}

export function createMiddleware(): MiddlewareChain {
  /** Replaced, never changed: a call keeps the chain it began with. */
  let chain: readonly Middleware[] = [];

  const from = async (all: readonly Middleware[], index: number, call: IncomingCall, last: (input: unknown) => unknown): Promise<unknown> => {
    const middleware = all[index];
    if (middleware === undefined) return last(call.input);
    let nexted = false;
    const goOn = async (changed: readonly [input?: unknown]): Promise<unknown> => {
      if (nexted) throw new TightbeamError("invalid_argument", "A middleware called next() twice: a call is handled once.");
      nexted = true;
      return from(all, index + 1, changed.length === 0 ? call : new SeenCall(call.kind, call.name, changed[0], call), last);
    };
    return middleware(call, (...changed) => {
      const result = goOn(changed);
      // A peer whose input is refused must not end the process of a middleware that looks at the result later, or never.
      result.catch(() => undefined);
      return result;
    });
  };

  return {
    use(middleware) {
      if (typeof middleware !== "function") throw new TightbeamError("invalid_argument", "A middleware is a function (call, next) => next().");
      const own: Middleware = (call, next) => middleware(call, next);
      chain = [...chain, own];
      return () => {
        chain = chain.filter((each) => each !== own);
      };
    },
    get used() {
      return chain.length > 0;
    },
    run: (call, last) => from(chain, 0, call, last),
  };
}
