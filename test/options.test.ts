import { afterAll, describe, expect, it } from "vitest";
import { injectFaults } from "../packages/conformance/src/index.js";
import {
  createIdentity,
  exportKey,
  generateKey,
  generateSecret,
  identityFromAuthority,
  identityFromSecret,
  identityFromToken,
  importKey,
} from "../packages/core/src/identity/index.js";
import * as core from "../packages/core/src/index.js";
import { createHandshake } from "../packages/core/src/noise/index.js";
import { createMonitoringHandler, createPerformanceMonitor, createTracer, createTraceStore, logTo } from "../packages/core/src/observability/index.js";
import { openTelemetry } from "../packages/core/src/opentelemetry/index.js";
import { connectThrough } from "../packages/core/src/patterns/via/index.js";
import { breaker, bulkhead, retry } from "../packages/core/src/resilience/index.js";
import { createVirtualRuntime } from "../packages/core/src/runtime/index.js";
import { createMemoryStore } from "../packages/core/src/store/index.js";
import { inspect, remoteSource, serveInspection } from "../packages/inspector/src/index.js";
import { connectMemory, createHub } from "../packages/memory/src/index.js";
import { connectNats, tapNats } from "../packages/nats/src/index.js";
import { openNatsStore } from "../packages/nats/src/store/index.js";
import { conversation, simulate } from "../packages/simulation/src/index.js";
import { openLmdbStore } from "../packages/store-lmdb/src/index.js";
import { connectWebSocket } from "../packages/websocket/src/index.js";
import { createRelay, serveMonitoring, tokenListener } from "../packages/websocket/src/relay/index.js";

/** No option of anything. An object of it is every options object, as far as types go. */
const wrong = { misspelt: 1 } as never as object;

const hub = createHub();
const authority = await core.createAuthority();
const secret = generateSecret();
const medium = () => connectMemory(hub);
const agentWith = async (more: object) =>
  core.createAgent({ identity: await authority.enroll("carol"), trust: authority.trust(), transport: await medium(), ...more });
const alice = await core.createAgent({
  identity: await authority.enroll("alice"),
  trust: authority.trust(),
  transport: await medium(),
  store: createMemoryStore(),
});
const relay = await createRelay({ port: 0, trust: authority.trust() });
const traces = await createTraceStore();
const search = core.contract({ name: "search", version: 1, methods: { find: core.method("find") } });
const generator = async function* () {};
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const credential = { type: "secret", secret } as const;
const endpoint = { url: "https://authority.example/token", credentials: [credential] };
const server = { servers: "nats://127.0.0.1:1" };

afterAll(async () => {
  await Promise.all([alice.close(), relay.close(), traces.close()]);
  hub.close();
});

const takers: Readonly<Record<string, () => unknown>> = {
  createAgent: () => agentWith(wrong),
  "createAgent({ presence })": () => agentWith({ presence: wrong }),
  "createAgent({ limits })": () => agentWith({ limits: wrong }),
  "createAgent({ limits: { rate } })": () => agentWith({ limits: { rate: { perSecond: 1, ...wrong } } }),
  "createAgent({ deadLetters })": () => agentWith({ deadLetters: wrong }),
  "createAgent({ deadLetters: { retention } })": () => agentWith({ deadLetters: { retention: wrong } }),
  "createAgent({ deadLetters: { alert } })": () => agentWith({ deadLetters: { alert: { threshold: 1, ...wrong } } }),
  "createAgent({ durable })": () => agentWith({ durable: wrong, store: createMemoryStore() }),
  "createAgent({ idempotency })": () => agentWith({ idempotency: wrong }),
  handle: () => alice.handle("method", () => 1, wrong),
  "handle(stream)": () => alice.handle(core.stream("stream"), generator, wrong),
  request: () => alice.request("bob", "method", {}, wrong),
  notify: () => alice.notify("bob", "method", {}, wrong),
  "notify, durable": () => alice.notify("bob", "method", {}, { durable: true, ...wrong }),
  stream: () => alice.stream("bob", "stream", {}, wrong).result,
  publish: () => alice.publish("topic", {}, wrong),
  publishes: () => alice.publishes("topic", wrong),
  subscribe: () => alice.subscribe("topic", () => undefined, wrong),
  "subscription.ready": async () => (await alice.subscribe("other", () => undefined)).ready(1, wrong),
  "durable.idle": () => alice.durable.idle(wrong),
  forward: () => alice.forward(wrong),
  "forward({ limits })": () => alice.forward({ limits: wrong }),
  connectThrough: () => connectThrough(alice, "bob", wrong),
  peer: () => alice.peer("bob", search, wrong),
  describe: () => alice.describe(wrong),
  "describe(contract)": () => core.describe(search, wrong),
  link: () => alice.link("bob", wrong),
  peers: () => alice.peers(wrong),
  close: () => alice.close(wrong),
  checkpoint: () => alice.checkpoint("name", 1, wrong),
  restore: () => alice.restore("name", wrong),
  snapshots: () => alice.snapshots("name", () => 1, { every: 1_000, ...wrong }),
  "deadLetters.list": () => alice.deadLetters.list(wrong),
  "deadLetters.replay": () => alice.deadLetters.replay({}, wrong),
  "deadLetters.discard": () => alice.deadLetters.discard(wrong),
  "telemetry.on": () => alice.telemetry.on(() => undefined, wrong),
  method: () => core.method("method", wrong),
  "stream()": () => core.stream("stream", wrong),
  contract: () => core.contract({ name: "name", version: 1, methods: { find: core.method("find") }, ...wrong }),
  createAuthority: () => core.createAuthority(wrong),
  "authority.issue": async () => authority.issue({ id: "bob", publicKey: (await generateKey()).publicJwk, ...wrong }),
  "authority.enroll": () => authority.enroll("bob", wrong),
  "authority.trust": () => authority.trust(wrong),
  "authority.accept": () => authority.accept({ ...endpoint, ...wrong }),
  "authority.accept({ limits })": () => authority.accept({ ...endpoint, limits: wrong }),
  "authority.accept({ credentials })": () => authority.accept({ ...endpoint, credentials: [{ ...credential, ...wrong }] }),
  "trust.everyoneWithSecret": () => core.trust.everyoneWithSecret(secret, wrong),
  "trust.jwksUrl": () => core.trust.jwksUrl("https://issuer.example/jwks", { issuer: "https://issuer.example", ...wrong }),
  generateKey: () => generateKey(wrong),
  importKey: async () => importKey(await exportKey(await generateKey({ extractable: true })), wrong),
  createIdentity: async () => createIdentity({ id: "bob", key: await generateKey(), issue: async () => "", ...wrong }),
  identityFromToken: async () => identityFromToken({ id: "bob", key: await generateKey(), getToken: async () => "", ...wrong }),
  identityFromAuthority: async () =>
    identityFromAuthority({ url: endpoint.url, id: "bob", key: await generateKey(), credential: async () => "", ...wrong } as never),
  identityFromSecret: () => identityFromSecret({ id: "bob", secret, ...wrong }),
  createHandshake: () => createHandshake({ protocol: "Noise_NN_25519_ChaChaPoly_SHA256", role: "initiator", ...wrong }),
  createVirtualRuntime: () => createVirtualRuntime({ seed: 1, ...wrong }),
  retry: () => retry(wrong),
  breaker: () => breaker(wrong),
  bulkhead: () => bulkhead({ concurrent: 1, ...wrong }),
  logTo: () => logTo(alice, logger, wrong),
  createTraceStore: () => createTraceStore(wrong),
  "traces.list": () => traces.list(wrong),
  "traces.statistics": () => traces.statistics(wrong),
  createTracer: () => createTracer(wrong),
  "createTracer({ remote })": () => createTracer({ remote: { perSecond: 1, ...wrong } }),
  createPerformanceMonitor: () => createPerformanceMonitor(wrong),
  createMonitoringHandler: () => createMonitoringHandler({ agents: [alice], ...wrong }),
  openTelemetry: () => openTelemetry(wrong),
  createHub: () => createHub(wrong),
  connectMemory: () => connectMemory(hub, wrong),
  connectWebSocket: async () => connectWebSocket(relay.url, { identity: await authority.enroll("bob"), ...wrong }),
  createRelay: () => createRelay({ port: 0, trust: authority.trust(), ...wrong }),
  "createRelay({ limits })": () => createRelay({ port: 0, trust: authority.trust(), limits: wrong }),
  "createRelay({ monitoring })": () => createRelay({ port: 0, trust: authority.trust(), monitoring: { port: 0, ...wrong } }),
  "relay.connect": async () => relay.connect({ identity: await authority.enroll("bob"), ...wrong }),
  tokenListener: () => tokenListener({ handle: async () => new Response() }, wrong),
  serveMonitoring: () => serveMonitoring({ port: 0, agents: [alice], ...wrong }),
  connectNats: () => connectNats({ ...server, ...wrong }),
  tapNats: () =>
    tapNats(
      { ...server, ...wrong },
      () => undefined,
      () => undefined,
    ),
  openNatsStore: () => openNatsStore({ connection: undefined as never, name: "alice", ...wrong }),
  openLmdbStore: () => openLmdbStore({ path: "unused", ...wrong }),
  injectFaults: async () => injectFaults(await medium(), { seed: 1, ...wrong }),
  "injectFaults({ delay })": async () => injectFaults(await medium(), { seed: 1, delay: { min: 0, max: 1, ...wrong } }),
  "injectFaults().set": async () => injectFaults(await medium(), { seed: 1 }).set(wrong),
  simulate: () => simulate({ seed: 1, agents: { alice: () => undefined }, ...wrong }),
  "simulate({ faults })": () => simulate({ seed: 1, agents: { alice: () => undefined }, faults: wrong }),
  conversation: () => conversation(1, wrong),
  inspect: () => inspect(alice, wrong),
  serveInspection: () => serveInspection(alice, { allow: ["bob"], ...wrong }),
  remoteSource: () => remoteSource(alice, "bob", wrong),
};

describe("an option that nobody knows is refused, and named", () => {
  it.each(Object.entries(takers))("%s", async (_, take) => {
    await expect(
      (async () => {
        await take();
      })(),
    ).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("'misspelt'") });
  });

  it("a kind has nothing but its strategy", async () => {
    for (const target of [
      { kind: "worker", stratgy: "random" },
      { kind: "worker", strategy: "broadcast", wait: true },
    ] as const)
      await expect(alice.request(target as never, "method")).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(alice.request({ kind: "worker" }, "method", {}, { timeout: 5 })).rejects.not.toMatchObject({ code: "invalid_argument" });
  });
});

describe("an option that is undefined is as if it had not been given", () => {
  it("limits stay", async () => {
    const none = {
      jsonMaxBytes: undefined,
      jsonMaxDepth: undefined,
      jsonMaxKeys: undefined,
      messageMaxBytes: undefined,
      running: undefined,
      queued: undefined,
    };
    const agent = await agentWith({ limits: none, goneAfter: undefined, kinds: undefined, presence: undefined, policy: undefined });
    const deep = JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`) as unknown;
    await expect(agent.request("alice", "method", deep)).rejects.toMatchObject({ code: "not_serialisable" });
    const keys = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [i, 0]));
    await expect(agent.request("alice", "method", keys)).rejects.toMatchObject({ message: expect.stringContaining("The payload has more than") });
    await agent.close({ drain: undefined });
  });

  it("limits of relays, of forwarding and of the authority's endpoint", async () => {
    const other = await createRelay({ port: 0, trust: authority.trust(), limits: { sockets: undefined, maxFrameBytes: undefined } });
    const transport = await connectWebSocket(other.url, { identity: await authority.enroll("dave") });
    expect(transport.capabilities.maxFrameBytes).toBe(256 * 1024);
    await transport.close();
    await other.close();
    const agent = await agentWith({});
    await agent.forward({ limits: { clients: undefined, hops: undefined } });
    await agent.close();
    const accepting = await authority.accept({ ...endpoint, limits: { bodyBytes: undefined, perMinute: undefined } });
    const asked = new Request(endpoint.url, { method: "POST", body: "grant_type=none" });
    expect((await accepting.handle(asked)).status).toBe(400);
  });

  it("those of calls", async () => {
    const undefinedOptions = { timeout: undefined, signal: undefined, priority: undefined, ttl: undefined, idempotencyKey: undefined, headers: undefined };
    const agent = await agentWith({});
    alice.handle("echo", (input) => input);
    await expect(agent.request("alice", "echo", 1, { ...undefinedOptions, policy: undefined })).resolves.toBe(1);
    await expect(agent.notify("alice", "echo", 1, { ...undefinedOptions, confirm: undefined, durable: undefined })).resolves.toBeUndefined();
    const subscription = await agent.subscribe("topic", () => undefined, {
      filter: undefined,
      replay: undefined,
      ready: undefined,
      timeout: undefined,
      signal: undefined,
      from: undefined,
      queue: undefined,
    });
    await subscription.unsubscribe();
    alice.publishes("topic", { retain: undefined, queue: { events: undefined, bytes: undefined }, patience: undefined, slow: undefined })();
    await agent.close();
  });
});
