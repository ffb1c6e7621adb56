import type { EncodedPayload } from "../../codec/types.js";
import type { Method, Stream } from "../../contract/index.js";
import { ownPrefix } from "../../contract/standard-schema.js";
import type { EnvelopeHeader } from "../../envelope/types.js";
import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Link } from "../../link/link-types.js";
import type { Delivery, Outcome } from "../../link/message.js";
import { admissionOf } from "../admission/admission-of.js";
import { keyedCallsFor } from "../idempotency/idempotency-on-demand.js";
import { closingSoon, createFinish, createSettle } from "./answer.js";
import { createExecution } from "./execution.js";
import { createHandlers, type Handled } from "./handlers.js";
import { missing as missingHere } from "./missing.js";
import { type Call, createRunningCalls } from "./running-calls.js";
import type { Server, ServerOptions, ServingOptions } from "./server-types.js";
import { createTurns } from "./turns.js";

export function createServer(options: ServerOptions): Server {
  const { runtime, json, admission, middleware, taps } = options;
  const { places } = admission;
  const { handlers = createHandlers() } = options;
  const calls = createRunningCalls(runtime.random);
  let runningCount = 0;
  let idleWaiters: (() => void)[] = [];
  let refusing: TightbeamError | undefined;
  const finish = createFinish(options);
  const settle = createSettle(taps);
  const { served } = options;
  const members = (): readonly (Method | Stream)[] => handlers.members();
  const missing = (name: string): TightbeamError => missingHere(name, { members, served });

  const refusal = (link: Link, delivery: Delivery, header: EnvelopeHeader, own: boolean): TightbeamError | undefined => {
    if (refusing !== undefined) return refusing;
    const refused = own ? admission.ownRefusal(link) : admission.refusal(link, header.method as string);
    if (refused !== undefined) return refused;
    if (delivery.refused === "too_large") return new TightbeamError("too_large", "The message is larger than this agent takes.");
    if (delivery.refused === "overloaded") return new TightbeamError("overloaded", "This agent has no memory left for a message of this size.");
    if (calls.find(link, header.id) !== undefined) return new TightbeamError("invalid_envelope", "A message with this id is being handled already.");
    return header.ttl === undefined ? undefined : admission.expired(link, header, "when it arrived");
  };

  const fire = (call: Call, reason: TightbeamError): void => {
    if (!call.keyed || keyed?.left(call, reason, refusing?.code === "closed") !== true) fireNow(call, reason);
  };

  const fireNow = (call: Call, reason: TightbeamError): void => {
    if (call.turn !== undefined) return withdraw(call, reason);
    if (call.cancelled !== undefined) return;
    call.cancelled = reason;
    call.abort?.abort(reason);
    // Nothing is told of this agent any more when its handlers settle.
    if (refusing?.code === "closed") taps.tracing?.over(call, reason);
    else runtime.timers.after(limits.abandonedMs, () => abandon(call), { background: true });
  };

  /** Nobody waits for it, and it heeds no signal: what it holds is for others. */
  const abandon = (call: Call): void => {
    if (!call.running) return;
    call.abandoned = true;
    const { link, header } = call;
    const error = new TightbeamError(
      "timeout",
      `The handler of '${header.method}' did not settle within ${limits.abandonedMs} ms of its signal: it is given up.`,
    );
    options.onFailure({ id: header.id, method: header.method ?? "", peer: link.peer.id, error });
    taps.tracing?.over(call, error);
    release(call);
    settle(link, call.delivery, header, "refused", error);
    leave(call);
  };

  /** Of one link, or of all. */
  const fireAll = (reason: TightbeamError, link?: Link): void => {
    for (let call = execution.present; call !== undefined; call = call.outer) if (link === undefined || call.link === link) fire(call, reason);
    for (const call of calls.of(link)) fire(call, reason);
  };

  /** Whoever asked waits no longer. A notification was for us all the same, unless it is we who end. */
  const withdraw = (call: Call, reason: TightbeamError): void => {
    if (call.header.type === "notification" && refusing?.code !== "closed") return;
    if (!turns.withdraw(call)) return;
    if (call.keyed) {
      call.cancelled = reason;
      call.abandoned = true;
      keyed?.ended(call, "refused", undefined, reason);
    }
    drop(call, reason);
  };

  /** Over before it began. */
  const drop = (call: Call, reason: TightbeamError): void => {
    turns.letGo(call);
    calls.remove(call);
    const answers = call.link.state !== "ended" && reason.code !== "cancelled";
    if (answers) finish(call.link, call.delivery, call.header, "refused", undefined, reason);
    else settle(call.link, call.delivery, call.header, "refused", reason);
    settleIdle();
  };

  const settleIdle = (): void => {
    if (runningCount + turns.waiting > 0 || idleWaiters.length === 0) return;
    const waiters = idleWaiters;
    idleWaiters = [];
    for (const waiter of waiters) waiter();
  };

  const release = (call: Call): void => {
    if (call.running) {
      call.running = false;
      runningCount--;
    }
    calls.remove(call);
  };

  const leave = (call: Call): void => {
    if (call.place !== undefined) {
      places.leave(call.place, call.header.priority);
      call.place = undefined;
    }
    settleIdle();
  };

  const conclude = (call: Call, outcome: Outcome, payload: EncodedPayload | undefined, error: unknown): void => {
    if (call.abandoned) return;
    turns.letGo(call);
    release(call);
    finish(call.link, call.delivery, call.header, outcome, payload, error);
    leave(call);
  };

  const done: typeof conclude = (call, outcome, payload, error) => {
    if (call.span !== undefined) taps.tracing?.over(call, error);
    if (call.keyed) keyed?.ended(call, outcome, payload, error);
    else conclude(call, outcome, payload, error);
  };

  const execution = createExecution({ json, middleware, taps, missing, later: (call) => calls.add(call), done });

  const run = (call: Call, found: Handled | undefined, payload: EncodedPayload | undefined): void => {
    runningCount++;
    call.running = true;
    execution.run(call, found, payload);
  };

  const turns = createTurns({
    admission,
    handlers,
    calls,
    middleware,
    missing,
    run,
    done,
    closing: () => (refusing?.code === "closed" ? refusing : undefined),
  });

  const keyed = options.keyed?.({ start: turns.start, conclude, hold: turns.hold, drop, fire: fireNow });

  return {
    served,
    members,
    isOrdered: (name) => handlers.get(name)?.ordered === true,
    handle: (method, handler, handleOptions) => handlers.handle(method, handler, handleOptions),
    fallback: (handler) => handlers.fallback(handler),
    handleOwn: (method, handler) => handlers.handleOwn(method, handler),
    handleStream: (name, entry) => handlers.handleStream(name, entry),
    streamOf: (name) => handlers.streamOf(name),
    serve(link, delivery, header, payload) {
      const name = header.method as string;
      const found = handlers.get(name);
      const own = found === undefined ? name.startsWith(ownPrefix) : found.own !== undefined;
      const refused = refusal(link, delivery, header, own);
      if (refused !== undefined) return finish(link, delivery, header, "refused", undefined, refused);
      const isKeyed = header.idempotencyKey !== undefined && !own && keyed !== undefined;
      if (found === undefined && !isKeyed && (own || (handlers.forTheRest === undefined && !middleware.used)))
        return finish(link, delivery, header, "no_handler", undefined, missing(name));
      const place = own || isKeyed ? undefined : places.enter(link.peer.id, header.priority);
      const call: Call = {
        link,
        header,
        delivery,
        abort: undefined,
        cancelled: undefined,
        outer: undefined,
        listed: false,
        running: false,
        keyed: isKeyed,
        held: false,
        place,
        abandoned: false,
        turn: undefined,
        span: undefined,
      };
      if (isKeyed) keyed.take(call, payload);
      else if (own || place !== undefined) run(call, found ?? handlers.forTheRest, payload);
      else turns.queue(call, payload);
    },
    cancel(link, id) {
      const call = calls.find(link, id);
      if (call !== undefined) fire(call, new TightbeamError("cancelled", "The caller waits no longer."));
    },
    linkEnded(link, error) {
      fireAll(error, link);
      calls.linkEnded(link);
    },
    get running() {
      return runningCount;
    },
    get queued() {
      return places.queued;
    },
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve);
        settleIdle();
      }),
    stop(error) {
      refusing = error;
      fireAll(error);
      keyed?.stop(error);
    },
    drain() {
      refusing ??= closingSoon();
    },
  };
}

/** The answering side of an agent. */
export const serverOf = ({ admission, idempotency, ...rest }: ServingOptions): Server =>
  createServer({ ...rest, admission: admissionOf(admission), keyed: keyedCallsFor({ ...idempotency, runtime: rest.runtime }) });
