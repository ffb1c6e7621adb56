import { type Context, context, INVALID_SPAN_CONTEXT, type MeterProvider, ROOT_CONTEXT, type TracerProvider, trace } from "@opentelemetry/api";
import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import type { TraceContext } from "../telemetry/trace-context.js";
import type { SpanStart, Tracer } from "../telemetry/tracer.js";
import { fromSpanContext, toSpanContext } from "./context.js";
import { createLabelSets } from "./labels.js";
import { createMetrics } from "./metrics.js";
import { conventions, scope } from "./names.js";
import { linksOf, shapeOf, spanOf } from "./spans.js";
import type { WatchedAgent } from "./watched.js";

export interface OpenTelemetryOptions {
  /** Default: the one that is registered with `@opentelemetry/api`, also when that happens later. */
  readonly tracerProvider?: TracerProvider | undefined;
  /** Default: the one that is registered when the first agent is watched. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * How the span of a notification's or event's handler stands to the one that sent it. `"child"`: in its trace. `"link"`: in a trace of its
   * own. Both have a link to it. Default `"child"`.
   */
  readonly consumers?: "child" | "link" | undefined;
  /** How many methods and topics have a name of their own in spans and metrics, each way; later ones are `_OTHER`. Default 200. */
  readonly methods?: number | undefined;
  /** How many agents that this process calls have their id in metrics (`server.address`); later ones are `_OTHER`. Default 100. */
  readonly peers?: number | undefined;
}

/** Spans: `createAgent({ tracer })`. Metrics: `watch(agent)`. One for all agents of a process. */
export interface OpenTelemetry extends Tracer {
  /**
   * Feeds the meters from what the agent tells (`agent.telemetry`) and from `agent.status()`, until it has closed. Throws `invalid_argument` while it is
   * watched. Returns a function that ends it.
   */
  watch(agent: WatchedAgent): () => void;
}

/**
 * Gives what agents do to OpenTelemetry: `@opentelemetry/api` 1.9 or later, by the Semantic Conventions 1.45.0. Without an SDK nothing is
 * recorded, and what a sender said of its trace goes on to where the handler sends. Sampling is the SDK's; unsampled spans go along too.
 * Throws `invalid_argument`.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): OpenTelemetry {
  const { tracerProvider, meterProvider, consumers, methods, peers } = checked(options);
  const tracer = (tracerProvider ?? trace).getTracer(scope, undefined, { schemaUrl: conventions.schemaUrl });
  const labels = createLabelSets(methods, peers);
  const metrics = createMetrics(meterProvider, labels);

  return {
    sending(start, named) {
      const parent = contextFor(named);
      const names = labels.methods.sent;
      const { name, kind, attributes } = shapeOf(start, false, names.peek(start.name));
      const span = tracer.startSpan(name, { kind, attributes, links: linksOf(start.links ?? []) }, parent);
      return spanOf(span, parent, start, false, names);
    },
    receiving(start, sender) {
      // Where a frame arrives, the ambient context is that of whoever opened the socket, or in memory of the sender: nothing to do with this message.
      const parent =
        sender === undefined || (consumers === "link" && isMessage(start)) ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, toSpanContext(sender));
      const names = labels.methods.received;
      const { name, kind, attributes } = shapeOf(start, true, names.peek(start.name));
      const span = tracer.startSpan(name, { kind, attributes, links: linksOf(linked(start, sender)) }, parent);
      return spanOf(span, parent, start, true, names);
    },
    get current() {
      const active = context.active();
      const own = fromSpanContext(trace.getSpanContext(active) ?? INVALID_SPAN_CONTEXT, undefined);
      if (own !== undefined) stood.set(own, active);
      return own;
    },
    watch: (agent) => metrics.watch(agent),
  };
}

/** The whole context that a `current` was read of: it holds more than ids, and its span is none of another process. */
const stood = new WeakMap<TraceContext, Context>();

function contextFor(parent: TraceContext | null | undefined): Context {
  const ambient = context.active();
  if (parent === undefined) return ambient;
  if (parent === null) return trace.deleteSpan(ambient);
  return stood.get(parent) ?? (trace.getSpanContext(ambient)?.spanId === parent.spanId ? ambient : trace.setSpanContext(ambient, toSpanContext(parent)));
}

const isMessage = ({ type }: SpanStart): boolean => type === "notification" || type === "event";

/** Spans of consumers have a link to what created their message, also where that is their parent: the conventions' Trace structure, Consumer spans. */
const linked = (start: SpanStart, sender: TraceContext | undefined): readonly TraceContext[] =>
  sender === undefined || !isMessage(start) ? (start.links ?? []) : [sender, ...(start.links ?? [])];

const known: readonly (keyof OpenTelemetryOptions)[] = ["tracerProvider", "meterProvider", "consumers", "methods", "peers"];

function checked(options: OpenTelemetryOptions) {
  const { consumers = "child", methods = 200, peers = 100, ...providers } = options;
  checkKnown("openTelemetry", options, known);
  for (const [name, needed] of [
    ["tracerProvider", "getTracer"],
    ["meterProvider", "getMeter"],
  ] as const) {
    const provider: unknown = providers[name];
    if (provider !== undefined && typeof (provider as Record<string, unknown> | null)?.[needed] !== "function")
      throw invalid(`\`${name}\` is a provider of OpenTelemetry's, with ${needed}().`);
  }
  if (consumers !== "child" && consumers !== "link") throw invalid('`consumers` is "child" or "link".');
  for (const most of [methods, peers])
    if (!(Number.isSafeInteger(most) && most >= 0 && most <= 10_000)) throw invalid("`methods` and `peers` are whole numbers of at most 10,000.");
  return { ...providers, consumers, methods, peers };
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
