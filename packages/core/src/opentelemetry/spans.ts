import { type Attributes, type Context, context, type Link, type Span as OtelSpan, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { TraceContext } from "../telemetry/trace-context.js";
import type { Span, SpanStart } from "../telemetry/tracer.js";
import { isUnseen } from "../telemetry/unseen.js";
import { fromSpanContext, toSpanContext } from "./context.js";
import type { Labels } from "./labels.js";
import { attribute, other, system } from "./names.js";
import { codeOf, isCallersDoing } from "./outcome.js";

/** What stands in a span is known when it begins, but for its outcome. */
export interface SpanShape {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
}

const isCall = ({ type }: SpanStart): boolean => type === "request" || type === "stream";

/** `method`: its name, or `_OTHER` where there are too many. */
export function shapeOf(start: SpanStart, received: boolean, method: string): SpanShape {
  const { name, id, agent, peer, bytes, durable, attempt } = start;
  const own: Attributes = { [attribute.agent]: agent, [attribute.size]: bytes };
  if (peer !== undefined) own[attribute.peer] = peer.id;
  if (peer?.instance !== undefined) own[attribute.peerInstance] = peer.instance;
  if (durable) own[attribute.durable] = true;
  if (attempt !== undefined) own[attribute.attempt] = attempt;
  if (isCall(start)) {
    own[attribute.rpcSystem] = system;
    own[attribute.rpcMethod] = method;
    if (method === other) own[attribute.rpcMethodOriginal] = name;
    own[attribute.serverAddress] = received ? agent : (peer?.id ?? "");
    own[attribute.messageId] = id;
    if (start.type === "stream") own[attribute.stream] = true;
    return { name: method === other ? system : method, kind: received ? SpanKind.SERVER : SpanKind.CLIENT, attributes: own };
  }
  const operation = received ? "process" : operationOf(start);
  own[attribute.messagingSystem] = system;
  own[attribute.messagingOperation] = operation;
  own[attribute.messagingOperationType] = received ? "process" : "send";
  own[attribute.messagingDestination] = method;
  own[attribute.messagingMessageId] = id;
  own[attribute.messagingClientId] = agent;
  const kind = received ? SpanKind.CONSUMER : SpanKind.PRODUCER;
  return { name: method === other ? operation : `${operation} ${method}`, kind, attributes: own };
}

export const operationOf = ({ type }: { readonly type: string }): "notify" | "publish" => (type === "event" ? "publish" : "notify");

/** At most as many as an SDK keeps of a span by default. */
const linksMax = 128;

export const linksOf = (contexts: readonly TraceContext[]): Link[] => contexts.slice(0, linksMax).map((each) => ({ context: toSpanContext(each) }));

/** Undefined where OpenTelemetry gave the span no identity: nothing goes along, and nothing is recorded. */
export function spanOf(span: OtelSpan, parent: Context, start: SpanStart, received: boolean, names: Labels): Span | undefined {
  const own = fromSpanContext(span.spanContext(), trace.getSpanContext(parent));
  if (own === undefined) return undefined;
  const within = trace.setSpan(parent, span);
  return {
    context: own,
    run: (work) => context.with(within, work),
    end(error) {
      if (error === undefined) names.of(start.name, true);
      else fail(span, error, start, received, names);
      span.end();
    },
  };
}

/** No text of an error goes into the span: a peer or a handler wrote it, and may have put a payload into it. */
function fail(span: OtelSpan, error: unknown, start: SpanStart, received: boolean, names: Labels): void {
  const code = codeOf(error, received);
  const rpc = isCall(start);
  const placed = names.of(start.name, !(received && isUnseen(code)));
  if (received && placed === other) unnamed(span, start, rpc);
  if (rpc) span.setAttribute(attribute.rpcStatus, code);
  if (received && rpc && isCallersDoing(code)) return;
  span.setAttribute(attribute.errorType, code);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Nothing here has handled this name: it may be whatever a peer made up, and spans are grouped by theirs. */
function unnamed(span: OtelSpan, start: SpanStart, rpc: boolean): void {
  if (!rpc) {
    span.updateName("process").setAttribute(attribute.messagingDestination, other);
    return;
  }
  span.updateName(system).setAttribute(attribute.rpcMethod, other).setAttribute(attribute.rpcMethodOriginal, start.name);
}
