import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as OTLP/HTTP carries it in JSON: ids in hex, kinds and status codes as numbers (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number };
  readonly scope: string;
}

export const otlpKind = { server: 2, client: 3, producer: 4, consumer: 5 } as const;

interface Posted {
  readonly resourceSpans?: readonly {
    readonly scopeSpans?: readonly { readonly scope?: { readonly name?: string }; readonly spans?: readonly PostedSpan[] }[];
  }[];
}
interface PostedSpan extends Omit<OtlpSpan, "attributes" | "links" | "status" | "scope"> {
  readonly attributes?: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly links?: OtlpSpan["links"];
  readonly status?: OtlpSpan["status"];
}

/** What a collector is to an exporter: takes `POST /v1/traces` on loopback and keeps the spans. */
export async function createReceiver() {
  const spans: OtlpSpan[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const ours = request.method === "POST" && request.url === "/v1/traces" && request.headers["content-type"] === "application/json";
      if (ours) for (const span of read(JSON.parse(body.toString()) as Posted)) spans.push(span);
      else refused.push(`${request.method} ${request.url} ${request.headers["content-type"]}`);
      response.writeHead(ours ? 200 : 415, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    spans: spans as readonly OtlpSpan[],
    /** What was no traces in JSON. */
    refused: refused as readonly string[],
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const read = ({ resourceSpans = [] }: Posted): OtlpSpan[] =>
  resourceSpans.flatMap(({ scopeSpans = [] }) =>
    scopeSpans.flatMap(({ scope, spans = [] }) =>
      spans.map(({ attributes = [], links = [], status = {}, ...span }) => ({
        ...span,
        attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
        links,
        status,
        scope: scope?.name ?? "",
      })),
    ),
  );
