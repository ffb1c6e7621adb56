import type { ErrorCode, MessageStage } from "@tightbeam/core";
import type { FeedTraces } from "../feed/create-feed.js";
import { agentKey } from "../feed/keys.js";
import type { SpanView, TraceView } from "../feed/requests.js";
import { inOrder } from "../feed/span-parents.js";

const spansMax = 500;

/** The part of a trace store (`createTraceStore` of @tightbeam/core/observability) that is asked. */
export interface InspectedTraces {
  get(traceId: string): Promise<InspectedTrace | undefined>;
  list(query: { readonly limit?: number; readonly failed?: boolean }): Promise<readonly InspectedTraceSummary[]>;
}

interface InspectedTrace {
  readonly traceId: string;
  readonly calls: readonly InspectedCall[];
  readonly more: number;
}

interface InspectedTraceSummary {
  readonly traceId: string;
  readonly startedAt: number;
  readonly lastAt: number;
  readonly calls: number;
  readonly failed: number;
  readonly first: { readonly method?: string };
}

interface InspectedCall {
  readonly id: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly handlerSpanId?: string;
  readonly type: string;
  readonly from: InspectedParty;
  readonly to: InspectedParty;
  readonly method?: string;
  readonly code?: ErrorCode;
  readonly startedAt: number;
  readonly duration?: number;
  readonly stages: readonly { readonly stage: MessageStage; readonly side: "from" | "to"; readonly of: "call" | "reply"; readonly at: number }[];
}

interface InspectedParty {
  readonly id: string;
  readonly instance?: string;
}

export function fromTraceStore(store: InspectedTraces): FeedTraces {
  return {
    async list({ limit = 50, failed }) {
      const traces = await store.list(failed === undefined ? { limit } : { limit, failed });
      return traces.map(({ traceId, startedAt, lastAt, calls, failed: failures, first }) => ({
        id: traceId,
        at: startedAt,
        duration: lastAt - startedAt,
        ...(first.method === undefined ? {} : { name: first.method }),
        spans: calls,
        failed: failures > 0,
      }));
    },
    async get(id) {
      const trace = await store.get(id);
      return trace === undefined ? undefined : traceView(trace);
    },
  };
}

function traceView({ traceId, calls, more }: InspectedTrace): TraceView {
  const spans = inOrder(calls.flatMap(spansOf));
  return { id: traceId, from: "store", spans: spans.slice(0, spansMax), cut: more > 0 || spans.length > spansMax };
}

/** What its sender saw of a call, and what its receiver did, where it was watched. */
function spansOf(call: InspectedCall): SpanView[] {
  const { id, spanId = id, parentSpanId, type, method = "", startedAt, duration, code, stages } = call;
  const [from, to] = [nameOf(call.from), nameOf(call.to)];
  const common = { type, name: method, message: id, ...(code === undefined ? {} : { code }) };
  const seen = (side: "from" | "to") => stages.filter((each) => each.side === side && each.of === "call").map(({ stage, at }) => ({ what: stage, at }));
  const sender: SpanView = {
    ...common,
    id: spanId,
    ...(parentSpanId === undefined ? {} : { parent: parentSpanId }),
    agent: from,
    peer: to,
    side: "sender",
    at: startedAt,
    ...(duration === undefined ? {} : { duration }),
    stages: seen("from"),
  };
  const handled = seen("to");
  const [first] = handled;
  if (first === undefined) return [sender];
  const last = handled.at(-1) ?? first;
  const own = call.handlerSpanId === undefined || call.handlerSpanId === spanId ? `${spanId} receiver` : call.handlerSpanId;
  return [sender, { ...common, id: own, parent: spanId, agent: to, peer: from, side: "receiver", at: first.at, duration: last.at - first.at, stages: handled }];
}

const nameOf = ({ id, instance }: InspectedParty): string => (instance === undefined ? id : agentKey({ id, instance }));
