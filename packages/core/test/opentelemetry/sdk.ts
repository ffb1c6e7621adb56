import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, InMemorySpanExporter, type ReadableSpan, type Sampler, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterEach } from "vitest";
import type { SpanStart } from "../../src/telemetry/tracer.js";

/** The real SDK with an exporter that keeps what it gets. Everything is unregistered after each test. */
export function useSdk({ sampler }: { readonly sampler?: Sampler } = {}) {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)], ...(sampler === undefined ? {} : { sampler }) });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return {
    provider,
    /** What has ended, in this order. */
    spans: (): ReadableSpan[] => exporter.getFinishedSpans(),
    named(name: string): ReadableSpan {
      const found = exporter.getFinishedSpans().filter((span) => span.name === name);
      if (found.length !== 1) throw new Error(`${found.length} spans are named ${name}: ${exporter.getFinishedSpans().map((span) => span.name)}`);
      return found[0] as ReadableSpan;
    },
  };
}

afterEach(() => {
  context.disable();
  trace.disable();
  propagation.disable();
});

export const start = (change: Partial<SpanStart> = {}): SpanStart => ({
  type: "request",
  name: "summarize",
  id: "01990000-0000-7000-8000-000000000000",
  agent: "alice",
  peer: { id: "bob", instance: "b".repeat(22) },
  bytes: 120,
  durable: false,
  ...change,
});
