import { type Agent, type AgentOptions, createAgent, createAuthority, TightbeamError } from "@tightbeam/core";
import { logTo } from "@tightbeam/core/observability";
import { connectMemory, createHub } from "@tightbeam/memory";
import { describe, expect, it, onTestFinished } from "vitest";
import { openTelemetry } from "../../src/opentelemetry/index.js";
import { meters } from "./meters.js";
import { useSdk } from "./sdk.js";

/** Alice and Bob, seen by everything there is. */
async function pair(options: Partial<AgentOptions> = {}) {
  const { provider, spans } = useSdk();
  const { provider: meterProvider, collect } = meters();
  const telemetry = openTelemetry({ tracerProvider: provider, meterProvider });
  const [authority, hub] = [await createAuthority({ issuer: "https://auth.example" }), createHub()];
  const lines: unknown[] = [];
  const write = (level: string) => (object: unknown, message: string) => void lines.push({ level, message, object });
  const logger = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  const join = async (id: string): Promise<Agent> => {
    const agent = await createAgent({
      identity: await authority.enroll(id),
      trust: authority.trust(),
      transport: await connectMemory(hub),
      tracer: telemetry,
      ...options,
    });
    onTestFinished(() => agent.close());
    telemetry.watch(agent);
    logTo(agent, logger, { level: "debug", perSecond: 1_000 });
    return agent;
  };
  return { alice: await join("alice"), bob: await join("bob"), spans, collect, lines };
}

const settled = async (read: () => number | Promise<number>, most: number): Promise<void> =>
  expect.poll(read, { timeout: 20_000 }).toBeGreaterThanOrEqual(most);

describe("real agents", () => {
  it("are measured: calls, messages, links, failures", async () => {
    const { alice, bob, collect } = await pair();
    const heard: unknown[] = [];
    alice.handle("greet", (name) => `hello ${String(name)}`);
    alice.handle("fails", () => {
      throw new RangeError("no");
    });
    alice.handle("note", (text) => void heard.push(text));
    for (let i = 0; i < 3; i++) await bob.request("alice", "greet", "bob");
    await expect(bob.request("alice", "fails")).rejects.toMatchObject({ code: "handler_failed" });
    await expect(bob.request("alice", "missing")).rejects.toMatchObject({ code: "no_handler" });
    await bob.notify("alice", "note", "text", { confirm: "done" });
    await alice.publish("prices", 1);
    await bob.subscribe("prices", (price) => void heard.push(price), { from: ["alice"], ready: 1 });
    await alice.publish("prices", 2);
    await settled(() => heard.length, 2);

    const count = async (name: string, agent: string, by: Readonly<Record<string, unknown>> = {}): Promise<number> =>
      (await collect())
        .filter((point) => point.name === name && point.attributes["tightbeam.agent.id"] === agent)
        .filter(({ attributes }) => Object.entries(by).every(([key, value]) => attributes[key] === value))
        .reduce((sum, { value, histogram }) => sum + (histogram?.count ?? value ?? 0), 0);
    expect(await count("rpc.client.call.duration", "bob", { "rpc.method": "greet", "server.address": "alice", "error.type": undefined })).toBe(3);
    expect(await count("rpc.server.call.duration", "alice", { "rpc.method": "greet", "server.address": "alice" })).toBe(3);
    expect(await count("rpc.client.call.duration", "bob", { "rpc.method": "fails", "error.type": "handler_failed" })).toBe(1);
    expect(await count("rpc.server.call.duration", "alice", { "rpc.method": "fails", "error.type": "handler_failed" })).toBe(1);
    expect(await count("rpc.server.call.duration", "alice", { "rpc.method": "missing" })).toBe(0);
    expect(await count("rpc.server.call.duration", "alice", { "rpc.method": "_OTHER", "rpc.status_code": "no_handler", "error.type": undefined })).toBe(1);
    expect(await count("messaging.client.sent.messages", "bob", { "messaging.destination.name": "note" })).toBe(1);
    expect(await count("messaging.client.consumed.messages", "alice", { "messaging.destination.name": "note" })).toBe(1);
    await settled(() => count("messaging.client.sent.messages", "alice", { "messaging.destination.name": "prices" }), 1);
    await settled(() => count("messaging.client.consumed.messages", "bob", { "messaging.destination.name": "prices" }), 1);
    expect(await count("tightbeam.errors", "alice")).toBe(2);
    expect(await count("tightbeam.errors", "bob")).toBe(2);
    expect(await count("tightbeam.links", "alice", { "tightbeam.state": "up" })).toBe(1);
    expect(await count("tightbeam.sessions", "bob", { "tightbeam.event": "established" })).toBe(1);
  });

  it("TM-224 show no payload, header, token or text of an error in spans, measurements or the log", async () => {
    const { alice, bob, spans, collect, lines } = await pair();
    alice.handle("echo", (input) => input);
    alice.handle("fails", () => {
      throw new TightbeamError("forbidden", "text-that-is-secret", { cause: new Error("cause-that-is-secret") });
    });
    alice.handle("throws", () => {
      throw Object.assign(new Error("text-that-is-secret"), { detail: "detail-that-is-secret" });
    });
    const headers = { "x-secret": "header-that-is-secret" };
    await bob.request("alice", "echo", { text: "payload-that-is-secret" }, { headers, idempotencyKey: "key-that-is-secret" });
    await bob.notify("alice", "echo", "payload-that-is-secret", { headers, confirm: "done" });
    for (const name of ["fails", "throws"]) await expect(bob.request("alice", name, "payload-that-is-secret", { headers })).rejects.toThrow();
    await settled(() => spans().length, 8);

    const told = JSON.stringify({
      spans: spans().map(({ name, attributes, events, links, status }) => ({ name, attributes, events, links, status })),
      points: await collect(),
      lines,
    });
    for (const word of ["echo", "forbidden", "alice"]) expect(told).toContain(word);
    for (const word of ["-that-is-secret", "x-secret", "eyJ"]) expect(told).not.toContain(word);
  });
});
