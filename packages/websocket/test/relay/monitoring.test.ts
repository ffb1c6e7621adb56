import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer, request as httpRequest } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { address, systemRuntime } from "@tightbeam/core/transport";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseExposition, sampleOf } from "../../../core/test/observability/monitor/exposition-parser.js";
import { connectWebSocket } from "../../src/index.js";
import { createRelay, type RelayMonitoring, serveMonitoring } from "../../src/relay/index.js";
import { openMonitoring } from "../../src/relay/serve-monitoring.js";
import { createThroughput } from "../../src/relay/throughput.js";
import { bytes, codeOf, createFixture, errorOf, type Fixture, until } from "../fixture.js";

const token = "a-token-of-at-least-22-characters";
let fixture: Fixture;
beforeEach(async () => {
  fixture = await createFixture();
});
afterEach(() => fixture.close());

/** As a client says it, with any Host. */
function ask(url: string, { headers = {}, method = "GET" }: { headers?: Record<string, string>; method?: string } = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const request = httpRequest(url, { method, headers: { connection: "close", ...headers } }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.on("error", reject);
    request.end();
  });
}

/** What a client that writes bytes itself gets back. */
const raw = (port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    let answer = "";
    const socket = connectTcp(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });

/** The server's end of the connection on which somebody asks next. */
const nextAsked = (): Promise<Socket> =>
  new Promise((resolve) => {
    const hear = (message: unknown): void => {
      unsubscribe("http.server.request.start", hear);
      resolve((message as { socket: Socket }).socket);
    };
    subscribe("http.server.request.start", hear);
  });

const places: readonly [title: string, monitoring: RelayMonitoring][] = [
  ["on its own server", {}],
  ["on a port of its own", { port: 0 }],
];

describe.each(places)("a relay that is monitored %s", (_title, monitoring) => {
  const start = async (more: RelayMonitoring = {}) => {
    const relay = await fixture.relay({ monitoring: { ...monitoring, ...more } });
    return { relay, url: relay.monitoringUrl ?? `http://127.0.0.1:${relay.port}` };
  };

  it("counts in its metrics what went through it, and names nobody", async () => {
    const { relay, url } = await start();
    const [alice, bob] = [
      fixture.closeLater(await connectWebSocket(relay.url, { identity: await fixture.enroll("alice") })),
      fixture.closeLater(await connectWebSocket(relay.url, { identity: await fixture.enroll("bob") })),
    ];
    const at = address("inbox", "alice", alice.instance);
    let got = 0;
    await alice.subscribe(at, () => void got++);
    for (let i = 0; i < 25; i++) await bob.send(at, bytes("x".repeat(100)));
    await until(() => got === 25, "25 frames");
    await ask(`${relay.url.replace("ws", "http")}nothing`);
    const { status, headers, body } = await ask(`${url}/metrics`);
    expect([status, headers["content-type"], headers["cache-control"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8", "no-store"]);
    const families = parseExposition(body);
    const value = (name: string) => sampleOf(families, `tightbeam_relay_${name}`);
    expect([value("frames_in_total"), value("frames_out_total"), value("sockets"), value("logins_total"), value("addresses")]).toEqual([25, 25, 2, 2, 1]);
    expect(value("bytes_in_total")).toBeGreaterThanOrEqual(2_500);
    expect(value("frames_in_per_second")).toBeGreaterThan(0);
    expect(value("frames_in_per_second")).toBeLessThanOrEqual(25);
    expect(value("backlog_bytes")).toBe(0);
    expect(sampleOf(families, "process_resident_memory_bytes")).toBeGreaterThan(1e6);
    expect(body).not.toMatch(/alice|bob|inbox|eyJ/);
    expect(relay.stats().perSecond.framesOut).toBeGreaterThan(0);
  });

  it("says that it is well, and that it ends", async () => {
    const { url, relay } = await start();
    expect(await ask(`${url}/health`)).toMatchObject({ status: 200, body: '{"status":"ok","reasons":[]}\n' });
    expect(await ask(`${url}/ready`)).toMatchObject({ status: 200, body: '{"ready":true,"reasons":[]}\n' });
    expect(await ask(`${url}/ready`, { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
    await relay.close();
    await expect(ask(`${url}/health`)).rejects.toThrow(/ECONNREFUSED/);
  });

  it("[TM-222] refuses other hosts, methods and paths", async () => {
    const { url } = await start();
    for (const path of ["/metrics", "/health", "/ready"]) {
      expect((await ask(url + path, { headers: { host: "evil.example" } })).status, path).toBe(403);
      expect((await ask(url + path, { method: "POST" })).status, path).toBe(405);
    }
    for (const path of ["/", "/metrics/", "/metric", "//metrics"]) expect((await ask(url + path)).status, path).toBe(404);
    expect(await raw(Number(new URL(url).port), "GET /metrics HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 400/);
    expect(await raw(Number(new URL(url).port), "GET http://evil.example/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 404/,
    );
  });

  it("[TM-222] with a token answers who shows it", async () => {
    const { url } = await start({ token });
    for (const path of ["/metrics", "/health", "/ready"]) {
      for (const headers of [{}, { authorization: "Bearer wrong" }, { authorization: `Basic ${token}` }] as Record<string, string>[])
        expect((await ask(url + path, { headers })).status, path).toBe(401);
      expect((await ask(url + path, { headers: { authorization: `Bearer ${token}`, host: "relay.example" } })).status, path).toBe(200);
    }
  });

  it("refuses a token that is none, and leaves no port open", async () => {
    const { port, relay } = await (async () => {
      const relay = await fixture.relay();
      return { relay, port: relay.port };
    })();
    await relay.close();
    const refused = createRelay({ trust: fixture.authority.trust(), port, monitoring: { ...monitoring, token: "short" } });
    expect((await errorOf(refused)).message).not.toContain("short");
    await fixture.relay({ port });
  });
});

describe("a relay", () => {
  it("[TM-222] answers none of it unless it is asked to be monitored", async () => {
    const relay = await fixture.relay();
    expect(relay.monitoringUrl).toBeUndefined();
    for (const path of ["/metrics", "/health", "/ready"]) expect((await ask(`http://127.0.0.1:${relay.port}${path}`)).status).toBe(404);
  });

  const trust = () => fixture.authority.trust();
  it("[TM-222] that others reach needs a token for it, or a port on loopback", async () => {
    const refusals = [
      { port: 0, host: "0.0.0.0", origins: ["wss://relay.example"], monitoring: {} },
      { port: 0, origins: ["wss://relay.example"], monitoring: {} },
      { port: 0, monitoring: { port: 0, host: "0.0.0.0" } },
      { port: 0, monitoring: { port: 0, host: "::" } },
      { port: 0, monitoring: { port: 0, host: "metrics.internal" } },
      // Of no server of its own.
      { port: 0, monitoring: { host: "127.0.0.1" } },
      { port: 0, monitoring: { port: 65_536 } },
      { port: 0, monitoring: { port: 0, tokn: token } as RelayMonitoring },
    ];
    for (const options of refusals) expect(await codeOf(createRelay({ trust: trust(), ...options })), JSON.stringify(options)).toBe("invalid_argument");
    const server = createServer();
    expect(await codeOf(createRelay({ trust: trust(), server, origins: ["ws://127.0.0.1:1"], monitoring: { token } }))).toBe("invalid_argument");
    await fixture.relay({ port: 0, origins: ["wss://relay.example"], monitoring: { token } });
    const relay = await fixture.relay({ port: 0, origins: ["wss://relay.example"], monitoring: { port: 0 } });
    expect((await ask(`${relay.monitoringUrl}/health`)).status).toBe(200);
  });

  it("lets go of who asks and does not read: nobody holds its places", async () => {
    const relay = await fixture.relay({ monitoring: {}, limits: { loginMs: 200 } });
    const held = nextAsked();
    const greedy = connectTcp(relay.port, "127.0.0.1").pause();
    greedy.on("error", () => undefined);
    greedy.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2_000));
    const socket = await held;
    await new Promise((resolve) => socket.once("close", resolve));
    greedy.destroy();
  });

  it("is not ready while it is full, and on a server of somebody else's that does not listen", async () => {
    const full = await fixture.relay({ monitoring: {}, limits: { sockets: 1 } });
    fixture.closeLater(await connectWebSocket(full.url, { identity: await fixture.enroll("alice") }));
    const { status, body } = await ask(`http://127.0.0.1:${full.port}/ready`);
    expect([status, JSON.parse(body)]).toMatchObject([503, { ready: false, reasons: [{ code: "full" }] }]);
    expect(await ask(`http://127.0.0.1:${full.port}/health`)).toMatchObject({ status: 200, body: expect.stringContaining("degraded") });
    const deaf = await fixture.relay({ server: createServer(), origins: ["ws://127.0.0.1:1"], monitoring: { port: 0 } });
    expect(await ask(`${deaf.monitoringUrl}/health`)).toMatchObject({ status: 503, body: expect.stringContaining("not_listening") });
  });

  it("closes again when its port for monitoring is taken", async () => {
    const first = await fixture.relay({ monitoring: { port: 0 } });
    const taken = Number(new URL(first.monitoringUrl as string).port);
    const spare = await fixture.relay();
    await spare.close();
    expect(await codeOf(createRelay({ trust: trust(), port: spare.port, monitoring: { port: taken } }))).toBe("unavailable");
    await fixture.relay({ port: spare.port });
  });
});

describe("serveMonitoring", () => {
  const agents: never[] = [];
  it("serves on loopback", async () => {
    const server = fixture.closeLater(await serveMonitoring({ agents, port: 0 }));
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect(await ask(`${server.url}/ready`)).toMatchObject({ status: 503, body: expect.stringContaining("no_agents") });
    expect((await ask(`${server.url}/metrics`, { headers: { host: "evil.example" } })).status).toBe(403);
    await server.close();
    await server.close();
    await expect(ask(`${server.url}/ready`)).rejects.toThrow();
  });

  it.each(["0.0.0.0", "::", "192.168.0.1", "127.0.0.1.evil.example", ""])("[TM-222] refuses to listen on %j without a token", async (host) => {
    const error = await errorOf(serveMonitoring({ agents, port: 0, host }));
    expect([error.code, error.message]).toEqual(["invalid_argument", expect.stringContaining("token")]);
  });

  it("[TM-222] listens elsewhere with one, and answers who shows it", async () => {
    const server = fixture.closeLater(await serveMonitoring({ agents, port: 0, host: "0.0.0.0", token }));
    const url = `http://127.0.0.1:${server.port}/health`;
    expect((await ask(url)).status).toBe(401);
    expect((await ask(url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  });

  it.each([undefined, -1, 65_536, 1.5, "9464", "socket", Number.NaN])("listens on no port that is none: %j", async (port) => {
    expect(await codeOf(serveMonitoring({ agents, port: port as number }))).toBe("invalid_argument");
  });

  it("says what cannot listen", async () => {
    const first = fixture.closeLater(await serveMonitoring({ agents, port: 0 }));
    expect((await errorOf(serveMonitoring({ agents, port: first.port }))).message).toMatch(/^Monitoring cannot listen on 127\.0\.0\.1/);
  });

  it("lets go of who asks and does not read: nobody holds its places", async () => {
    const server = fixture.closeLater(await openMonitoring(async () => new Response(new Uint8Array(32 * 1024 * 1024)), { port: 0 }, {}, systemRuntime(), 200));
    const held = nextAsked();
    const greedy = connectTcp(server.port, "127.0.0.1").pause();
    greedy.on("error", () => undefined);
    greedy.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const socket = await held;
    await new Promise((resolve) => socket.once("close", resolve));
    greedy.destroy();
  });

  it("ends what does not come to the point, and what is too much", async () => {
    const server = fixture.closeLater(await serveMonitoring({ agents, port: 0 }));
    expect(await raw(server.port, `GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(10_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431/);
    expect(await raw(server.port, "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx")).toMatch(/^HTTP\/1\.1 405/);
    expect(await raw(server.port, "nonsense\r\n\r\n")).toMatch(/^HTTP\/1\.1 400/);
    expect((await ask(`${server.url}/health`)).status).toBe(200);
  });
});

describe("throughput", () => {
  it("is over the last ten seconds", () => {
    let now = 0;
    const counters = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 };
    const throughput = createThroughput(counters as never, { monotonic: () => now, wall: () => 0 });
    counters.framesIn = 5;
    expect(throughput.rates().framesIn).toBe(5);
    for (let second = 0; second < 60; second++) {
      now += 1_000;
      counters.framesIn += 100;
      counters.bytesOut += 1_000;
      throughput.look();
    }
    expect(throughput.rates()).toEqual({ framesIn: 100, framesOut: 0, bytesIn: 0, bytesOut: 1_000 });
    for (let second = 0; second < 10; second++) {
      now += 1_000;
      throughput.look();
    }
    expect(throughput.rates().framesIn).toBe(0);
  });
});
