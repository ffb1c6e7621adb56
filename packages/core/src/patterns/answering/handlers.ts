import type { Method, Stream } from "../../contract/index.js";
import { TightbeamError } from "../../errors.js";
import { checkKnown } from "../../known-options.js";
import type { Link } from "../../link/link-types.js";
import type { StreamEntry } from "../streams/types.js";
import type { HandlerContext } from "./context.js";

export type Handler = (input: unknown, context: HandlerContext) => unknown;

export interface Handled {
  readonly method: Method;
  readonly handler: Handler;
  /** Instead of the handler, for what agents say to each other on their own account. */
  readonly own: ((link: Link, value: unknown) => unknown) | undefined;
  /** Durable messages of one peer and lane one after the other. */
  readonly ordered: boolean;
}

/** How a method is answered. */
export interface HandleOptions {
  /** The next durable message of the same peer, lane and method begins when the one before is over: handled, or a dead letter. Default false. */
  readonly ordered?: boolean | undefined;
}

/** Who answers what, by method name. */
export interface Handlers {
  handle(method: Method, handler: Handler, options?: HandleOptions): () => void;
  /** Handles what has no handler. Throws `invalid_argument` when there is one already. */
  fallback(handler: Handler): () => void;
  /** Answers what agents say to each other on their own account. False when it is answered already. */
  handleOwn(method: Method, handler: (link: Link, value: unknown) => unknown): boolean;
  get(name: string): Handled | undefined;
  readonly forTheRest: Handled | undefined;
  /** Answers a stream. Names are one space: throws `invalid_argument` when a method or a stream has it. */
  handleStream(name: string, entry: StreamEntry): () => void;
  streamOf(name: string): StreamEntry | undefined;
  /** What is answered, but not what agents say to each other on their own account. */
  members(): readonly (Method | Stream)[];
}

class AgentHandlers implements Handlers {
  forTheRest: Handled | undefined;
  readonly #handlers = new Map<string, Handled>();
  readonly #streams = new Map<string, StreamEntry>();

  get(name: string): Handled | undefined {
    return this.#handlers.get(name);
  }

  members(): readonly (Method | Stream)[] {
    const methods = [...this.#handlers.values()].filter(({ own }) => own === undefined).map(({ method }) => method);
    return [...methods, ...[...this.#streams.values()].map(({ contract }) => contract)];
  }

  handle(method: Method, handler: Handler, { ordered = false, ...unknown }: HandleOptions = {}): () => void {
    const { name } = method;
    checkKnown(`handle("${name}")`, unknown, ["ordered"]);
    this.#check(name, handler);
    if (/Generator/.test(String(Object(handler)[Symbol.toStringTag])))
      throw new TightbeamError("invalid_argument", `A generator answers a stream: handle(stream("${name}"), ...).`);
    const entry = { method, handler, own: undefined, ordered };
    this.#handlers.set(name, entry);
    return () => {
      if (this.#handlers.get(name) === entry) this.#handlers.delete(name);
    };
  }

  fallback(handler: Handler): () => void {
    if (this.forTheRest !== undefined) throw taken("There is a fallback", "fallback");
    checkFunction("fallback", handler);
    const entry = { method: anyMethod, handler, own: undefined, ordered: false };
    this.forTheRest = entry;
    return () => {
      if (this.forTheRest === entry) this.forTheRest = undefined;
    };
  }

  handleOwn(method: Method, own: (link: Link, value: unknown) => unknown): boolean {
    if (this.#handlers.has(method.name)) return false;
    this.#handlers.set(method.name, { method, handler: nothing, own, ordered: false });
    return true;
  }

  handleStream(name: string, entry: StreamEntry): () => void {
    this.#check(name, entry.handler);
    this.#streams.set(name, entry);
    return () => {
      if (this.#streams.get(name) === entry) this.#streams.delete(name);
    };
  }

  streamOf(name: string): StreamEntry | undefined {
    return this.#streams.get(name);
  }

  #check(name: string, handler: unknown): void {
    checkFunction(name, handler);
    if (this.#handlers.has(name) || this.#streams.has(name)) throw taken(`'${name}' has a handler`, "handle");
  }
}

const anyMethod: Method = { kind: "method", name: "", input: undefined, output: undefined, idempotent: false, durable: false };

const nothing = (): void => undefined;

function checkFunction(name: string, handler: unknown): void {
  if (typeof handler !== "function") throw new TightbeamError("invalid_argument", `The handler of '${name}' is a function.`);
}

const taken = (what: string, by: string): TightbeamError =>
  new TightbeamError("invalid_argument", `${what} already. Remove it first by calling what ${by}() returned.`);

export const createHandlers = (): Handlers => new AgentHandlers();
