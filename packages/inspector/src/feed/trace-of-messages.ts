import { TightbeamError } from "@tightbeam/core";
import type { SourceMessage } from "../source/types.js";
import type { KnownMessage } from "./known-messages.js";
import type { SpanView, TraceSummary, TracesQuery, TraceView } from "./requests.js";
import { inOrder } from "./span-parents.js";

const spansMax = 500;

/** A trace as far as its messages are still in memory. Throws `unsupported`. */
export function traceOf(id: string, messages: Iterable<KnownMessage>): TraceView {
  const spans = spansOf(messages).filter((span) => span.trace === id);
  if (spans.length === 0) throw new TightbeamError("unsupported", "No message of this trace is in memory any more.");
  return { id, from: "messages", spans: inOrder(spans.map(({ view }) => view)).slice(0, spansMax), cut: spans.length > spansMax };
}

/** The newest first. */
export function tracesOf({ limit = 50, failed }: TracesQuery, messages: Iterable<KnownMessage>): TraceSummary[] {
  const found = new Map<string, SpanView[]>();
  for (const { trace, view } of spansOf(messages)) {
    const spans = found.get(trace) ?? [];
    spans.push(view);
    found.set(trace, spans);
  }
  return [...found]
    .map(([id, spans]) => summary(id, spans))
    .filter((each) => failed === undefined || each.failed === failed)
    .sort((one, other) => other.at - one.at)
    .slice(0, limit);
}

function summary(id: string, spans: readonly SpanView[]): TraceSummary {
  const first = spans.reduce((one, other) => (other.at < one.at ? other : one));
  const end = Math.max(...spans.map(({ at, duration = 0 }) => at + duration));
  return { id, at: first.at, duration: end - first.at, name: first.name, spans: spans.length, failed: spans.some(({ code }) => code !== undefined) };
}

/** Of the messages that are calls or events: replies are the ends of those. */
function spansOf(messages: Iterable<KnownMessage>): { readonly trace: string; readonly view: SpanView }[] {
  const spans: { readonly trace: string; readonly view: SpanView }[] = [];
  for (const { from, to, sent, received } of messages) {
    // One end's span is the other's parent; where the receiver made none of its own, both name the same.
    if (sent !== undefined) add(spans, sent, from, to, "sender");
    if (received !== undefined) add(spans, received, to, from, "receiver", sent?.trace?.spanId);
  }
  return spans;
}

function add(
  spans: { readonly trace: string; readonly view: SpanView }[],
  message: SourceMessage,
  agent: string,
  peer: string,
  side: SpanView["side"],
  parent = message.trace?.parentSpanId,
): void {
  const { id, type, name = "", trace, stages, duration, code } = message;
  if (trace === undefined || type === "response" || type === "error") return;
  const own = trace.spanId === parent ? `${trace.spanId} ${side}` : trace.spanId;
  const view: SpanView = {
    id: own,
    ...(parent === undefined ? {} : { parent }),
    agent,
    peer,
    side,
    type,
    name,
    message: id,
    at: stages[0]?.at ?? 0,
    ...(duration === undefined ? {} : { duration }),
    ...(code === undefined ? {} : { code }),
    stages,
  };
  spans.push({ trace: trace.traceId, view });
}
