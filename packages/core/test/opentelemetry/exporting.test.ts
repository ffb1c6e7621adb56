import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { expect, it, onTestFinished } from "vitest";
import { TightbeamError } from "../../src/errors.js";
import { openTelemetry } from "../../src/opentelemetry/index.js";
import { createReceiver, otlpKind } from "./receiver.js";
import { start, useSdk } from "./sdk.js";

it("spans reach a receiver of OTLP over HTTP as the conventions have them", async () => {
  useSdk();
  const receiver = await createReceiver();
  onTestFinished(receiver.close);
  const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: receiver.url }))] });
  const tracer = openTelemetry({ tracerProvider: provider });
  const client = tracer.sending(start(), undefined);
  const server = tracer.receiving(start({ agent: "bob", peer: { id: "alice" } }), client?.context);
  server?.run(() => tracer.sending(start({ type: "event", name: "prices", agent: "bob", peer: { id: "carol" } }), undefined)?.end());
  server?.end(new RangeError("text of the handler"));
  client?.end(new TightbeamError("handler_failed", "text of the handler"));
  await provider.shutdown();

  expect(receiver.refused).toEqual([]);
  const byName = (kind: number) => receiver.spans.find((span) => span.kind === kind);
  const traceId = client?.context.traceId;
  expect(receiver.spans).toHaveLength(3);
  expect(byName(otlpKind.client)).toMatchObject({
    traceId,
    name: "summarize",
    scope: "@tightbeam/core",
    status: { code: 2 },
    attributes: { "error.type": "handler_failed" },
  });
  expect(byName(otlpKind.server)).toMatchObject({ traceId, parentSpanId: client?.context.spanId, status: { code: 2 } });
  expect(byName(otlpKind.producer)).toMatchObject({ traceId, parentSpanId: server?.context.spanId, name: "publish prices", status: { code: 0 } });
  expect(JSON.stringify(receiver.spans)).not.toContain("text of the handler");
});
