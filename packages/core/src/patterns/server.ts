import { decodePayload, encodePayload } from "../codec/index.js";
import type { JsonLimits } from "../codec/limits.js";
import type { EncodedPayload } from "../codec/types.js";
import { type Method, validate } from "../contract/index.js";
import { toWireError } from "../envelope/error.js";
import type { Ids } from "../envelope/id.js";
import type { EnvelopeHeader, OutgoingHeader } from "../envelope/types.js";
import { encodeEnvelope } from "../envelope/wire.js";
import { isTightbeamError, TightbeamError } from "../errors.js";
import type { Link } from "../link/link-types.js";
import type { Delivery, Outcome } from "../link/message.js";
import type { Runtime } from "../runtime/runtime.js";
import { CallContext, type HandlerContext, type Running } from "./context.js";
import { laneOfPriority } from "./operation.js";

export type Handler = (input: unknown, context: HandlerContext) => unknown;

export interface ServerOptions {
  readonly runtime: Runtime;
  readonly ids: Ids;
  readonly json: JsonLimits;
  /** A handler failed or its output did not fit: the rest of what the caller is told only by id. */
  readonly onFailure: (failure: { readonly id: string; readonly method: string; readonly peer: string; readonly error: unknown }) => void;
  readonly observe: ((link: Link, header: OutgoingHeader, payload: EncodedPayload | undefined) => void) | undefined;
}

interface Call extends Running {
  readonly delivery: Delivery;
  /** The call whose handler ran when this one began. */
  readonly outer: Call | undefined;
  waits: boolean;
  over: boolean;
}

interface Handled {
  readonly method: Method;
  readonly handler: Handler;
  /** Instead of the handler, for what agents say to each other on their own account. */
  readonly own: ((link: Link, value: unknown) => unknown) | undefined;
}

/** The answering side: handlers by method name, and the calls they are working on. */
export interface Server {
  handle(method: Method, handler: Handler): () => void;
  /** Answers what agents say to each other on their own account. False when it is answered already. */
  handleOwn(method: Method, handler: (link: Link, value: unknown) => unknown): boolean;
  /** A request or notification arrived. */
  serve(link: Link, delivery: Delivery, header: EnvelopeHeader, payload: EncodedPayload | undefined): void;
  /** The caller of this request waits no longer. */
  cancel(link: Link, id: string): void;
  linkEnded(link: Link, error: TightbeamError): void;
  readonly running: number;
  idle(): Promise<void>;
  /** Refuses what comes from now on, and fires the signals of what runs. */
  stop(error: TightbeamError): void;
  /** Refuses what comes from now on; what runs may finish. */
  drain(): void;
}

export function createServer(options: ServerOptions): Server {
  const { runtime, ids, json } = options;
  const handlers = new Map<string, Handled>();
  /** Calls whose handlers returned a promise, by link and the id its peer chose: an id counts only within its link. */
  const waiting = new Map<Link, Map<string, Call>>();
  let waitingCount = 0;
  /** The call whose handler has not returned yet. */
  let present: Call | undefined;
  let runningCount = 0;
  let refusing: TightbeamError | undefined;
  let idleWaiters: (() => void)[] = [];

  const answer = (link: Link, request: EnvelopeHeader, payload: EncodedPayload | undefined, error: unknown): void => {
    const timestamp = runtime.clock.wall();
    const { id: correlationId, priority } = request;
    let header: OutgoingHeader;
    if (error === undefined) header = { type: "response", id: ids.bytes(timestamp), correlationId, timestamp, priority };
    else {
      const id = ids.text(timestamp);
      header = { type: "error", id, correlationId, timestamp, priority, error: toWireError(error, id) };
      options.onFailure({ id, method: request.method ?? "", peer: link.peer.id, error });
    }
    const bytes = encodeEnvelope(header, payload);
    const most = link.peer.limits.maxMessageBytes;
    if (bytes.length > most && error === undefined) {
      return answer(link, request, undefined, new TightbeamError("too_large", `The reply has ${bytes.length} bytes; the caller takes at most ${most}.`));
    }
    try {
      link.send({ bytes, lane: laneOfPriority(request.priority, bytes.length), intake: false });
      options.observe?.(link, header, payload);
    } catch (cause) {
      // The link ended while the handler ran: the caller has its `delivery_unknown`.
      if (link.state === "ended") return;
      // No memory for this reply: an error is smaller. A peer that leaves no room even for that takes none of its answers.
      if (error === undefined) answer(link, request, undefined, cause);
      else link.close("overloaded");
    }
  };

  const finish = (link: Link, delivery: Delivery, header: EnvelopeHeader, outcome: Outcome, payload: EncodedPayload | undefined, error: unknown): void => {
    if (header.type === "request") answer(link, header, payload, error);
    else if (error !== undefined) options.onFailure({ id: header.id, method: header.method ?? "", peer: link.peer.id, error });
    delivery.settle(outcome);
  };

  const refusal = (link: Link, delivery: Delivery, header: EnvelopeHeader): TightbeamError | undefined => {
    if (refusing !== undefined) return refusing;
    if (delivery.refused === "too_large") return new TightbeamError("too_large", "The message is larger than this agent takes.");
    if (delivery.refused === "overloaded") return new TightbeamError("overloaded", "This agent has no memory left for a message of this size.");
    if (expired(link, header, runtime)) return new TightbeamError("expired", `The message was older than its ttl of ${header.ttl} ms when it arrived.`);
    if (waitingCount > 0 && waiting.get(link)?.has(header.id))
      return new TightbeamError("invalid_envelope", "A message with this id is being handled already.");
    return undefined;
  };

  const fire = (call: Call, reason: TightbeamError): void => {
    call.cancelled ??= reason;
    call.abort?.abort(reason);
  };

  /** Of one link, or of all. */
  const fireAll = (reason: TightbeamError, link?: Link): void => {
    for (let call = present; call !== undefined; call = call.outer) if (link === undefined || call.link === link) fire(call, reason);
    for (const [of, calls] of waiting) if (link === undefined || of === link) for (const call of calls.values()) fire(call, reason);
  };

  const wait = (call: Call): void => {
    if (call.waits) return;
    const calls = waiting.get(call.link);
    if (calls === undefined) waiting.set(call.link, new Map([[call.header.id, call]]));
    else calls.set(call.header.id, call);
    call.waits = true;
    waitingCount++;
  };

  const settleIdle = (): void => {
    if (runningCount > 0 || idleWaiters.length === 0) return;
    const waiters = idleWaiters;
    idleWaiters = [];
    for (const waiter of waiters) waiter();
  };

  const done = (call: Call, outcome: Outcome, payload: EncodedPayload | undefined, error: unknown): void => {
    const { link, header } = call;
    if (!call.over) {
      call.over = true;
      runningCount--;
    }
    if (call.waits) {
      call.waits = false;
      waitingCount--;
      const calls = waiting.get(link);
      calls?.delete(header.id);
      if (calls?.size === 0 && link.state === "ended") waiting.delete(link);
    }
    finish(link, call.delivery, header, outcome, payload, error);
    settleIdle();
  };

  const fail = (call: Call, error: unknown): void =>
    done(call, "refused", undefined, ofThisCall(error) ?? new TightbeamError("handler_failed", "The handler failed."));

  const reply = (call: Call, { output: schema }: Method, output: unknown): void => {
    try {
      if (call.header.type !== "request") return done(call, "ok", undefined, undefined);
      const checked = schema === undefined ? output : validate(schema, output, "output");
      if (!(checked instanceof Promise)) return done(call, "ok", encodePayload(output, json), undefined);
      wait(call);
      checked.then(() => done(call, "ok", encodePayload(output, json), undefined)).catch((error) => fail(call, error));
    } catch (error) {
      fail(call, error);
    }
  };

  const replyLater = (call: Call, method: Method, result: PromiseLike<unknown>): void => {
    wait(call);
    // Settles once, whatever a foreign `then` does.
    Promise.resolve(result).then(
      (output) => reply(call, method, output),
      (error) => fail(call, error),
    );
  };

  return {
    handle(method, handler) {
      if (handlers.has(method.name))
        throw new TightbeamError("invalid_argument", `'${method.name}' has a handler already. Remove it first by calling what handle() returned.`);
      const entry = { method, handler, own: undefined };
      handlers.set(method.name, entry);
      return () => {
        if (handlers.get(method.name) === entry) handlers.delete(method.name);
      };
    },
    handleOwn(method, own) {
      if (handlers.has(method.name)) return false;
      handlers.set(method.name, { method, handler: nothing, own });
      return true;
    },
    serve(link, delivery, header, payload) {
      const refused = refusal(link, delivery, header);
      if (refused !== undefined) return finish(link, delivery, header, "refused", undefined, refused);
      const found = handlers.get(header.method as string);
      if (found === undefined) {
        const error = new TightbeamError("no_handler", `There is no handler for '${header.method}' here.`);
        return finish(link, delivery, header, "no_handler", undefined, error);
      }
      const { method, handler, own } = found;
      const call: Call = { link, header, delivery, abort: undefined, cancelled: undefined, outer: present, waits: false, over: false };
      present = call;
      runningCount++;
      try {
        const value = decodePayload(payload, json);
        const input = method.input === undefined ? value : validate(method.input, value, "input");
        const context = new CallContext(call);
        const result = own !== undefined ? own(link, input) : input instanceof Promise ? handleLater(handler, input, context) : handler(input, context);
        if (isThenable(result)) replyLater(call, method, result);
        else reply(call, method, result);
      } catch (error) {
        fail(call, error);
      } finally {
        present = call.outer;
      }
    },
    cancel(link, id) {
      const call = waiting.get(link)?.get(id);
      if (call !== undefined) fire(call, new TightbeamError("cancelled", "The caller waits no longer."));
    },
    linkEnded(link, error) {
      fireAll(error, link);
      if (waiting.get(link)?.size === 0) waiting.delete(link);
    },
    get running() {
      return runningCount;
    },
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve);
        settleIdle();
      }),
    stop(error) {
      refusing = error;
      fireAll(error);
    },
    drain() {
      // Again after 0 ms: another instance may take it.
      refusing ??= new TightbeamError("overloaded", "This agent is closing and takes no more calls.", { retryAfter: 0 });
    },
  };
}

const nothing = (): void => undefined;

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";

/**
 * `overloaded`, again after 0 ms, says that nothing was done and sends the request to another instance. When another agent said
 * so (`id`) to a handler that hands it on, it was about the handler's own request: this call has run.
 */
const ofThisCall = (error: unknown): unknown =>
  isTightbeamError(error) && error.code === "overloaded" && error.retryAfter === 0 && error.id !== undefined
    ? new TightbeamError("overloaded", error.message, { cause: error, retryAfter: 1 })
    : error;

/** By our clock and the link's measured offset (peer's clock minus ours). */
function expired(link: Link, header: EnvelopeHeader, runtime: Runtime): boolean {
  return header.ttl !== undefined && runtime.clock.wall() + link.clockOffset() - header.timestamp > header.ttl;
}

const handleLater = (handler: Handler, input: Promise<unknown>, context: HandlerContext): Promise<unknown> => input.then((valid) => handler(valid, context));
