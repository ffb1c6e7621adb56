import { decodePayload, encodePayload } from "../codec/index.js";
import type { JsonLimits } from "../codec/limits.js";
import type { EncodedPayload } from "../codec/types.js";
import { type Method, validate } from "../contract/index.js";
import { toWireError } from "../envelope/error.js";
import type { EnvelopeHeader } from "../envelope/types.js";
import { encodeEnvelope } from "../envelope/wire.js";
import { TightbeamError } from "../errors.js";
import type { Link } from "../link/link-types.js";
import type { Delivery, Outcome } from "../link/message.js";
import type { Runtime } from "../runtime/runtime.js";
import { CallContext, type HandlerContext, type Running } from "./context.js";
import { laneOfPriority } from "./operation.js";

export type Handler = (input: unknown, context: HandlerContext) => unknown;

export interface ServerOptions {
  readonly runtime: Runtime;
  readonly nextId: () => string;
  readonly json: JsonLimits;
  /** A handler failed or its output did not fit: the rest of what the caller is told only by id. */
  readonly onFailure: (failure: { readonly id: string; readonly method: string; readonly peer: string; readonly error: unknown }) => void;
  readonly observe: ((link: Link, header: EnvelopeHeader, payload: EncodedPayload | undefined) => void) | undefined;
}

/** The answering side: handlers by method name, and the calls they are working on. */
export interface Server {
  handle(method: Method, handler: Handler): () => void;
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
  const { runtime, json } = options;
  const handlers = new Map<string, { readonly method: Method; readonly handler: Handler }>();
  /** By link and the id its peer chose: an id counts only within its link. */
  const running = new Map<Link, Map<string, Running>>();
  let runningCount = 0;
  let refusing: TightbeamError | undefined;
  let idleWaiters: (() => void)[] = [];

  const answer = (link: Link, request: EnvelopeHeader, payload: EncodedPayload | undefined, error: unknown): void => {
    const id = options.nextId();
    const header: EnvelopeHeader = {
      type: error === undefined ? "response" : "error",
      id,
      correlationId: request.id,
      timestamp: runtime.clock.wall(),
      priority: request.priority,
      ...(error === undefined ? undefined : { error: toWireError(error, id) }),
    };
    if (error !== undefined) options.onFailure({ id, method: request.method ?? "", peer: link.peer.id, error });
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
    if (running.get(link)?.has(header.id)) return new TightbeamError("invalid_envelope", "A message with this id is being handled already.");
    return undefined;
  };

  const fire = (entry: Running, reason: TightbeamError): void => {
    entry.cancelled ??= reason;
    entry.abort?.abort(reason);
  };

  const start = (entry: Running): void => {
    const calls = running.get(entry.link);
    if (calls === undefined) running.set(entry.link, new Map([[entry.id, entry]]));
    else calls.set(entry.id, entry);
    runningCount++;
  };

  const stopped = (entry: Running): void => {
    const calls = running.get(entry.link);
    if (calls?.delete(entry.id) !== true) return;
    runningCount--;
    if (calls.size === 0 && entry.link.state === "ended") running.delete(entry.link);
  };

  const settleIdle = (): void => {
    if (runningCount > 0) return;
    const waiters = idleWaiters;
    idleWaiters = [];
    for (const waiter of waiters) waiter();
  };

  return {
    handle(method, handler) {
      if (handlers.has(method.name))
        throw new TightbeamError("invalid_argument", `'${method.name}' has a handler already. Remove it first by calling what handle() returned.`);
      const entry = { method, handler };
      handlers.set(method.name, entry);
      return () => {
        if (handlers.get(method.name) === entry) handlers.delete(method.name);
      };
    },
    serve(link, delivery, header, payload) {
      const refused = refusal(link, delivery, header);
      if (refused !== undefined) return finish(link, delivery, header, "refused", undefined, refused);
      const found = handlers.get(header.method as string);
      if (found === undefined) {
        const error = new TightbeamError("no_handler", `There is no handler for '${header.method}' here.`);
        return finish(link, delivery, header, "no_handler", undefined, error);
      }
      const { method, handler } = found;
      const entry: Running = { link, id: header.id, abort: undefined, cancelled: undefined };
      start(entry);
      const done = (outcome: Outcome, reply: EncodedPayload | undefined, error: unknown): void => {
        stopped(entry);
        finish(link, delivery, header, outcome, reply, error);
        if (runningCount === 0) settleIdle();
      };
      const fail = (error: unknown): void => done("refused", undefined, error ?? new TightbeamError("handler_failed", "The handler failed."));
      const reply = (output: unknown): void => {
        try {
          if (header.type !== "request") return done("ok", undefined, undefined);
          const checked = method.output === undefined ? output : validate(method.output, output, "output");
          if (checked instanceof Promise) void checked.then(() => done("ok", encodePayload(output, json), undefined)).catch(fail);
          else done("ok", encodePayload(output, json), undefined);
        } catch (error) {
          fail(error);
        }
      };
      try {
        const value = decodePayload(payload, json);
        const input = method.input === undefined ? value : validate(method.input, value, "input");
        const result =
          input instanceof Promise ? input.then((valid) => handler(valid, new CallContext(entry, header))) : handler(input, new CallContext(entry, header));
        if (isThenable(result)) result.then(reply, fail);
        else reply(result);
      } catch (error) {
        fail(error);
      }
    },
    cancel(link, id) {
      const entry = running.get(link)?.get(id);
      if (entry !== undefined) fire(entry, new TightbeamError("cancelled", "The caller waits no longer."));
    },
    linkEnded(link, error) {
      const calls = running.get(link);
      for (const entry of calls?.values() ?? []) fire(entry, error);
      if (calls?.size === 0) running.delete(link);
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
      for (const calls of running.values()) for (const entry of calls.values()) fire(entry, error);
    },
    drain() {
      refusing ??= new TightbeamError("overloaded", "This agent is closing and takes no more calls.");
    },
  };
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";

/** By our clock and the link's measured offset (peer's clock minus ours). */
function expired(link: Link, header: EnvelopeHeader, runtime: Runtime): boolean {
  return header.ttl !== undefined && runtime.clock.wall() + link.clockOffset() - header.timestamp > header.ttl;
}
