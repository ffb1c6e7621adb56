import type { Headers, Priority } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
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
  /** False: there is none. */
  readonly used: boolean;
  /** As they are now: see `runMiddleware`. */
  readonly all: readonly Middleware[];
}

export function createMiddleware(): MiddlewareChain {
  /** Replaced, never changed: a call keeps the chain it began with. */
  let chain: readonly Middleware[] = [];

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
    get all() {
      return chain;
    },
  };
}
