import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { TightbeamError } from "../../src/errors.js";
import { openTelemetry } from "../../src/opentelemetry/index.js";
import type { Span, SpanStart } from "../../src/telemetry/tracer.js";
import { start, useSdk } from "./sdk.js";

function world(options: Parameters<typeof openTelemetry>[0] = {}) {
  const sdk = useSdk();
  const tracer = openTelemetry({ tracerProvider: sdk.provider, ...options });
  const must = (span: Span | undefined): Span => {
    if (span === undefined) throw new Error("no span");
    return span;
  };
  return {
    ...sdk,
    tracer,
    sending: (change: Partial<SpanStart> = {}, parent?: Parameters<typeof tracer.sending>[1]) => must(tracer.sending(start(change), parent)),
    receiving: (change: Partial<SpanStart> = {}, parent?: Parameters<typeof tracer.receiving>[1]) => must(tracer.receiving(start(change), parent)),
  };
}

const rpc = {
  "rpc.system.name": "tightbeam",
  "rpc.method": "summarize",
  "tightbeam.agent.id": "alice",
  "tightbeam.peer.id": "bob",
  "tightbeam.peer.instance": "b".repeat(22),
  "tightbeam.message.id": "01990000-0000-7000-8000-000000000000",
  "tightbeam.message.size": 120,
};

describe("what a span says", () => {
  it("of a request: CLIENT here, SERVER there, named by its method", () => {
    const { sending, receiving, spans } = world();
    sending().end();
    receiving().end();
    const [client, server] = spans();
    expect(client).toMatchObject({ name: "summarize", kind: SpanKind.CLIENT, attributes: { ...rpc, "server.address": "bob" } });
    expect(server).toMatchObject({ name: "summarize", kind: SpanKind.SERVER, attributes: { ...rpc, "server.address": "alice" } });
    for (const span of [client, server]) {
      expect(span?.status).toEqual({ code: SpanStatusCode.UNSET });
      expect(span?.instrumentationScope).toMatchObject({ name: "@tightbeam/core", schemaUrl: "https://opentelemetry.io/schemas/1.45.0" });
      expect(Object.keys(span?.attributes ?? {}).filter((name) => /error|status/.test(name))).toEqual([]);
    }
  });

  it("of a stream: as of a request, and that it is one", () => {
    const { sending, named } = world();
    sending({ type: "stream", name: "tokens" }).end();
    expect(named("tokens")).toMatchObject({ kind: SpanKind.CLIENT, attributes: { "rpc.method": "tokens", "tightbeam.stream": true } });
  });

  it("of a notification and of an event: PRODUCER here, CONSUMER there", () => {
    const { sending, receiving, named } = world();
    sending({ type: "notification", name: "collect" }).end();
    sending({ type: "event", name: "prices.eur" }).end();
    receiving({ type: "notification", name: "collect" }).end();
    receiving({ type: "event", name: "prices.eur" }).end();
    const message = { "messaging.system.name": "tightbeam", "messaging.message.id": rpc["tightbeam.message.id"], "messaging.client.id": "alice" };
    expect(named("notify collect")).toMatchObject({
      kind: SpanKind.PRODUCER,
      attributes: { ...message, "messaging.operation.name": "notify", "messaging.operation.type": "send", "messaging.destination.name": "collect" },
    });
    expect(named("publish prices.eur")).toMatchObject({ kind: SpanKind.PRODUCER, attributes: { "messaging.operation.name": "publish" } });
    for (const name of ["process collect", "process prices.eur"])
      expect(named(name)).toMatchObject({ kind: SpanKind.CONSUMER, attributes: { ...message, "messaging.operation.type": "process" } });
  });

  it("of a durable message: which try it is", () => {
    const { receiving, named } = world();
    receiving({ type: "notification", name: "collect", durable: true, attempt: 3 }).end();
    expect(named("process collect").attributes).toMatchObject({ "tightbeam.durable": true, "tightbeam.attempt": 3 });
  });

  it("names no instance where none is known yet", () => {
    const { sending, named } = world();
    sending({ peer: { id: "bob" } }).end();
    expect(Object.keys(named("summarize").attributes)).not.toContain("tightbeam.peer.instance");
  });
});

describe("what it ended with", () => {
  it("is the code, in error.type, the status and of calls rpc.status_code", () => {
    const { sending, named } = world();
    sending().end(new TightbeamError("timeout", "No answer."));
    sending({ type: "notification", name: "collect" }).end(new TightbeamError("undelivered", "It left."));
    expect(named("summarize")).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { "error.type": "timeout", "rpc.status_code": "timeout" } });
    expect(named("notify collect")).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { "error.type": "undelivered" } });
    expect(Object.keys(named("notify collect").attributes)).not.toContain("rpc.status_code");
  });

  it("is no error of a server where its caller was wrong", () => {
    const { receiving, sending, spans } = world();
    for (const code of ["forbidden", "invalid_input", "expired", "cancelled", "rate_limited"] as const) {
      receiving().end(new TightbeamError(code, "Your doing."));
      expect(spans().at(-1)).toMatchObject({ status: { code: SpanStatusCode.UNSET }, attributes: { "rpc.status_code": code } });
      expect(Object.keys(spans().at(-1)?.attributes ?? {})).not.toContain("error.type");
    }
    for (const code of ["handler_failed", "overloaded", "timeout", "internal"] as const) {
      receiving().end(new TightbeamError(code, "Our doing."));
      expect(spans().at(-1)).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { "error.type": code } });
    }
    sending().end(new TightbeamError("forbidden", "To the caller it is one."));
    expect(spans().at(-1)).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { "error.type": "forbidden" } });
  });

  it("is handler_failed for whatever a handler throws, and internal for what is no error of ours here", () => {
    const { sending, receiving, spans } = world();
    for (const thrown of [new RangeError("x"), "text", null, 0, { code: "timeout" }]) {
      receiving().end(thrown);
      expect(spans().at(-1)?.attributes["error.type"]).toBe("handler_failed");
    }
    sending().end(new RangeError("x"));
    expect(spans().at(-1)?.attributes["error.type"]).toBe("internal");
  });

  it("TM-224 tells nothing of what an error says: its writer may have put a payload into it", () => {
    const { sending, receiving, spans } = world();
    const secret = "payload-of-bob";
    sending().end(new TightbeamError("handler_failed", secret, { cause: new Error(secret) }));
    receiving().end(Object.assign(new Error(secret), { name: secret, code: secret }));
    receiving({ type: "event", name: "prices" }).end(secret);
    expect(spans()).toHaveLength(3);
    for (const { name, attributes, status, events, links } of spans())
      expect(JSON.stringify({ name, attributes, status, events, links })).not.toContain(secret);
  });
});

describe("TM-225 names that strangers make up", () => {
  it("do not stay: a method that nobody handles is _OTHER", () => {
    const { receiving, spans } = world();
    receiving({ name: "made-up" }).end(new TightbeamError("no_handler", "Nobody."));
    expect(spans()[0]).toMatchObject({
      name: "tightbeam",
      attributes: { "rpc.method": "_OTHER", "rpc.method_original": "made-up", "rpc.status_code": "no_handler" },
    });
    receiving({ name: "made-up" }).end(new TightbeamError("forbidden", "Not you."));
    expect(spans()[1]).toMatchObject({ name: "tightbeam", attributes: { "rpc.method": "_OTHER" } });
    receiving({ type: "notification", name: "made-up" }).end(new TightbeamError("no_handler", "Nobody."));
    expect(spans()[2]).toMatchObject({ name: "process", attributes: { "messaging.destination.name": "_OTHER" } });
  });

  it("take no place of those that are handled", () => {
    const { receiving, spans } = world({ methods: 2 });
    for (let i = 0; i < 10; i++) receiving({ name: `made-up-${i}` }).end(new TightbeamError("no_handler", "Nobody."));
    for (const name of ["a", "b"]) receiving({ name }).end();
    expect(
      spans()
        .slice(10)
        .map(({ name }) => name),
    ).toEqual(["a", "b"]);
  });

  it("are so many, where a fallback takes all of them; and none of them is one that this agent calls", () => {
    const { receiving, sending, spans } = world({ methods: 2 });
    for (let i = 0; i < 10; i++) receiving({ name: `made-up-${i}` }).end();
    expect(new Set(spans().map(({ name }) => name))).toEqual(new Set(["made-up-0", "made-up-1", "tightbeam"]));
    expect(spans()[9]?.attributes).toMatchObject({ "rpc.method": "_OTHER", "rpc.method_original": "made-up-9" });
    sending({ name: "own" }).end();
    expect(spans().at(-1)?.name).toBe("own");
  });
});
