import { decodePayload, encodePayload } from "../../codec/index.js";
import type { JsonLimits } from "../../codec/limits.js";
import type { EncodedPayload } from "../../codec/types.js";
import { type Method, validate } from "../../contract/index.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import type { Outcome } from "../../link/message.js";
import type { Taps, Tracing } from "../taps.js";
import { CallContext, type HandlerContext } from "./context.js";
import type { Handled, Handler } from "./handlers.js";
import type { MiddlewareChain } from "./middleware.js";
import { isUnhandled, ofThisCall } from "./refusals.js";
import type { Call } from "./running-calls.js";
import { runMiddleware, SeenCall } from "./seen-call.js";

export interface ExecutionOptions {
  readonly json: JsonLimits;
  readonly middleware: MiddlewareChain;
  readonly taps: Taps;
  /** Why nothing answers this name. */
  readonly missing: (name: string) => TightbeamError;
  /** Its handler returned a promise: it goes on when `run` has returned. */
  readonly later: (call: Call) => void;
  /** Once for every call that ran. */
  readonly done: (call: Call, outcome: Outcome, payload: EncodedPayload | undefined, error: unknown) => void;
}

/** What becomes of a call that has its place: decoded, through middleware and schema to its handler, and from there to its outcome. */
export interface Execution {
  /** The call whose handler has not returned yet. */
  readonly present: Call | undefined;
  /** `found`: who answers; without, there is a middleware that may. Never throws. */
  run(call: Call, found: Handled | undefined, payload: EncodedPayload | undefined): void;
}

class CallExecution implements Execution {
  present: Call | undefined;
  readonly #options: ExecutionOptions;

  constructor(options: ExecutionOptions) {
    this.#options = options;
  }

  run(call: Call, found: Handled | undefined, payload: EncodedPayload | undefined): void {
    const { tracing } = this.#options.taps;
    if (tracing === undefined || found?.own !== undefined || tracing.leavesOut(call.header)) this.#run(call, found, payload);
    else this.#trace(tracing, call, found, payload);
  }

  #trace(tracing: Tracing, call: Call, found: Handled | undefined, payload: EncodedPayload | undefined): void {
    const { link, header, delivery } = call;
    tracing.run(call, link, header, payload?.bytes.length ?? 0, delivery.durable?.attempt, () => this.#run(call, found, payload));
  }

  #run(call: Call, found: Handled | undefined, payload: EncodedPayload | undefined): void {
    const { json, middleware, missing } = this.#options;
    const { link, header } = call;
    call.outer = this.present;
    this.present = call;
    try {
      call.delivery.durable?.begun();
      const value = decodePayload(payload, json);
      let result: unknown;
      if (found?.own !== undefined) result = found.own(link, value);
      else if (!middleware.used) result = begin(call, found, missing, value, new CallContext(call));
      else {
        const context = new CallContext(call);
        const kind = header.type as "request" | "notification";
        result = runMiddleware(middleware.all, new SeenCall(kind, header.method as string, value, context), (input) =>
          begin(call, found, missing, input, context),
        );
      }
      const schema = found?.method.output;
      if (isThenable(result)) this.#replyLater(call, schema, result);
      else this.#reply(call, schema, result);
    } catch (error) {
      this.#fail(call, error);
    } finally {
      this.present = call.outer;
    }
  }

  #reply(call: Call, schema: Method["output"], output: unknown): void {
    const { json, done, later } = this.#options;
    try {
      if (call.header.type !== "request") return done(call, "ok", undefined, undefined);
      const checked = schema === undefined ? output : validate(schema, output, "output");
      if (!(checked instanceof Promise)) return done(call, "ok", encodePayload(output, json), undefined);
      later(call);
      checked.then(() => done(call, "ok", encodePayload(output, json), undefined)).catch((error) => this.#fail(call, ofOutput(error)));
    } catch (error) {
      this.#fail(call, ofOutput(error));
    }
  }

  #replyLater(call: Call, schema: Method["output"], result: PromiseLike<unknown>): void {
    this.#options.later(call);
    // Settles once, whatever a foreign `then` does.
    Promise.resolve(result).then(
      (output) => this.#reply(call, schema, output),
      (error) => this.#fail(call, error),
    );
  }

  #fail(call: Call, error: unknown): void {
    const outcome = isUnhandled(error) ? "no_handler" : "refused";
    this.#options.done(call, outcome, undefined, ofThisCall(error) ?? new TightbeamError("handler_failed", "The handler failed."));
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";

/** The caller reads it beside a payload of its own. */
const ofOutput = (error: unknown): unknown =>
  isTightbeamError(error) && error.code === "not_serialisable"
    ? new TightbeamError(error.code, error.message.replace(/^payload/, "output"), { cause: error })
    : error;

/** What the schema makes of the value goes to the handler. */
function begin(call: Call, found: Handled | undefined, missing: ExecutionOptions["missing"], value: unknown, context: HandlerContext): unknown {
  if (found === undefined) throw missing(call.header.method as string);
  const { method, handler } = found;
  const input = method.input === undefined ? value : validate(method.input, value, "input");
  return input instanceof Promise ? handleLater(handler, input, context) : handler(input, context);
}

const handleLater = (handler: Handler, input: Promise<unknown>, context: HandlerContext): Promise<unknown> => input.then((valid) => handler(valid, context));

export const createExecution = (options: ExecutionOptions): Execution => new CallExecution(options);
