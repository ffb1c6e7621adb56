import { metrics as registered } from "@opentelemetry/api";
import { AggregationTemporality } from "@opentelemetry/sdk-metrics";
import { afterEach, describe, expect, it } from "vitest";
import type { AgentStatus } from "../../src/agent-types.js";
import { openTelemetry, type WatchedAgent } from "../../src/opentelemetry/index.js";
import { createEmitter } from "../../src/telemetry/events.js";
import type { MessageMoment, TelemetryEvent } from "../../src/telemetry/types.js";
import { meters } from "./meters.js";

afterEach(() => registered.disable());

function fakeAgent(id = "alice", status: () => Partial<AgentStatus> = () => ({})) {
  const events = createEmitter<TelemetryEvent>();
  const agent: WatchedAgent = {
    id,
    telemetry: events as unknown as WatchedAgent["telemetry"],
    status: () => ({ links: [], durable: { queued: 0 }, breakers: [], ...status() }) as unknown as AgentStatus,
  };
  return { agent, tell: (event: Omit<TelemetryEvent, "at">) => events.emit({ at: 1, ...event } as TelemetryEvent), events };
}

const message = (change: Partial<MessageMoment>): Omit<MessageMoment, "at"> => ({
  kind: "message",
  what: "answered",
  direction: "sent",
  id: "01990000-0000-7000-8000-000000000000",
  type: "request",
  name: "summarize",
  peer: { id: "bob", instance: "b".repeat(22) },
  priority: "normal",
  bytes: 120,
  ...change,
});

describe("calls", () => {
  it("are timed in s, here by whom was asked and there by who answers, with the code of what failed", async () => {
    const { provider, collect } = meters();
    const { agent, tell } = fakeAgent();
    openTelemetry({ meterProvider: provider }).watch(agent);
    tell(message({ what: "answered", duration: 20 }));
    tell(message({ what: "answered", duration: 30 }));
    tell(message({ what: "failed", duration: 5_000, code: "timeout" }));
    tell(message({ what: "processed", direction: "received", duration: 10 }));
    tell(message({ what: "failed", direction: "received", duration: 10, code: "handler_failed" }));
    tell(message({ what: "failed", direction: "received", duration: 1, code: "invalid_input" }));
    const points = (await collect()).filter(({ name }) => name.startsWith("rpc."));
    const rpc = { "rpc.system.name": "tightbeam", "rpc.method": "summarize", "tightbeam.agent.id": "alice" };
    expect(points.map(({ name, unit, attributes, histogram }) => ({ name, unit, attributes, count: histogram?.count, sum: histogram?.sum }))).toEqual([
      { name: "rpc.client.call.duration", unit: "s", attributes: { ...rpc, "server.address": "bob" }, count: 2, sum: 0.05 },
      {
        name: "rpc.client.call.duration",
        unit: "s",
        attributes: { ...rpc, "server.address": "bob", "rpc.status_code": "timeout", "error.type": "timeout" },
        count: 1,
        sum: 5,
      },
      { name: "rpc.server.call.duration", unit: "s", attributes: { ...rpc, "server.address": "alice" }, count: 1, sum: 0.01 },
      {
        name: "rpc.server.call.duration",
        unit: "s",
        attributes: { ...rpc, "server.address": "alice", "rpc.status_code": "handler_failed", "error.type": "handler_failed" },
        count: 1,
        sum: 0.01,
      },
      {
        name: "rpc.server.call.duration",
        unit: "s",
        attributes: { ...rpc, "server.address": "alice", "rpc.status_code": "invalid_input" },
        count: 1,
        sum: 0.001,
      },
    ]);
    expect(points[0]?.histogram?.buckets.boundaries).toEqual([0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]);
    expect(points[0]?.scope).toMatchObject({ name: "@tightbeam/core", schemaUrl: "https://opentelemetry.io/schemas/1.45.0" });
  });
});

describe("notifications and events", () => {
  it("are counted when they are sent and when a handler had them, and timed", async () => {
    const { provider, collect } = meters();
    const { agent, tell } = fakeAgent();
    openTelemetry({ meterProvider: provider }).watch(agent);
    const event = { type: "event", name: "prices" } as const;
    const note = { type: "notification", name: "collect" } as const;
    for (const what of ["queued", "sealed", "sent"] as const) tell(message({ ...event, what }));
    tell(message({ ...event, what: "acknowledged", duration: 4 }));
    tell(message({ ...note, what: "acknowledged", duration: 5 }));
    tell(message({ ...note, what: "failed", duration: 6, code: "handler_failed" }));
    tell(message({ ...note, what: "failed", duration: 7, code: "undelivered" }));
    tell(message({ ...note, what: "delivered", direction: "received" }));
    tell(message({ ...note, what: "processed", direction: "received", duration: 6 }));
    tell(message({ ...note, what: "failed", direction: "received", duration: 6, code: "handler_failed" }));
    tell(message({ ...note, what: "failed", direction: "received", duration: 0, code: "forbidden" }));
    const points = (await collect()).filter(({ name }) => name.startsWith("messaging."));
    const sent = {
      "messaging.system.name": "tightbeam",
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
      "messaging.destination.name": "prices",
      "tightbeam.agent.id": "alice",
    };
    const told = { ...sent, "messaging.operation.name": "notify", "messaging.destination.name": "collect" };
    const taken = { ...sent, "messaging.operation.name": "process", "messaging.operation.type": "process", "messaging.destination.name": "collect" };
    expect(points.map(({ name, attributes, value, histogram }) => [name, attributes, value ?? histogram?.sum])).toEqual([
      ["messaging.client.operation.duration", sent, 0.004],
      ["messaging.client.operation.duration", told, 0.005],
      ["messaging.client.operation.duration", { ...told, "error.type": "undelivered" }, 0.007],
      ["messaging.process.duration", taken, 0.006],
      ["messaging.process.duration", { ...taken, "error.type": "handler_failed" }, 0.006],
      ["messaging.client.sent.messages", sent, 1],
      ["messaging.client.consumed.messages", taken, 1],
      ["messaging.client.consumed.messages", { ...taken, "error.type": "handler_failed" }, 1],
    ]);
  });
});

describe("what goes wrong", () => {
  it("is counted by code", async () => {
    const { provider, collect } = meters();
    const { agent, tell } = fakeAgent();
    openTelemetry({ meterProvider: provider }).watch(agent);
    tell(message({ what: "failed", code: "timeout", duration: 1 }));
    tell(message({ what: "expired", direction: "received" }));
    tell(message({ what: "dead_lettered", code: "undelivered" }));
    tell({ kind: "retry", what: "moved", peer: "bob", method: "summarize" } as never);
    tell({ kind: "retry", what: "refused", peer: "bob", method: "summarize", code: "timeout" } as never);
    tell({ kind: "session", what: "renewed", peer: { id: "bob", instance: "i" }, suite: 2, generation: 2 } as never);
    tell({ kind: "security", what: "forged", reason: "auth", count: 7 } as never);
    tell({ kind: "security", what: "forged", reason: "other", count: 2, peer: "made-up" } as never);
    const own = (await collect()).filter(
      ({ name, value }) => name.startsWith("tightbeam.") && !/links|queue|breakers|durable/.test(name) && value !== undefined,
    );
    const by = { "tightbeam.agent.id": "alice" };
    expect(own.map(({ name, attributes, value }) => [name, attributes, value])).toEqual([
      ["tightbeam.errors", { ...by, "tightbeam.direction": "sent", "error.type": "timeout" }, 1],
      ["tightbeam.errors", { ...by, "tightbeam.direction": "received", "error.type": "expired" }, 1],
      ["tightbeam.dead_letters", { ...by, "error.type": "undelivered" }, 1],
      ["tightbeam.retries", { ...by, "tightbeam.event": "moved" }, 1],
      ["tightbeam.retries", { ...by, "tightbeam.event": "refused", "error.type": "timeout" }, 1],
      ["tightbeam.sessions", { ...by, "tightbeam.event": "renewed" }, 1],
      ["tightbeam.security.events", { ...by, "tightbeam.event": "forged" }, 9],
    ]);
  });
});

describe("TM-225 series", () => {
  it("are bounded: methods and peers that come later are _OTHER", async () => {
    const { provider, collect } = meters();
    const { agent, tell } = fakeAgent();
    openTelemetry({ meterProvider: provider, methods: 3, peers: 2 }).watch(agent);
    for (let i = 0; i < 50; i++) {
      tell(message({ what: "answered", name: `method-${i}`, peer: { id: `peer-${i}`, instance: "i" }, duration: 1 }));
      tell(message({ what: "processed", direction: "received", type: "event", name: `topic-${i}`, peer: { id: `peer-${i}`, instance: "i" }, duration: 1 }));
    }
    const points = await collect();
    const values = (name: string): Set<unknown> => new Set(points.flatMap(({ attributes }) => attributes[name] ?? []));
    expect(values("rpc.method")).toEqual(new Set(["method-0", "method-1", "method-2", "_OTHER"]));
    expect(values("server.address")).toEqual(new Set(["peer-0", "peer-1", "_OTHER"]));
    expect(values("messaging.destination.name")).toEqual(new Set(["topic-0", "topic-1", "topic-2", "_OTHER"]));
    expect(points.reduce((sum, { name, histogram }) => sum + (name === "rpc.client.call.duration" ? (histogram?.count ?? 0) : 0), 0)).toBe(50);
  });

  it("have none of the names that nobody handles", async () => {
    const { provider, collect } = meters();
    const { agent, tell } = fakeAgent();
    openTelemetry({ meterProvider: provider, methods: 3 }).watch(agent);
    const codes = ["no_handler", "forbidden", "rate_limited", "overloaded", "too_large", "idempotency_conflict"] as const;
    for (let i = 0; i < 60; i++) {
      const came = { direction: "received", name: `made-up-${i}` } as const;
      tell(message({ ...came, what: "delivered" }));
      tell(message({ ...came, what: "failed", code: codes[i % codes.length] ?? "no_handler", duration: 0 }));
    }
    tell(message({ what: "processed", direction: "received", duration: 0 }));
    expect(new Set((await collect()).flatMap(({ attributes }) => attributes["rpc.method"] ?? []))).toEqual(new Set(["_OTHER", "summarize"]));
  });
});

describe("watching", () => {
  it("shows the links of every agent by state, until it ends", async () => {
    const { provider, collect } = meters(AggregationTemporality.DELTA);
    const link = (state: string) => ({ state, queue: { critical: 0, high: 0, normal: 0, low: 0 } }) as never;
    const first = fakeAgent("alice", () => ({ links: [link("up"), link("up"), link("suspect")] }));
    const second = fakeAgent("carol");
    const telemetry = openTelemetry({ meterProvider: provider });
    const ends = [telemetry.watch(first.agent), telemetry.watch(second.agent)];
    const links = async () =>
      Object.fromEntries(
        (await collect())
          .filter(({ name }) => name === "tightbeam.links")
          .map(({ attributes, value }) => [`${attributes["tightbeam.agent.id"]} ${attributes["tightbeam.state"]}`, value]),
      );
    expect(await links()).toEqual({ "alice up": 2, "alice suspect": 1, "alice down": 0, "carol up": 0, "carol suspect": 0, "carol down": 0 });
    ends[0]?.();
    expect(Object.keys(await links())).toEqual(["carol up", "carol suspect", "carol down"]);
    ends[1]?.();
    ends[1]?.();
    expect(await links()).toEqual({});
    expect([first.events.listened, second.events.listened]).toEqual([false, false]);
  });

  it("shows how many messages wait to be sent and to be handled, and which breakers let not everything through", async () => {
    const { provider, collect } = meters();
    const links = [1, 2].map((n) => ({ state: "up", queue: { critical: 0, high: n, normal: 10 * n, low: 100 * n } }));
    let breakers: readonly { readonly state: string }[] = [];
    const { agent } = fakeAgent("alice", () => ({ links, durable: { queued: 7 }, breakers }) as never);
    openTelemetry({ meterProvider: provider }).watch(agent);
    const now = async (name: string) =>
      Object.fromEntries(
        (await collect()).flatMap((point) =>
          point.name === name ? [[point.attributes["tightbeam.state"] ?? point.attributes["tightbeam.priority"] ?? "all", point.value]] : [],
        ),
      );
    expect(await now("tightbeam.queue.messages")).toEqual({ critical: 0, high: 3, normal: 30, low: 300 });
    expect(await now("tightbeam.durable.messages")).toEqual({ all: 7 });
    expect(await now("tightbeam.breakers")).toEqual({ open: 0, half_open: 0 });
    breakers = [{ state: "open" }, { state: "half_open" }, { state: "open" }];
    expect(await now("tightbeam.breakers")).toEqual({ open: 2, half_open: 1 });
    breakers = [];
    expect(await now("tightbeam.breakers")).toEqual({ open: 0, half_open: 0 });
  });

  it("counts an agent once, and lets it go when it has closed", async () => {
    const { provider, collect } = meters(AggregationTemporality.DELTA);
    const telemetry = openTelemetry({ meterProvider: provider });
    const { agent, tell, events } = fakeAgent();
    const end = telemetry.watch(agent);
    expect(() => telemetry.watch(agent)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    tell({ kind: "agent", what: "closed" } as never);
    expect(events.listened).toBe(false);
    expect((await collect()).filter(({ name }) => name === "tightbeam.links")).toEqual([]);
    end();
    telemetry.watch(agent)();
  });

  it("uses the provider that is registered when the first agent is watched", async () => {
    const telemetry = openTelemetry();
    const { provider, collect } = meters();
    registered.setGlobalMeterProvider(provider);
    const { agent, tell } = fakeAgent();
    telemetry.watch(agent);
    tell(message({ duration: 1 }));
    expect((await collect()).map(({ name }) => name)).toContain("rpc.client.call.duration");
  });

  it("is without effect where no SDK is registered", () => {
    const { agent, tell } = fakeAgent();
    const end = openTelemetry().watch(agent);
    expect(() => tell(message({ duration: 1 }))).not.toThrow();
    end();
  });
});
