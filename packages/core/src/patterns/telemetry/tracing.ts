import { ownPrefix } from "../../contract/standard-schema.js";
import type { Link } from "../../link/link-types.js";
import type { Span, SpanStart, Tracer } from "../../telemetry/tracer.js";
import type { OperationOptions } from "../asking/operation.js";
import type { RequestDeparture, Tracing } from "../taps.js";
import { Departing } from "./departing.js";
import { beginning, contextOf, type Tried, tries } from "./standing.js";
import { nowhere, saidIn, standsAt, traceOf } from "./trace-headers.js";

/** What a tracer throws is not the business of the messages it traces. */
function guarded<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

export function createTracing(tracer: Tracer, agent: string): Tracing {
  const knowsWhere = "current" in tracer;
  const samples = tracer.samples?.bind(tracer);

  /** A trace would begin with this message, and it is not sampled. */
  const isLeftOut = (id: string): boolean => {
    try {
      return samples?.(id) === false;
    } catch {
      return false;
    }
  };
  const leavesOut: Tracing["leavesOut"] = ({ id, headers }) => saidIn(headers) === undefined && isLeftOut(id);

  /** The same of what an operation sends outside of every trace. */
  const startsLeftOut = (id: string, operation: Pick<OperationOptions, "trace">): boolean => {
    if (operation.trace !== nowhere || !isLeftOut(id)) return false;
    const tried = (operation as Tried)[tries];
    if (tried !== undefined) tried.last = undefined;
    return true;
  };

  const begin = (given: Omit<SpanStart, "agent">, operation: Parameters<Tracing["sending"]>[1]): Departing | undefined =>
    startsLeftOut(given.id, operation) ? undefined : beginIn(given, operation);

  const beginIn = (given: Omit<SpanStart, "agent">, operation: Parameters<Tracing["sending"]>[1]): Departing | undefined => {
    const { type, name, id, peer, bytes, durable, attempt } = given;
    const { traces } = operation;
    if (name.startsWith(ownPrefix)) return undefined;
    const start: { -readonly [name in keyof SpanStart]: SpanStart[name] } = { type, name, id, agent, peer, bytes, durable };
    if (attempt !== undefined) start.attempt = attempt;
    const tried = (operation as Tried)[tries];
    const own = traceOf(operation.headers);
    if (own !== undefined || tried !== undefined || traces !== undefined)
      start.links = [own, tried?.last, ...(traces ?? [])].filter((link) => link !== undefined);
    let span: Span | undefined;
    try {
      span = tracer.sending(start, operation.trace === nowhere ? null : operation.trace);
    } catch {
      // As if it gave none.
    }
    if (tried !== undefined) tried.last = contextOf(span);
    return span === undefined || span.quiet === true ? undefined : new Departing(span, operation.headers);
  };

  return {
    leavesOut,
    current() {
      if (!knowsWhere) return undefined;
      try {
        return tracer.current ?? nowhere;
      } catch {
        return nowhere;
      }
    },
    sending: begin,
    begins: (id, link, method, payload, operation) =>
      startsLeftOut(id, operation)
        ? undefined
        : beginIn({ type: "request", name: method.name, id, peer: peerOf(link), bytes: payload?.bytes.length ?? 0, durable: false }, operation),
    request(place, departure, id, link, method, payload, operation, left, target, resolve, reject) {
      departure.settles(resolve, reject);
      try {
        place(link, method, payload, headed(operation, departure), left, target, departure, undefined, id);
      } catch (error) {
        departure.end(error);
        throw error;
      }
    },
    notification(announce, id, link, method, payload, operation, left, target) {
      const bytes = payload?.bytes.length ?? 0;
      const departure = begin({ type: "notification", name: method.name, id, peer: peerOf(link), bytes, durable: false }, operation);
      if (departure === undefined) return announce(link, method, payload, operation, left, target, id);
      try {
        const taken = announce(link, method, payload, headed(operation, departure), left, target, id);
        taken.then(
          () => departure.end(),
          (error) => departure.end(error),
        );
        return taken;
      } catch (error) {
        departure.end(error);
        throw error;
      }
    },
    run(handled, link, header, bytes, attempt, work) {
      if (leavesOut(header)) return work();
      const { type, id, durable } = header;
      const name = header.method ?? header.topic ?? "";
      const start: { -readonly [name in keyof SpanStart]: SpanStart[name] } = {
        type: type as SpanStart["type"],
        name,
        id,
        agent,
        peer: peerOf(link),
        bytes,
        durable: durable !== undefined,
      };
      if (attempt !== undefined) start.attempt = attempt;
      const span = guarded(() => tracer.receiving(start, saidIn(header.headers)));
      if (span === undefined) return work();
      handled.span = { span, over: false };
      standsAt(header.headers, contextOf(span));
      let result: { readonly value: ReturnType<typeof work> } | { readonly error: unknown } | undefined;
      guarded(() =>
        span.run(() => {
          if (result !== undefined) return;
          try {
            result = { value: work() };
          } catch (error) {
            result = { error };
          }
        }),
      );
      // A tracer that fails first runs nothing.
      const outcome = (result ?? { value: work() }) as NonNullable<typeof result>;
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    },
    over({ span: handled }, error) {
      if (handled === undefined || handled.over) return;
      handled.over = true;
      guarded(() => handled.span.end(error));
    },
  };
}

const headed = <O extends OperationOptions>(operation: O, { headers }: RequestDeparture): O => {
  if (headers === undefined) return operation;
  // A spread of what is frozen is slow.
  return operation === beginning ? ({ trace: nowhere, headers } as O) : { ...operation, headers };
};

const peerOf = ({ peer: { id, instance } }: Link): SpanStart["peer"] => ({ id, instance });
