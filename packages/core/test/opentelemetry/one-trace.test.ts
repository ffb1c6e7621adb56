import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { type Agent, createAgent, createAuthority, type Identity, method, topic } from "@tightbeam/core";
import type { Transport } from "@tightbeam/core/transport";
import { connectNats } from "@tightbeam/nats";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { needNatsServer, startBroker } from "../../../nats/test/broker.js";
import { createTap } from "../../../websocket/test/tap.js";
import { openTelemetry } from "../../src/opentelemetry/index.js";
import { createReceiver, type OtlpSpan, otlpKind } from "./receiver.js";
import { useSdk } from "./sdk.js";

type Authority = Awaited<ReturnType<typeof createAuthority>>;

/** What carries the frames of one test, and every byte of it that whoever runs it can see. */
interface Wire {
  connect(identity: Identity): Promise<Transport>;
  seen(): Buffer;
}

const later = (close: () => unknown): void => onTestFinished(async () => void (await close()));

/** A man in the middle of every socket to a real relay. */
async function relayed(authority: Authority): Promise<Wire> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tap = await createTap(() => `${url}/`);
  const relay = await createRelay({ server, trust: authority.trust(), origins: [tap.origin, url] });
  later(async () => {
    await tap.close();
    await relay.close();
    server.close();
  });
  const seen: Uint8Array[] = [];
  tap.meddle = ({ bytes }) => {
    seen.push(bytes.slice());
    return [bytes];
  };
  return { connect: (identity) => connectWebSocket(tap.url, { identity }), seen: () => Buffer.concat(seen) };
}

/** A subscriber to everything at a real nats-server, in the bytes of the protocol. */
async function brokered(): Promise<Wire> {
  const broker = await startBroker();
  later(broker.close);
  const socket = connect(broker.port, "127.0.0.1");
  const seen: Buffer[] = [];
  socket.on("error", () => undefined);
  later(() => socket.destroy());
  await new Promise<void>((resolve) => {
    socket.on("data", (data: Buffer) => {
      seen.push(data);
      if (data.includes("PONG")) resolve();
    });
    socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true,"protocol":1}\r\nSUB > 1\r\nPING\r\n');
  });
  return { connect: () => connectNats({ servers: broker.url }), seen: () => Buffer.concat(seen) };
}

const ask = method("ask", { input: z.string(), output: z.string() });
const deep = method("deep", { input: z.string(), output: z.string() });
const log = method("log", { input: z.string() });
const prices = topic("prices", z.number());

/** Alice asks Bob, whose handler asks Carol, tells her something, and publishes what Alice has subscribed to. */
async function troupe(wire: Wire, authority: Authority) {
  const receiver = await createReceiver();
  later(receiver.close);
  useSdk();
  const providers: BasicTracerProvider[] = [];
  const join = async (id: string): Promise<Agent> => {
    const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: receiver.url }))] });
    providers.push(provider);
    const identity = await authority.enroll(id);
    const transport = await wire.connect(identity);
    const agent = await createAgent({ identity, trust: authority.trust(), transport, tracer: openTelemetry({ tracerProvider: provider }) });
    later(() => agent.close());
    return agent;
  };
  const [alice, bob, carol] = [await join("alice"), await join("bob"), await join("carol")];
  return {
    alice,
    bob,
    carol,
    async spans(): Promise<readonly OtlpSpan[]> {
      for (const provider of providers) await provider.forceFlush();
      expect(receiver.refused).toEqual([]);
      return receiver.spans;
    },
  };
}

async function mustBeOneTrace(wire: Wire, authority: Authority): Promise<void> {
  const { alice, bob, carol, spans } = await troupe(wire, authority);
  const heard: unknown[] = [];
  carol.handle(deep, async (text) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return `${text} from the deep`;
  });
  carol.handle(log, (text) => void heard.push(text));
  bob.handle(ask, async (text) => {
    const answer = await bob.request("carol", deep, text);
    await bob.notify("carol", log, text);
    await bob.publish(prices, 42);
    return answer;
  });
  await alice.subscribe(prices, (price) => heard.push(price), { from: ["bob"], ready: 1 });

  const outer = trace.wrapSpanContext({ traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", traceFlags: 1 });
  const answer = await context.with(trace.setSpan(ROOT_CONTEXT, outer), () => alice.request("bob", ask, "words"));
  expect(answer).toBe("words from the deep");
  await expect.poll(() => heard.length, { timeout: 20_000 }).toBe(2);
  expect(new Set(heard)).toEqual(new Set(["words", 42]));

  const { traceId, spanId } = outer.spanContext();
  await expect.poll(async () => (await spans()).filter((span) => span.traceId === traceId).length, { timeout: 20_000 }).toBe(8);
  const all = (await spans()).filter((span) => span.traceId === traceId);
  const one = (agent: string, kind: number, name: string): OtlpSpan => {
    const found = all.filter((span) => span.attributes["tightbeam.agent.id"] === agent && span.kind === kind && span.name === name);
    expect(found, `${agent} ${name}`).toHaveLength(1);
    return found[0] as OtlpSpan;
  };
  const asked = one("alice", otlpKind.client, "ask");
  const answered = one("bob", otlpKind.server, "ask");
  const askedDeep = one("bob", otlpKind.client, "deep");
  expect(asked.parentSpanId).toBe(spanId);
  expect(answered.parentSpanId).toBe(asked.spanId);
  expect(askedDeep.parentSpanId).toBe(answered.spanId);
  expect(one("carol", otlpKind.server, "deep").parentSpanId).toBe(askedDeep.spanId);
  expect(one("bob", otlpKind.producer, "notify log").parentSpanId).toBe(answered.spanId);
  expect(one("carol", otlpKind.consumer, "process log").parentSpanId).toBe(one("bob", otlpKind.producer, "notify log").spanId);
  expect(one("bob", otlpKind.producer, "publish prices").parentSpanId).toBe(answered.spanId);
  expect(one("alice", otlpKind.consumer, "process prices").parentSpanId).toBe(one("bob", otlpKind.producer, "publish prices").spanId);

  const seen = wire.seen();
  expect(seen.includes("inbox"), "the wire was seen").toBe(true);
  expect(seen.length).toBeGreaterThan(10_000);
  for (const id of [traceId, ...all.map((span) => span.spanId)]) {
    expect(seen.includes(id), "an id in hex").toBe(false);
    expect(seen.includes(id.toUpperCase()), "an id in hex").toBe(false);
    expect(seen.includes(Buffer.from(id, "hex")), "an id in its own bytes").toBe(false);
    expect(seen.includes(Buffer.from(id, "hex").toString("base64url")), "an id in base64url").toBe(false);
  }
  expect(seen.includes("traceparent")).toBe(false);
}

describe("TM-223 one trace through three agents, which no wire shows", () => {
  it("over the relay", { timeout: 60_000 }, async () => {
    const authority = await createAuthority({ issuer: "https://auth.example" });
    await mustBeOneTrace(await relayed(authority), authority);
  });

  it("over NATS", { timeout: 60_000 }, async (test) => {
    needNatsServer(test);
    await mustBeOneTrace(await brokered(), await createAuthority({ issuer: "https://auth.example" }));
  });
});
