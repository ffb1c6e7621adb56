import type { Headers, Priority } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import type { IncomingCall, Middleware } from "./middleware.js";

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

/** Ends with `last`, unless one of them answers itself. */
export const runMiddleware = (all: readonly Middleware[], call: IncomingCall, last: (input: unknown) => unknown): Promise<unknown> => from(all, 0, call, last);
